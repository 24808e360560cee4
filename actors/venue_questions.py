"""Asks the venue what became of an order, again and again until it can tell.

An order is asked for when the outcome of its submit is unknown, when a cancel was refused because the venue does not
know it, or when it is missing from the venue's list. A network error is never an answer.
"""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from actors.live_order import LiveOrder
from engine.domain.errors import CivalError
from engine.domain.identifiers import AccountId, OrderId
from engine.messages.venues import CannotTell, OrderAbsent, OrderFound, OrderQuery
from engine.runtime.errors import ActorDeadError, Timeout
from engine.runtime.ref import Ref

FIRST_DELAY_NS: Final = 250_000_000
"""Wall time before the first repeat; doubled for each further one."""
DELAY_MAX_NS: Final = 30_000_000_000
TIMEOUT_S: Final = 10.0
"""Seconds after which a question counts as not answered."""


class AskVenue(msgspec.Struct, frozen=True):
    """To myself: the delay is over, ask."""

    order_id: OrderId


class VenueSaid(msgspec.Struct, frozen=True):
    """To myself: an answer, or that there was none."""

    order_id: OrderId
    answer: OrderFound | OrderAbsent | CannotTell


class VenueQuestions:
    """The questions of one router."""

    __slots__ = ("_account_id", "_after", "_connector", "_now_ns", "_spawn", "_tell", "tally")

    def __init__(
        self,
        *,
        account_id: AccountId,
        connector: Ref[Any],
        tell: Callable[[Any], None],
        spawn: Callable[[Coroutine[Any, Any, Any], str], Any],
        after: Callable[[int, Any], Any],
        now_ns: Callable[[], int],
    ) -> None:
        """Keep the way to the venue and back.

        Args:
            account_id: Whose orders.
            connector: Answers `OrderQuery`.
            tell: Sends to the router itself.
            spawn: Runs a coroutine beside the router's handlers.
            after: Sends to the router itself in so many nanoseconds of wall time.
            now_ns: Wall time.
        """
        self._account_id = account_id
        self._connector = connector
        self._tell = tell
        self._spawn = spawn
        self._after = after
        self._now_ns = now_ns
        self.tally: Counter[str] = Counter()
        """Answers that name no order, `absent` and `cannot_tell`, since somebody last cleared it."""

    def begin(self, live: LiveOrder) -> None:
        """Ask about an order, unless that is going on."""
        if not live.question:
            live.question = 1
            live.absences = live.denied_since_ns = 0
            live.asked_since_ns = self._now_ns()
            self.ask(live)

    def ask(self, live: LiveOrder) -> None:
        """Ask again: the delay is over."""
        self._spawn(self._ask(live.state.order_id, live.row.symbol, live.row.venue_client_id), "ask-venue")

    def again(self, live: LiveOrder, delay_ns: int | None = None) -> None:
        """Ask once more; None: after a delay that grows with each answer that tells nothing."""
        if delay_ns is None:
            delay_ns = min(FIRST_DELAY_NS << min(live.question - 1, 10), DELAY_MAX_NS)
            live.question += 1
        self._after(min(delay_ns, DELAY_MAX_NS), AskVenue(live.state.order_id))

    def is_overdue(self, live: LiveOrder, limit_ns: int) -> bool:
        """Whether an order has been asked about for longer than this; said once per question."""
        if live.asked_since_ns is None or self._now_ns() - live.asked_since_ns < limit_ns:
            return False
        live.asked_since_ns = None
        return True

    async def _ask(self, order_id: OrderId, symbol: str, client_id: str) -> None:
        query = OrderQuery(account_id=self._account_id, symbol=symbol, venue_client_id=client_id)
        try:
            answer = await self._connector.ask(query, timeout_s=TIMEOUT_S)
        except (CivalError, ActorDeadError, Timeout) as error:
            answer = CannotTell(why=repr(error))
        if not isinstance(answer, OrderFound):
            self.tally["absent" if isinstance(answer, OrderAbsent) else "cannot_tell"] += 1
        self._tell(VenueSaid(order_id, answer))
