"""Questions to a live account: one request of the venue each, answered in time, never with a guess."""

import asyncio
from typing import Any, Final

from connectors.bridge.departure import Priority, default_departure
from connectors.bridge.errors import AuthRefused
from connectors.fault_paths import pass_point
from connectors.live.departures import QueryDeparture
from connectors.live.messages import StreamRefused
from connectors.live.outcomes import cannot_tell
from connectors.live.session import LiveSession
from engine.messages.base import Message
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderAbsent,
    OrderQuery,
)
from engine.runtime.actor import handles
from engine.runtime.clock import NS_PER_S
from engine.runtime.future import AsyncioFuture

QUERIES_MAX: Final = 200
"""Questions under way at once."""

Query = OpenOrdersQuery | OrderQuery | FillsQuery | AccountQuery | ArmDeadMan


class LiveQueries(LiveSession):
    """The part of `LiveVenue` that is asked."""

    _asked = 0
    """Questions under way."""

    @handles(OpenAccount)
    def on_open_account(self, message: OpenAccount) -> Message:
        """Say what the venue can do with this account; whether it is there, `VenueConnection` tells."""
        if message.account_id != self._account_id:
            return CannotTell(why=f"this connection is of account {self._account_id}")
        return AccountOpened(account_id=message.account_id, created=False, capabilities=self._adapter.capabilities)

    @handles(OpenOrdersQuery, OrderQuery, FillsQuery, AccountQuery, ArmDeadMan)
    def on_query(self, query: Query) -> AsyncioFuture[Any] | Message:
        """Ask the venue; one page per question. `CannotTell` if there is no answer."""
        if self._modes is None:
            return CannotTell(why=f"not connected: {self._why}")
        if self._asked >= QUERIES_MAX:
            return CannotTell(why="busy")
        reply: AsyncioFuture[Any] = self.new_future()
        self._asked += 1
        self.spawn(self._reply(query, reply), name="query")
        return reply

    async def _reply(self, query: Query, reply: AsyncioFuture[Any]) -> None:
        try:
            answer = await self._answer_to(query)
        finally:
            self._asked -= 1
        pass_point(query, "answered")
        if not reply.done():
            reply.set(answer)

    async def _answer_to(self, query: Query) -> Any:
        """Ask the venue, in time."""
        default_departure.set(QueryDeparture(query))
        try:
            async with asyncio.timeout(self._times.query_ns / NS_PER_S):
                return await self._ask(query)
        except AuthRefused as error:
            self.actor_ref.tell(StreamRefused(error))
            return cannot_tell(error)
        except TimeoutError:
            return CannotTell(why="no answer in time")
        except Exception as error:  # noqa: BLE001 - no answer that proves anything, whatever it is.
            self.log.warning("query_not_answered", query=type(query).__name__, error=repr(error)[:200])
            return cannot_tell(error)

    async def _ask(self, query: Query) -> Any:
        adapter = self._adapter
        match query:
            case OpenOrdersQuery():
                return await adapter.open_orders(query)
            case OrderQuery():
                asked_ns = self._wall.now_ns()
                return _as_of(await adapter.order(query), asked_ns)
            case FillsQuery():
                return await adapter.fills(query)
            case AccountQuery():
                return await adapter.account()
            case ArmDeadMan():
                departure = QueryDeparture(query, Priority.CANCEL)
                until_ns = await adapter.arm_dead_man(query.timeout_ns, departure)
                return DeadManArmed(account_id=query.account_id, until_ns=until_ns)


def _as_of(answer: Any, asked_ns: int) -> Any:
    """Date an absence by our clock where the venue's is ahead: that is the clock by which an order's time limit is set.

    It proves nothing beyond the moment of asking: what arrives while the answer is on its way is not in it.
    """
    if not isinstance(answer, OrderAbsent) or answer.venue_time_ns <= asked_ns:
        return answer
    return OrderAbsent(venue_time_ns=asked_ns)
