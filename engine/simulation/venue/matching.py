"""How orders trade: against one market price per symbol, whole or in parts as chance will have it."""

from decimal import Decimal
from typing import Final

from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.domain.values import ZERO, add, divide, floor_to_step, multiply, round_money, subtract
from engine.runtime.entropy import Rng
from engine.simulation.venue.entry import crosses, shortage
from engine.simulation.venue.facts import OrderEnded, OrderTraded, OrderTriggered, PriceMoved
from engine.simulation.venue.faults import MILLION, Faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.money import Account
from engine.simulation.venue.orders import Order
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.rules import SECOND, FeeIn, VenueRules

SMALLEST_FEE: Final = Decimal("0.00000001")
HIDDEN_MAX_NS: Final = 40 * SECOND
"""Beyond the time after which an engine books a venue's sum instead of its trades."""


class Matching:
    """Turns orders and prices into trades."""

    def __init__(self, recorder: Recorder, rules: VenueRules, rng: Rng, faults: Faults) -> None:
        """Keep what it works with."""
        self._recorder = recorder
        self._truth = recorder.truth
        self._rules = rules
        self._rng = rng
        self._faults = faults

    # --- Orders come and go ------------------------------------------------------------------------------------------

    def enter(self, order: Order) -> None:
        """Let a new or amended order meet the market; a stop waits."""
        if order.is_open and order.is_triggered:
            self._take(order)

    def _take(self, order: Order) -> None:
        market = self._truth.prices.get(order.symbol)
        limit = None if order.type in (OrderType.MARKET, OrderType.STOP) else order.price
        wanted = self._fillable(order)
        if market is not None and wanted and (limit is None or crosses(order.side, limit, market)):
            is_whole = order.time_in_force is TimeInForce.FOK or not self._rules.rests_partly or self._rng.randrange(3)
            self._trade_parts(order, market, wanted if is_whole else self._part_of(order, wanted))
        if not order.is_open:
            return
        if limit is None or order.time_in_force is not TimeInForce.GTC:
            self.end(order, DoneReason.EXPIRED)
        elif not self._fillable(order):
            self.end(order, DoneReason.CANCELLED)

    def _trade_parts(self, order: Order, price: Decimal, quantity: Decimal) -> None:
        for left in range(self._rng.randrange(self._rules.parts_max), -1, -1):
            part = quantity if left == 0 else self._part_of(order, quantity)
            if part and order.is_open:
                self.trade(order, price, part, Liquidity.TAKER)
                quantity = subtract(quantity, part)

    def _part_of(self, order: Order, quantity: Decimal) -> Decimal:
        """Draw a part in steps; zero if there is none that is less than the whole."""
        step = self._truth.instruments[order.symbol].step_size
        share = divide(Decimal(self._rng.randrange(MILLION)), Decimal(MILLION))
        return floor_to_step(multiply(quantity, share), step)

    def _fillable(self, order: Order) -> Decimal:
        instrument = self._truth.instruments[order.symbol]
        if not (order.reduce_only and instrument.is_perpetual):
            return order.remaining
        return min(order.remaining, self._truth.accounts[order.account_id].reducible(order.symbol, order.side))

    # --- The market moves --------------------------------------------------------------------------------------------

    def move(self, symbol: Symbol, price: Decimal) -> None:
        """Let the market trade at another price, and orders with it."""
        self._recorder.record(PriceMoved(at_ns=self._recorder.now_ns, symbol=symbol, price=price))
        self.step(symbol)

    def step(self, symbol: Symbol) -> None:
        """Trigger and fill what the present price reaches; a part at a time where the venue does so."""
        price, book = self._truth.prices.get(symbol), self._truth.books[symbol]
        if price is None:
            return
        for order in book.triggered(price):
            self._trigger(order)
        for order in book.crossed(price):
            wanted = self._fillable(order)
            if not order.is_open or not wanted or order.price is None:
                continue
            if self._rules.rests_partly and self._rng.randrange(2):
                wanted = self._part_of(order, wanted)
            if wanted:
                self.trade(order, order.price, wanted, Liquidity.MAKER)

    def _trigger(self, order: Order) -> None:
        if not order.is_open:
            return
        self._recorder.record(OrderTriggered(at_ns=self._recorder.now_ns, symbol=order.symbol, number=order.number))
        instrument, account = self._truth.instruments[order.symbol], self._truth.accounts[order.account_id]
        price = order.price or self._truth.prices[order.symbol]
        wanted = self._fillable(order)
        held = order.held
        if not wanted or shortage(account, instrument, order.side, wanted, price, order.reduce_only, held=held):
            self.end(order, DoneReason.EXPIRED)
        else:
            self._take(order)

    def walk(self, symbol: Symbol) -> None:
        """Move a market by some ticks up or down; orders trade also where it stands still."""
        price = self._truth.prices.get(symbol)
        ticks = self._rules.walk_ticks
        if price is None:
            return
        moved = add(price, multiply(Decimal(self._rng.randrange(-ticks, ticks + 1)), self._tick(symbol)))
        if moved > ZERO and moved != price:
            self.move(symbol, moved)
        else:
            self.step(symbol)

    def _tick(self, symbol: Symbol) -> Decimal:
        return self._truth.instruments[symbol].tick_size

    # --- Trades ------------------------------------------------------------------------------------------------------

    def trade(self, order: Order, price: Decimal, quantity: Decimal, liquidity: Liquidity) -> None:
        """Let an order trade, whatever it wants: the callers know how much it may."""
        recorder, truth = self._recorder, self._truth
        instrument = truth.instruments[order.symbol]
        if quantity >= order.remaining:
            strike = self._faults.strike(FaultKind.OVERFILL, recorder.now_ns, order.client_id)
            if strike is not None:
                quantity = add(quantity, multiply(instrument.step_size, Decimal(strike.share_of(10))))
        hidden = None
        if order.is_open and not order.is_external and not any(each.is_void for each in order.trades):
            # Nobody asks for more of a stranger's order than what it has shown, nor of one that is over; and a sum that
            # leaves out what was taken back does not tell how much else is missing.
            hidden = self._faults.strike(FaultKind.HIDDEN_TRADE, recorder.now_ns, order.client_id)
        slow = self._faults.strike(FaultKind.SLOW_TRADE, recorder.now_ns, order.client_id)
        fee, fee_asset = self._fee(order, instrument, price, quantity, liquidity)
        recorder.record(
            OrderTraded(
                at_ns=recorder.now_ns,
                symbol=order.symbol,
                number=order.number,
                trade=truth.trade_numbers.get(order.symbol, 0) + 1,
                cursor=len(truth.trades) + 1,
                price=price,
                quantity=quantity,
                fee=fee,
                fee_asset=fee_asset,
                liquidity=liquidity,
                is_hidden=hidden is not None or slow is not None,
                hidden_ns=0 if hidden is not None or slow is None else slow.share_of(HIDDEN_MAX_NS),
            )
        )
        if order.is_open and not order.remaining:
            self.end(order, DoneReason.FILLED)
        if instrument.is_perpetual:
            self._end_idle_reducers(truth.accounts[order.account_id], order.symbol)

    def end(self, order: Order, reason: DoneReason) -> None:
        """Take an order out of the book."""
        self._recorder.record(
            OrderEnded(at_ns=self._recorder.now_ns, symbol=order.symbol, number=order.number, reason=reason)
        )

    def _end_idle_reducers(self, account: Account, symbol: Symbol) -> None:
        for order in list(account.open_orders.values()):
            is_reducer = order.reduce_only and order.symbol == symbol
            if is_reducer and not order.is_waiting and not self._fillable(order):
                self.end(order, DoneReason.CANCELLED)

    def _fee(
        self, order: Order, instrument: Instrument, price: Decimal, quantity: Decimal, liquidity: Liquidity
    ) -> tuple[Decimal, str]:
        notional = instrument.notional(price, quantity)
        fee = instrument.fee(notional, liquidity)
        kind = self._rules.fees[self._rng.randrange(len(self._rules.fees))]
        if kind is FeeIn.RECEIVED and order.side is Side.BUY and not instrument.is_perpetual:
            rate = instrument.maker_fee if liquidity is Liquidity.MAKER else instrument.taker_fee
            return round_money(multiply(quantity, rate), instrument.fee_decimals), instrument.base
        if kind is FeeIn.THIRD and fee > ZERO:
            other = round_money(divide(fee, self._rules.third_price), 8)
            asset = self._rules.third_asset
            if asset not in (instrument.base, instrument.quote) and self._may_pay(order, asset, other):
                return other, asset
        return fee, instrument.quote

    def _may_pay(self, order: Order, asset: str, amount: Decimal) -> bool:
        return self._truth.accounts[order.account_id].free(asset) >= max(amount, SMALLEST_FEE)
