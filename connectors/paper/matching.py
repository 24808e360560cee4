"""Matching of one instrument: our orders against the market's book, quotes and trades. Pure and synchronous.

A taker walks the depth (`connectors.paper.depth`). A resting limit order fills, always at its own price:

- when the other side of the market reaches its price, up to the quantity displayed at its price or better;
- when a trade prints beyond its price, up to the trade's quantity;
- when a trade of the other side prints at its price, with what is left of the trade after everybody ahead in the queue.

`queue_ahead` is what was displayed at the price when the order joined. Trades at the price shorten it; so does a
displayed quantity that falls below it (whoever cancelled is taken to have stood behind us as long as that is possible).
It is 0 once our price is better than the market's best. Where nothing is known about a price, it is None: then only the
first and second rule apply until the market shows a quantity there.

Orders of one account go by price, then by number, and share what an event brings; accounts share nothing: each meets
the market as if it were alone.

With `FillModel.TOP` sizes play no part: what meets the best price fills whole, a taker at that price and a resting
order at its own.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from connectors.paper.accounts import PaperAccount
from connectors.paper.depth import Depth
from connectors.paper.levels import PriceLevels
from connectors.paper.order import PENDING, PaperOrder
from engine.domain.book import UNCHECKED, Level, SequenceRule
from engine.domain.instrument import Instrument
from engine.domain.kinds import TAKE_PROFIT_TYPES, TRIGGERED_TYPES, OrderType, Side
from engine.domain.values import ZERO, add, subtract
from engine.messages.market import BookDelta, BookSnapshot, QuoteTick, TradePrint


class FillModel(StrEnum):
    """How much of the market is there to be had."""

    BOOK = "book"
    """What is displayed."""
    TOP = "top"
    """Any quantity at the best price."""


class MakerFill(NamedTuple):
    """A resting order trades."""

    order: PaperOrder
    price: Decimal
    quantity: Decimal


class Market:
    """One instrument: its depth, and our orders in it. What it reports as filled, its owner books."""

    __slots__ = (
        "buy_stops",
        "buy_targets",
        "buys",
        "depth",
        "instrument",
        "is_idle",
        "is_top",
        "moved",
        "sell_stops",
        "sell_targets",
        "sells",
    )

    def __init__(
        self,
        instrument: Instrument,
        *,
        fill_model: FillModel = FillModel.BOOK,
        rule: SequenceRule = UNCHECKED,
        moved: dict[PaperOrder, None] | None = None,
    ) -> None:
        """Start without a market and without orders.

        Args:
            instrument: What is traded.
            fill_model: How much of the market is there.
            rule: How the venue numbers its diffs.
            moved: Where to note the orders whose place in the queue has changed; shared by the markets of a venue.
        """
        self.instrument = instrument
        self.depth = Depth(rule)
        self.is_top = fill_model is FillModel.TOP
        self.buys = PriceLevels()
        self.sells = PriceLevels()
        self.buy_stops = PriceLevels()
        self.sell_stops = PriceLevels()
        self.buy_targets = PriceLevels()
        """Take-profits that buy once the price has fallen."""
        self.sell_targets = PriceLevels()
        """Take-profits that sell once the price has risen."""
        self.is_idle = True
        """Nothing here depends on the next event, which then only has to be remembered."""
        self.moved: dict[PaperOrder, None] = {} if moved is None else moved

    # --- Orders come and go ------------------------------------------------------------------------------------------

    def add(self, order: PaperOrder) -> None:
        """Let an order rest (`open`) or wait for its trigger (`pending`)."""
        levels, price = self._place_of(order)
        levels.add(price, order)
        order.is_waiting = True
        self.is_idle = False

    def join_queue(self, order: PaperOrder) -> None:
        """Put an order at the end of the market's queue at its price."""
        assert order.price is not None, "only limit orders rest"
        order.queue_ahead = self.depth.displayed(order.price, is_ask=not order.is_buy)

    def discard(self, order: PaperOrder) -> None:
        """Take an order out, if it is here."""
        levels, price = self._place_of(order)
        levels.discard(price, order)
        order.is_waiting = False
        self.moved.pop(order, None)
        self._rest()

    def _place_of(self, order: PaperOrder) -> tuple[PriceLevels, Decimal]:
        if order.state is PENDING:
            price = order.stop_price
            if order.type in TAKE_PROFIT_TYPES:
                levels = self.buy_targets if order.is_buy else self.sell_targets
            else:
                levels = self.buy_stops if order.is_buy else self.sell_stops
        else:
            price = order.price
            levels = self.buys if order.is_buy else self.sells
        assert price is not None, f"an order that waits has a price: {order.client_id}"
        return levels, price

    def _rest(self) -> None:
        depth = self.depth
        self.is_idle = not (self.buys or self.sells or self.has_triggers or depth.taken_bids or depth.taken_asks)

    # --- Takers ------------------------------------------------------------------------------------------------------

    def plan(self, account: PaperAccount, quantity: Decimal, limit: Decimal | None, *, is_buy: bool) -> Sequence[Level]:
        """Tell at which prices an order would trade at once; see `Depth.plan`."""
        if not self.is_top:
            return self.depth.plan(account, quantity, limit, self.instrument.step_size, is_buy=is_buy)
        best = self.depth.best(is_ask=is_buy)
        if best is None or (limit is not None and (best > limit if is_buy else best < limit)):
            return ()
        return ((best, quantity),)

    def take(self, account: PaperAccount, parts: Sequence[Level], *, is_buy: bool) -> None:
        """Remember what an account took, so that it is not there twice."""
        if not self.is_top:
            self.depth.take(account, parts, is_buy=is_buy)
            self.is_idle = False

    # --- Triggers ----------------------------------------------------------------------------------------------------

    @property
    def has_triggers(self) -> bool:
        """Whether an order waits for a price."""
        return bool(
            self.buy_stops.prices or self.sell_stops.prices or self.buy_targets.prices or self.sell_targets.prices
        )

    def is_triggered(self, type: OrderType, stop_price: Decimal | None, *, is_buy: bool) -> bool:
        """Tell whether the market is where an order waits for it, or beyond; False for one that waits for nothing.

        The market is the last trade, or before the first trade the quote that the order would meet. A stop waits for it
        to move against the order, a take-profit for it to move in its favour.
        """
        if stop_price is None or type not in TRIGGERED_TYPES:
            return False
        price = self._trigger_price(is_buy=is_buy)
        if price is None:
            return False
        waits_for_rise = is_buy != (type in TAKE_PROFIT_TYPES)
        return price >= stop_price if waits_for_rise else price <= stop_price

    def _trigger_price(self, *, is_buy: bool) -> Decimal | None:
        trade = self.depth.trade
        return self.depth.best(is_ask=is_buy) if trade is None else trade.price

    def pop_triggered(self) -> list[PaperOrder]:
        """Take out the orders whose price the market has reached.

        Buys first; of each side what waited for a rise first; then as the market came by their prices, and by number.
        """
        found: list[PaperOrder] = []
        for is_buy, rising, falling in (
            (True, self.buy_stops, self.buy_targets),
            (False, self.sell_targets, self.sell_stops),
        ):
            price = self._trigger_price(is_buy=is_buy)
            if price is None:
                continue
            found += [order for _, level in rising.at_or_below(price) for order in level]
            found += [order for _, level in falling.at_or_above(price) for order in level]
        for order in found:
            self.discard(order)
        return found

    def resume(self) -> None:
        """Count what crosses a resting order as taken: it would have filled the order, had it still been there.

        For a replay that has come back to where it was stopped: what was taken is not stored.
        """
        for levels, is_buy in ((self.buys, True), (self.sells, False)):
            for price, orders in levels.by_price.items():
                for order in orders:
                    offers = self.plan(order.account, self.instrument.max_quantity, price, is_buy=is_buy)
                    if offers:
                        self.take(order.account, offers, is_buy=is_buy)

    # --- The market moves --------------------------------------------------------------------------------------------

    def on_quote(self, quote: QuoteTick) -> list[MakerFill]:
        """Take a new best quote and return what fills by it."""
        self.depth.see_quote(quote)
        buys, sells = self.buys.prices, self.sells.prices
        is_near_buys = bool(buys) and buys[-1] >= quote.bid
        is_near_sells = bool(sells) and sells[0] <= quote.ask
        if not (is_near_buys or is_near_sells):
            # Behind the best price a quote says nothing about our orders.
            if not (buys or sells):
                self._rest()
            return []
        if is_near_buys:
            self._cap_queues({quote.bid: quote.bid_size}, is_buy=True)
        if is_near_sells:
            self._cap_queues({quote.ask: quote.ask_size}, is_buy=False)
        return self._cross()

    def on_delta(self, delta: BookDelta) -> list[MakerFill]:
        """Take changed levels and return what fills by them."""
        if not self.depth.see_delta(delta):
            self._rest()
            return []
        if self.buys:
            self._cap_queues(dict(delta.bids), is_buy=True)
        if self.sells:
            self._cap_queues(dict(delta.asks), is_buy=False)
        return self._cross()

    def on_snapshot(self, snapshot: BookSnapshot) -> list[MakerFill]:
        """Take a whole book and return what fills by it."""
        if not self.depth.see_snapshot(snapshot):
            self._rest()
            return []
        if self.buys:
            self._cap_queues(dict(self.depth.book.bids()), is_buy=True)
        if self.sells:
            self._cap_queues(dict(self.depth.book.asks()), is_buy=False)
        return self._cross()

    def on_trade(self, trade: TradePrint) -> list[MakerFill]:
        """Take a public trade and return what fills by it; what it triggers is left to `pop_triggered`."""
        price, by_buyer = trade.price, trade.aggressor is Side.BUY
        self.depth.see_trade(trade)
        fills: list[MakerFill] = []
        if self.buys:
            self._print(self.buys.at_or_above(price), trade, not by_buyer, fills)
        if self.sells:
            self._print(self.sells.at_or_below(price), trade, by_buyer, fills)
        self._rest()
        return fills

    def _print(
        self,
        levels: Iterable[tuple[Decimal, list[PaperOrder]]],
        trade: TradePrint,
        counts_at_price: bool,  # noqa: FBT001 - a helper of one caller.
        fills: list[MakerFill],
    ) -> None:
        """Let a trade reach the resting orders of one side, best first."""
        left_of: dict[PaperAccount, Decimal] = {}
        for price, orders in levels:
            is_beyond = price != trade.price
            if not is_beyond and (self.is_top or not counts_at_price):
                continue
            for order in orders:
                left = left_of.get(order.account, trade.quantity)
                if is_beyond:
                    self._move(order, ZERO)
                    reach = order.remaining if self.is_top else left
                else:
                    ahead = order.queue_ahead
                    if ahead is None:
                        continue
                    reach = subtract(left, ahead)
                    self._move(order, reach.copy_negate() if reach < ZERO else ZERO)
                part = min(order.fillable(), reach)
                if part > ZERO:
                    fills.append(MakerFill(order, price, part))
                    left_of[order.account] = subtract(left, part)

    def _cap_queues(self, displayed: dict[Decimal, Decimal], *, is_buy: bool) -> None:
        """Shorten the queues of one side to what is displayed; 0 where our price is better than the best."""
        levels = self.buys if is_buy else self.sells
        best = self.depth.best(is_ask=not is_buy)
        if best is not None:
            for price, orders in levels.at_or_above(best) if is_buy else levels.at_or_below(best):
                if price != best:
                    for order in orders:
                        self._move(order, ZERO)
        by_price = levels.by_price
        shown, ours = (displayed, by_price) if len(displayed) < len(by_price) else (by_price, displayed)
        for price in shown:
            if price in ours:
                cap = displayed[price]
                for order in by_price[price]:
                    if order.queue_ahead is None or order.queue_ahead > cap:
                        self._move(order, cap)

    def _move(self, order: PaperOrder, ahead: Decimal) -> None:
        if order.queue_ahead != ahead:
            order.queue_ahead = ahead
            self.moved[order] = None

    def _cross(self) -> list[MakerFill]:
        """Fill the resting orders that the other side of the market has reached."""
        fills: list[MakerFill] = []
        ask = self.depth.best(is_ask=True) if self.buys else None
        if ask is not None:
            for price, orders in self.buys.at_or_above(ask):
                self._meet(price, orders, fills)
        bid = self.depth.best(is_ask=False) if self.sells else None
        if bid is not None:
            for price, orders in self.sells.at_or_below(bid):
                self._meet(price, orders, fills)
        self._rest()
        return fills

    def _meet(self, price: Decimal, orders: list[PaperOrder], fills: list[MakerFill]) -> None:
        for order in orders:
            self._move(order, ZERO)
            wanted = order.fillable()
            if not wanted:
                continue
            parts = self.plan(order.account, wanted, price, is_buy=order.is_buy)
            if parts:
                self.take(order.account, parts, is_buy=order.is_buy)
                quantity = ZERO
                for _, part in parts:
                    quantity = add(quantity, part)
                fills.append(MakerFill(order, price, quantity))
