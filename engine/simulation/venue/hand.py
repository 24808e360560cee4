"""What people do at the venue beside the engine, and what a test wants to happen: prices, trades, orders, money."""

from decimal import Decimal
from typing import Final

from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Asset, Symbol
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side
from engine.domain.values import ZERO, add, divide, floor_to_step, multiply, parse_decimal
from engine.runtime.entropy import Rng
from engine.simulation.venue.desk import Desk
from engine.simulation.venue.facts import ClockSet, ClosedForgotten, Moved, TradeShown, TradeTakenBack
from engine.simulation.venue.faults import MILLION, Strike
from engine.simulation.venue.matching import Matching
from engine.simulation.venue.orders import Order, Trade
from engine.simulation.venue.recorder import Recorder

RECENT: Final = 20
"""Newest trades out of which one is taken back."""


class Hand:
    """Does by hand what no request of the engine asked for. Everything it does is so: it lies about nothing."""

    def __init__(self, recorder: Recorder, matching: Matching, desk: Desk, rng: Rng) -> None:
        """Keep what it works with."""
        self._recorder = recorder
        self._truth = recorder.truth
        self._matching = matching
        self._desk = desk
        self._rng = rng
        self._placed = 0

    # --- As told -----------------------------------------------------------------------------------------------------

    def set_price(self, symbol: Symbol, price: Decimal) -> None:
        """Let the market of a symbol trade at a price; orders trade with it."""
        if symbol not in self._truth.instruments:
            raise BadInput("symbol", expected="a listed symbol", was=symbol)
        self._matching.move(symbol, price)

    def fill(self, order: Order, quantity: Decimal, price: Decimal | None = None) -> Trade:
        """Let an order trade, open or not, within its quantity or beyond.

        Args:
            order: Any that there ever was.
            quantity: Above zero.
            price: None: its own limit, else the market's.

        Raises:
            BadInput: There is no price to trade at.
        """
        at = price or order.price or self._truth.prices.get(order.symbol)
        if at is None:
            raise BadInput("price", expected="a price, there is no market", was=None)
        self._matching.trade(order, at, quantity, Liquidity.MAKER)
        return order.trades[-1]

    def fill_rest(self, order: Order) -> None:
        """Let all that an order still wanted trade."""
        if order.remaining:
            self.fill(order, order.remaining)

    def end(self, order: Order, reason: DoneReason = DoneReason.CANCELLED) -> None:
        """End an open order."""
        if order.is_open:
            self._matching.end(order, reason)

    def void(self, trade: Trade) -> None:
        """Take a trade back, once."""
        if not trade.is_void:
            self._recorder.record(TradeTakenBack(at_ns=self._recorder.now_ns, symbol=trade.symbol, trade=trade.number))

    def show(self, symbol: Symbol, number: int) -> None:
        """Hide a trade no longer, unless it was taken back meanwhile."""
        trade = self._truth.trades_by_id[symbol, number]
        if trade.is_hidden and not trade.is_void:
            self._recorder.record(TradeShown(at_ns=self._recorder.now_ns, symbol=symbol, trade=number))

    def place(
        self,
        account_id: AccountId,
        symbol: Symbol,
        side: Side,
        quantity: Decimal,
        *,
        price: Decimal | None = None,
        client_id: str | None = None,
    ) -> Order:
        """Place an order beside the engine; without a price a market order."""
        if client_id is None:
            self._placed += 1
            client_id = f"hand-{self._truth.starts}-{self._placed}"
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        return self._desk.place(account_id, client_id, symbol, side, kind, quantity, price=price)

    def transfer(self, account_id: AccountId, asset: Asset, amount: Decimal) -> None:
        """Pay money in, or out with a negative amount."""
        amount = parse_decimal(amount, field="amount")
        self._recorder.record(Moved(at_ns=self._recorder.now_ns, account_id=account_id, asset=asset, amount=amount))

    def set_clock(self, skew_ns: int) -> None:
        """Let the venue's clock differ from true time."""
        self._recorder.record(ClockSet(at_ns=self._recorder.now_ns, skew_ns=skew_ns))

    def forget(self, before_ns: int, *, with_trades: bool = False) -> None:
        """Forget the orders that ended before a true time."""
        self._recorder.record(
            ClosedForgotten(at_ns=self._recorder.now_ns, before_ns=before_ns, with_trades=with_trades)
        )

    # --- As chance will have it --------------------------------------------------------------------------------------

    def place_some(self, strike: Strike) -> None:
        """Place a small limit order near the market for some account."""
        accounts = list(self._truth.accounts.values())
        symbols = [symbol for symbol in self._truth.prices if not self._truth.instruments[symbol].is_perpetual]
        if not accounts or not symbols:
            return
        account = accounts[strike.strength % len(accounts)]
        symbol = symbols[self._rng.randrange(len(symbols))]
        instrument, market = self._truth.instruments[symbol], self._truth.prices[symbol]
        side = Side.BUY if self._rng.randrange(2) else Side.SELL
        price = instrument.round_price(multiply(market, Decimal(990 + self._rng.randrange(21)).scaleb(-3)), side)
        least = max(
            instrument.min_quantity, floor_to_step(divide(instrument.min_notional, price), instrument.step_size)
        )
        quantity = multiply(add(least, instrument.step_size), Decimal(1 + self._rng.randrange(4)))
        value = instrument.notional(price, quantity)
        asset, needs = (instrument.quote, value) if side is Side.BUY else (instrument.base, quantity)
        if multiply(needs, Decimal(2)) <= account.free(asset):
            self.place(account.id, symbol, side, quantity, price=price)

    def transfer_some(self, strike: Strike) -> None:
        """Pay some money in, or a part of what is free out."""
        accounts = list(self._truth.accounts.values())
        if not accounts:
            return
        account = accounts[strike.strength % len(accounts)]
        assets = [asset for asset, total in sorted(account.totals.items()) if total > ZERO]
        if not assets:
            return
        asset = assets[self._rng.randrange(len(assets))]
        part = floor_to_step(
            multiply(account.free(asset), divide(Decimal(self._rng.randrange(MILLION)), Decimal(10 * MILLION))),
            Decimal("0.0001"),
        )
        if part > ZERO:
            self.transfer(account.id, asset, part if self._rng.randrange(2) else part.copy_negate())

    def void_some(self, strike: Strike) -> None:
        """Take back one of the newest spot trades."""
        recent = [
            trade
            for trade in self._truth.trades[-RECENT:]
            if not trade.is_void
            and not any(each.is_hidden for each in trade.order.trades)
            and not self._truth.instruments[trade.symbol].is_perpetual
        ]
        if recent:
            self.void(recent[strike.strength % len(recent)])
