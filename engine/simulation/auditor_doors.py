"""Judges the rim: no order on a price of long ago, no message at the wrong venue, no endless tries."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.domain.identifiers import Venue
from engine.messages.rows import OrderRow
from engine.messages.rows_people import AccountRow
from engine.simulation.auditor_findings import ZERO, Findings

STALE_NS: Final = 15_000_000_000
"""Age at which a price may no longer be decided on."""
FEED_NS: Final = 1_000_000_000
"""Between two prices of one symbol."""
TRIES_MAX: Final = 200
"""Orders that one place (a slot of an executor, an agent's denials of one second) may make in a run: far more than any
sensible wait between two tries leaves room for."""
SPOKEN_FOR: Final = frozenset({"api", "agent", "executor"})
"""Origins of orders that somebody decides on by a price."""


class Doors:
    """Accounts, prices, and who tries how often."""

    __slots__ = ("_accounts", "_findings", "_frozen_until_ns", "_silences", "_tries", "skew_ns")

    def __init__(self, findings: Findings) -> None:
        """Start without accounts."""
        self._findings = findings
        self._accounts: dict[UUID, AccountRow] = {}
        self._silences: dict[str, tuple[int, int]] = {}
        """Base asset -> from when to when nobody shows its price."""
        self._frozen_until_ns = 0
        self._tries: Counter[tuple[UUID, str]] = Counter()
        self.skew_ns = 0
        """How far clocks may be off from the truth."""

    def account(self, row: AccountRow) -> None:
        """Take an account."""
        self._accounts[row.id] = row

    def silent(self, base: str, until_ns: int) -> None:
        """No price of a symbol comes from now until then."""
        self._silences[base] = (self._findings.now_ns, until_ns)

    def frozen(self, until_ns: int) -> None:
        """A process stands still until then; what waits at its door is old when it looks."""
        self._frozen_until_ns = max(self._frozen_until_ns, until_ns)

    def sent(self, process: str, venue: Venue, message: Any) -> None:
        """Judge where a message goes: to the venue of its account, and never for an account that only pretends."""
        account = self._accounts.get(getattr(message, "account_id", None))  # type: ignore[arg-type]  # None: none.
        if account is None:
            return
        if account.exchange != venue or account.mode == "paper":
            self._findings.broken(
                "I22", f"{process} sent {type(message).__name__} of {account.mode} {account.name} to {venue}"
            )

    def order(self, row: OrderRow, sizes: Mapping[tuple[UUID, str], Decimal]) -> None:
        """Judge an order that is new in the store."""
        if row.executor_id is not None:
            place = (row.executor_id, row.intent_key.rpartition(":")[0])
            self._tries[place] += 1
            if self._tries[place] == TRIES_MAX:
                self._findings.broken("I18", f"{place[1]} has been tried {TRIES_MAX} times, and is tried on")
        if row.lifecycle == "done" or row.reduce_only or row.origin not in SPOKEN_FOR:
            return
        since_ns, until_ns = self._silences.get(row.symbol.partition("/")[0], (0, 0))
        since_ns = max(since_ns, self._frozen_until_ns) + STALE_NS + FEED_NS + self.skew_ns
        size = sizes.get((row.account_id, row.symbol), ZERO)
        # Who sells a pair has what is sold.
        reduces = size < 0 if row.side == "buy" else size > 0 or ":" not in row.symbol
        if since_ns < row.created_at < until_ns - self.skew_ns and not reduces:
            late_s = (row.created_at - since_ns) / 1e9
            self._findings.broken("I14", f"order {row.id} was made {late_s:.1f} s after its price had grown too old")
