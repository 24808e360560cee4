"""What is proven of a halt: each order that was open in its scope, each position, each account that must be heard.

An order counts as over only on the venue's word, which the router has made into its end. A venue that cannot be heard,
or an order of unknown outcome, leaves the halt unproven, by name.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, AgentId, OrderId, Symbol
from engine.domain.kinds import OrderStatus, Scope
from engine.messages.orders import OrderChanged
from engine.messages.rows_halts import HaltRow

REQUESTED: Final = "requested"
VERIFYING: Final = "verifying"
PROVEN: Final = "proven"
UNPROVEN: Final = "unproven"
LIFTED: Final = "lifted"

PROVE_WITHIN_NS: Final = 30_000_000_000
"""Wall time after which a halt that is not proven is called so, with an alert; it is looked after for ever."""

_OUTCOMES: Final = {
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.EXPIRED: "cancelled",
    OrderStatus.FILLED: "filled",
    OrderStatus.REJECTED: "never_open",
    OrderStatus.PENDING: "unknown",
    OrderStatus.OPEN: "open",
    OrderStatus.PARTIAL: "open",
}
"""Of an order that is over, or not; `unknown`: nobody knows whether the venue has it."""


class HeldPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position in the scope of a halt that was to be flattened."""

    account_id: AccountId
    symbol: Symbol
    size: str
    """Signed, what is left of it; `0` is flat."""
    why: str = ""
    """Why it is not flat."""


class HaltProof:
    """One halt that is not lifted."""

    def __init__(self, row: HaltRow) -> None:
        """Go on from what is stored."""
        self.row = row
        self.scope = Scope(row.scope)
        self._orders: dict[OrderId, dict[str, str]] = {
            OrderId(UUID(order["order_id"])): dict(order) for order in row.report.get("orders", [])
        }
        self._open: set[OrderId] = {
            order_id for order_id, order in self._orders.items() if order["outcome"] in ("open", "unknown")
        }
        self._stored = row

    @property
    def account_id(self) -> AccountId | None:
        """The account that it is limited to."""
        return AccountId(self.row.scope_id) if self.scope is Scope.ACCOUNT else None

    @property
    def agent_id(self) -> AgentId | None:
        """The agent that it is limited to."""
        return AgentId(self.row.scope_id) if self.scope is Scope.AGENT else None

    @property
    def open_orders(self) -> int:
        """Orders that may still fill, as far as it is known."""
        return len(self._open)

    def covers(self, account_id: AccountId, agent_id: AgentId | None) -> bool:
        """Whether something is in the scope."""
        if self.scope is Scope.ACCOUNT:
            return account_id == self.row.scope_id
        return self.scope is not Scope.AGENT or agent_id == self.row.scope_id

    def is_open(self, account_id: AccountId, symbol: Symbol) -> bool:
        """Whether an order of a symbol may still fill."""
        wanted = (str(account_id), symbol)
        return any((self._orders[each]["account_id"], self._orders[each]["symbol"]) == wanted for each in self._open)

    def follow(self, change: OrderChanged) -> None:
        """Take in how an order of the scope now stands; one that appears later counts from then on."""
        order_id = change.order_id
        if order_id not in self._orders and (change.is_done or not self.covers(change.account_id, change.agent_id)):
            return
        self._orders[order_id] = {
            "order_id": str(order_id),
            "account_id": str(change.account_id),
            "symbol": change.symbol,
            "outcome": _OUTCOMES[change.status],
            "filled_quantity": str(change.filled_quantity),
        }
        if change.is_done:
            self._open.discard(order_id)
        else:
            self._open.add(order_id)

    def judge(
        self,
        unheard: Mapping[AccountId, str],
        positions: Iterable[HeldPosition],
        now_ns: int,
        *,
        is_complete: bool = True,
    ) -> HaltRow:
        """Return the row as it now is.

        Args:
            unheard: Account of the scope -> why its venue cannot be heard.
            positions: What was to be flattened; empty without `flatten`.
            now_ns: Wall clock.
            is_complete: Every order that has passed the gate has been told; otherwise one may be missing here.
        """
        held = list(positions)
        is_proven = is_complete and not self._open and not unheard and all(each.size == "0" for each in held)
        if is_proven:
            state = PROVEN
        elif now_ns - self.row.requested_at >= PROVE_WITHIN_NS:
            state = UNPROVEN
        else:
            state = VERIFYING
        report: dict[str, Any] = {
            "orders": list(self._orders.values()),
            "positions": [
                {
                    "account_id": str(each.account_id), "symbol": each.symbol, "size": each.size,
                    "outcome": "flat" if each.size == "0" else "remaining", "why": each.why,
                }
                for each in held
            ],
            "accounts": [
                {"account_id": str(account_id), "outcome": "not_heard", "why": why}
                for account_id, why in unheard.items()
            ],
        }  # fmt: skip
        if (state, report) != (self.row.state, self.row.report):
            self.row = msgspec.structs.replace(self.row, state=state, report=report, updated_at=now_ns)
        return self.row

    def lift(self, now_ns: int) -> HaltRow:
        """Return the row of the end of the halt."""
        self.row = msgspec.structs.replace(self.row, state=LIFTED, updated_at=now_ns)
        return self.row

    @property
    def is_news(self) -> bool:
        """Whether the row differs from the one that was stored last."""
        return self.row is not self._stored

    def stored(self) -> None:
        """The row is on its way to the store."""
        self._stored = self.row
