"""Sees to it that fills which the venue counts are booked: asks for them, and infers one where they cannot be had.

A status may count more than our trades. The fills mostly come by themselves a moment later. If not, they are asked for,
page by page. A venue that still cannot give them at the limit has its own sum booked, as one inferred fill, marked so;
the real trades replace it whenever they come.
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder
from actors.reconciling import Reconciling
from actors.router_core import key_of
from engine.domain.errors import CivalError
from engine.domain.identifiers import Asset, OrderId, Symbol
from engine.domain.order_facts import CumulativeFact, missing_fill
from engine.domain.values import ZERO, divide, multiply, round_money
from engine.messages.venues import CannotTell, FillsQuery, OrderFound, OrderQuery, VenueFill, VenueFills, VenueOrder
from engine.runtime.actor import handles
from engine.runtime.errors import ActorDeadError, Timeout
from engine.runtime.ref import Ref

MISSING_FILLS_AFTER_NS: Final = 1_000_000_000
"""Wall time that the fills of a status may take before they are asked for; doubled for each further time."""
AGAIN_MAX_NS: Final = 30_000_000_000
REAL_AGAIN_NS: Final = 30_000_000_000
"""Wall time until the trades behind an inferred fill are asked for again; doubled for each further time."""
REAL_AGAIN_MAX_NS: Final = 3_600_000_000_000
INFER_AFTER_NS: Final = 30_000_000_000
"""Wall time after which one fill is inferred."""
PAGES_MAX: Final = 100
ASK_TIMEOUT_S: Final = 10.0

_NOT_ANSWERED: Final = (CivalError, ActorDeadError, Timeout)


class CheckMissing(msgspec.Struct, frozen=True):
    """To myself: by now the fills should have come."""

    order_id: OrderId


class MissingSaid(msgspec.Struct, frozen=True):
    """To myself: what the venue says about one order's fills, as far as it could be asked."""

    order_id: OrderId
    fills: tuple[VenueFill, ...]
    order: VenueOrder | None


class Inferring(Reconciling):
    """The part of a router that asks for missing fills."""

    connector: Ref[Any]
    infer_after_ns: int

    def watch_missing(self, live: LiveOrder) -> None:
        """Wait a moment for fills that a status tells of, then ask for them."""
        if live.missing is None and (live.state.missing_quantity or live.state.inferred is not None):
            live.missing = (self.cell.wall.now_ns(), 0)
            self.after(MISSING_FILLS_AFTER_NS, CheckMissing(live.state.order_id), clock=self.cell.wall)

    @handles(CheckMissing)
    def on_missing(self, message: CheckMissing) -> None:
        """Ask for the fills that have not come, and for the trades behind an inferred one."""
        live = self.memory.get(message.order_id)
        if live is None:
            return
        if not live.state.missing_quantity and live.state.inferred is None:
            live.missing = None
            return
        self.spawn(self._ask_fills(live.state.order_id, live.row.symbol, live.row.venue_client_id), name="ask-fills")

    async def _ask_fills(self, order_id: OrderId, symbol: Symbol, client_id: str) -> None:
        fills: list[VenueFill] = []
        order: VenueOrder | None = None
        try:
            fills += [fill async for fill in self._pages(client_id)]
        except _NOT_ANSWERED as error:
            live = self.memory.get(order_id)
            correlation_id = None if live is None else live.correlation_id
            self.log.info("fills_not_told", order_id=order_id, correlation_id=correlation_id, reason=repr(error))
        query = OrderQuery(account_id=self.account_id, symbol=symbol, venue_client_id=client_id)
        try:
            answer = await self.connector.ask(query, timeout_s=ASK_TIMEOUT_S)
        except _NOT_ANSWERED:
            answer = None
        if isinstance(answer, OrderFound):
            order = answer.order
        self.actor_ref.tell(MissingSaid(order_id, tuple(fills), order))

    async def _pages(self, client_id: str) -> AsyncIterator[VenueFill]:
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            query = FillsQuery(account_id=self.account_id, cursor=cursor, venue_client_id=client_id)
            page = await self.connector.ask(query, timeout_s=ASK_TIMEOUT_S)
            if isinstance(page, CannotTell) or not isinstance(page, VenueFills):
                return
            for fill in page.fills:
                if key_of(fill) == client_id:
                    yield fill
            if not page.has_more or page.cursor == cursor:
                return
            cursor = page.cursor

    @handles(MissingSaid)
    def on_missing_said(self, message: MissingSaid) -> None:
        """Book what the venue gave; at the limit infer what it still counts beyond that."""
        live = self.memory.get(message.order_id)
        if live is None or live.missing is None:
            return
        batch = self.gathering()
        for fill in message.fills:
            self.apply_fill(batch, live, fill, is_in_history=False)
        if message.order is not None:
            self.apply_listed(batch, live, message.order)
        since_ns, asked = live.missing
        waited_ns = self.cell.wall.now_ns() - since_ns
        if live.state.missing_quantity and waited_ns >= self.infer_after_ns and self._infer(live):
            asked = -1
        if not live.state.missing_quantity and live.state.inferred is None:
            live.missing = None
            return
        live.missing = (since_ns, asked + 1)
        delay_ns = min(MISSING_FILLS_AFTER_NS << min(asked + 1, 10), AGAIN_MAX_NS)
        if live.state.missing_quantity and waited_ns < self.infer_after_ns:
            delay_ns = max(min(delay_ns, self.infer_after_ns - waited_ns), 1)
        elif not live.state.missing_quantity:
            delay_ns = min(REAL_AGAIN_NS << min(max(asked, 0), 10), REAL_AGAIN_MAX_NS)
        self.after(delay_ns, CheckMissing(message.order_id), clock=self.cell.wall)

    def _infer(self, live: LiveOrder) -> bool:
        """Book the venue's sum where it has said an average price, else at the order's own; whether there was one."""
        batch = self.gathering()
        state, listed = live.state, live.listed
        price = (listed and listed.average_price) or live.row.average_price or live.row.price or live.row.stop_price
        if price is None:
            if live.missing is not None and live.missing[1] <= 1:
                batch.alert(live, "fills_missing", "critical")
            return False
        fact = CumulativeFact(
            quantity=state.reported_quantity,
            average_price=price,
            fee=_fee_of(listed, state.reported_quantity),
            fee_asset=(listed and listed.fee_asset) or quote_of(state.symbol),
            at_ns=_stored(state.venue_at[0]),
        )
        seen = live.seen()
        self.learn(batch, live, state.apply_cumulative(fact), seen)
        batch.alert(live, "fill_inferred", "medium")
        return True

    def apply_listed(self, batch: FactBatch, live: LiveOrder, order: VenueOrder) -> None:
        """Take what the venue says in full about an order; it may know better what an inferred fill has cost."""
        super().apply_listed(batch, live, order)
        state, known = live.state, live.state.cumulative
        if state.inferred is None or known is None or order.average_price is None:
            return
        if order.filled_quantity != known.quantity:
            return
        fact = CumulativeFact(
            quantity=known.quantity,
            average_price=order.average_price,
            fee=_fee_of(order, known.quantity),
            fee_asset=order.fee_asset or known.fee_asset,
            at_ns=max(_stored(order.venue_time_ns), known.at_ns + 1_000),
        )
        paid = state.traded_fee(fact.fee_asset)
        better = missing_fill(fact, state.traded_quantity, state.traded_value, paid)
        if better is not None and (better.price, better.fee) != (state.inferred.price, state.inferred.fee):
            seen = live.seen()
            self.learn(batch, live, state.apply_cumulative(fact), seen)


def _fee_of(listed: VenueOrder | None, quantity: Decimal) -> Decimal:
    """Return what an order has paid for a quantity, in proportion where it was listed with less; zero if unknown."""
    if listed is None or listed.fee is None:
        return ZERO
    if listed.filled_quantity == quantity:
        return listed.fee
    return round_money(divide(multiply(listed.fee, quantity), listed.filled_quantity))


def quote_of(symbol: Symbol) -> Asset:
    """Return the quote asset of `BASE/QUOTE` or `BASE/QUOTE:SETTLE`."""
    return symbol.partition(":")[0].partition("/")[2]


def _stored(at_ns: int) -> int:
    return at_ns - at_ns % 1_000
