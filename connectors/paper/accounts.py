"""Balances, margin and positions of one account at the paper venue.

Spot: an open order sets its asset aside (quote and fee for a buy, base for a sell). Perpetual: margin is set aside per
instrument, `initial_margin * max(cost + open buys, open sells - cost)`, where `cost` is the signed value at which the
position was opened and open orders count at their own prices: whichever way all orders fill, the margin is there.
Reduce-only orders set nothing aside. Losses of open positions lower what a new order may use; profits do not raise it.

Nothing is liquidated. After losses larger than the free margin, less is locked than the positions ask for.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from connectors.paper.client_ids import ClientIds
from connectors.paper.fees import affordable_fee, highest_fee
from connectors.paper.order import PaperOrder
from engine.domain.identifiers import AccountId, Asset, Symbol, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import PRICED_TYPES, Liquidity, PositionSide
from engine.domain.position import Position
from engine.domain.values import SCALE_MAX, ZERO, add, round_money, scale_of, subtract
from engine.messages.rows_paper import PaperBalanceRow, PaperPositionRow
from engine.messages.venues import VenueBalance, VenuePosition

SPOT: Final = "spot"
MARGIN: Final = "margin"
ACCOUNT_KINDS: Final = (SPOT, MARGIN)

ExitOf = Callable[[Symbol, bool], Decimal | None]
"""(symbol, whether the position is long) -> the price at which it could be closed, None if there is no market."""


class Balance:
    """One asset of one account."""

    __slots__ = ("account_id", "asset", "required", "total")

    def __init__(self, account_id: AccountId, asset: Asset, total: Decimal = ZERO, required: Decimal = ZERO) -> None:
        self.account_id = account_id
        self.asset = asset
        self.total = total
        self.required = required
        """What open orders and positions ask to be set aside."""

    @property
    def locked(self) -> Decimal:
        """What is set aside: all that is required, or all there is."""
        required = self.required
        return required if required <= self.total else max(self.total, ZERO)

    @property
    def free(self) -> Decimal:
        """What may be used; below zero only after losses beyond everything."""
        return subtract(self.total, self.locked)

    def row(self) -> PaperBalanceRow:
        """Return the state as a row."""
        locked = self.locked
        return PaperBalanceRow(
            account_id=self.account_id, asset=self.asset, free=subtract(self.total, locked), locked=locked
        )


class Holding:
    """A position in one perpetual, with the orders that may change it."""

    __slots__ = ("_is_exact", "account_id", "open_buys", "open_sells", "position", "required")

    def __init__(self, account_id: AccountId, position: Position) -> None:
        self.account_id = account_id
        self.position = position
        self.open_buys = ZERO
        """Value of open buys at their own prices, quote units."""
        self.open_sells = ZERO
        self.required = ZERO
        """Margin set aside, settle units, at most 18 decimals."""
        self.follow(position.instrument)

    def follow(self, instrument: Instrument) -> None:
        """Take the instrument's present rules."""
        self.position.instrument = instrument
        self._is_exact = instrument.money_decimals + scale_of(instrument.initial_margin) <= SCALE_MAX

    def margin(self, more_buys: Decimal = ZERO, more_sells: Decimal = ZERO) -> Decimal:
        """Return the margin for the position and its orders, and for as much more."""
        position = self.position
        cost = position.cost
        if self.open_buys or self.open_sells or more_buys or more_sells:
            long_value = add(add(cost, self.open_buys), more_buys)
            short_value = subtract(add(self.open_sells, more_sells), cost)
            value = max(long_value, short_value, ZERO)
        else:
            value = cost.copy_abs()
        margin = position.instrument.margin(value)
        return margin if self._is_exact else round_money(margin)

    def row(self) -> PaperPositionRow:
        """Return the state as a row."""
        position = self.position
        return PaperPositionRow(
            account_id=self.account_id,
            symbol=position.instrument.symbol,
            size=position.size,
            entry_price=position.average_price,
            realized_pnl=position.realized_pnl,
        )


class PaperAccount:
    """One account; compared by identity."""

    def __init__(self, account_id: AccountId, user_id: UserId, kind: str, client_ids: ClientIds) -> None:
        """Make an account without money.

        Args:
            account_id: Its id in the engine.
            user_id: Its owner.
            kind: `spot` or `margin`; only `margin` may hold perpetuals.
            client_ids: Those it has used.
        """
        self.id = account_id
        self.user_id = user_id
        self.kind = kind
        self.client_ids = client_ids
        self.balances: dict[Asset, Balance] = {}
        self.holdings: dict[Symbol, Holding] = {}
        self.open_orders: dict[str, PaperOrder] = {}
        """By client id, in order of placing."""
        self.reducers: dict[PaperOrder, None] = {}
        """Open reduce-only orders."""
        self.waiting: dict[Symbol, PaperPositionRow | None] = {}
        """After a restart: symbols with orders or a position whose instrument is not known yet."""

    def balance(self, asset: Asset) -> Balance:
        """Return the balance of an asset, made at its first use."""
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance(self.id, asset)
        return found

    def holding(self, instrument: Instrument) -> Holding:
        """Return the holding of a perpetual, made at its first use."""
        found = self.holdings.get(instrument.symbol)
        if found is None:
            found = self.holdings[instrument.symbol] = Holding(self.id, Position(instrument=instrument))
        return found

    def reducible(self, symbol: Symbol, *, is_buy: bool) -> Decimal:
        """Return how much an order may trade at most without opening anything: 0 where it would open."""
        holding = self.holdings.get(symbol)
        if holding is None:
            return ZERO
        size = holding.position.size
        return size.copy_abs() if size and size.is_signed() is is_buy else ZERO

    def unrealized_loss(self, exit_of: ExitOf, settle: Asset) -> Decimal:
        """Return what closing all positions of one settle asset would lose: zero or below."""
        total = ZERO
        for symbol, holding in self.holdings.items():
            position = holding.position
            size = position.size
            if size and position.instrument.settle == settle:
                price = exit_of(symbol, size > ZERO)
                if price is not None:
                    total = add(total, position.unrealized_pnl(price))
        return min(ZERO, total)

    # --- Orders and fills --------------------------------------------------------------------------------------------

    def reserve(self, order: PaperOrder, instrument: Instrument) -> Balance:
        """Set aside what the open rest of an order needs, in the place of what it had; return the changed balance."""
        return self._set_aside(order, instrument, reservation(order, instrument))

    def release(self, order: PaperOrder, instrument: Instrument) -> Balance:
        """Set nothing aside for an order any more; return the changed balance."""
        return self._set_aside(order, instrument, ZERO)

    def _set_aside(self, order: PaperOrder, instrument: Instrument, needs: Decimal) -> Balance:
        had, order.reserved = order.reserved, needs
        if instrument.is_perpetual:
            holding = self.holding(instrument)
            if order.is_buy:
                holding.open_buys = add(holding.open_buys, subtract(needs, had))
            else:
                holding.open_sells = add(holding.open_sells, subtract(needs, had))
            return self._set_margin(holding)
        balance = self.balance(instrument.quote if order.is_buy else instrument.base)
        balance.required = add(balance.required, subtract(needs, had))
        return balance

    def settle(
        self, order: PaperOrder, instrument: Instrument, price: Decimal, quantity: Decimal, liquidity: Liquidity
    ) -> tuple[Decimal, Iterable[Balance], Holding | None]:
        """Book a fill; the order's own quantities are changed before.

        Returns:
            (fee in quote units, changed balances, changed holding).
        """
        notional = instrument.notional(price, quantity)
        if instrument.is_perpetual:
            holding = self.holding(instrument)
            if order.reserved:
                self.reserve(order, instrument)
            fee = instrument.fee(notional, liquidity)
            realized = holding.position.apply_fill(order.side, price, quantity)
            balance = self._set_margin(holding)
            balance.total = add(balance.total, subtract(realized, fee))
            return fee, (balance,), holding
        quote, base = self.balance(instrument.quote), self.balance(instrument.base)
        if order.reserved:
            self.reserve(order, instrument)
        if order.is_buy:
            left = subtract(subtract(quote.total, quote.required), notional)
            fee = affordable_fee(instrument, notional, liquidity, max(left, ZERO))
            quote.total = subtract(quote.total, add(notional, fee))
            base.total = add(base.total, quantity)
        else:
            fee = instrument.fee(notional, liquidity)
            base.total = subtract(base.total, quantity)
            quote.total = add(quote.total, subtract(notional, fee))
        return fee, (quote, base), None

    def _set_margin(self, holding: Holding) -> Balance:
        balance = self.balance(holding.position.instrument.settle)
        margin = holding.margin()
        balance.required = add(balance.required, subtract(margin, holding.required))
        holding.required = margin
        return balance

    # --- Restart and reports -----------------------------------------------------------------------------------------

    def adopt(self, instrument: Instrument) -> None:
        """Take back a position whose instrument has become known."""
        row = self.waiting.pop(instrument.symbol, None)
        if row is not None:
            position = Position.restored(
                instrument, size=row.size, average_price=row.entry_price, realized_pnl=row.realized_pnl
            )
            self.holdings[instrument.symbol] = Holding(self.id, position)

    def require_anew(self, instrument_of: Callable[[Symbol], Instrument]) -> None:
        """Count everything that is set aside from nothing; only when no symbol waits for its instrument."""
        for balance in self.balances.values():
            balance.required = ZERO
        for holding in self.holdings.values():
            holding.open_buys = holding.open_sells = holding.required = ZERO
            self._set_margin(holding)
        for order in self.open_orders.values():
            order.reserved = ZERO
            self.reserve(order, instrument_of(order.symbol))

    def venue_balances(self) -> tuple[VenueBalance, ...]:
        """Return all balances, zeros included, as the venue shows them."""
        return tuple(
            VenueBalance(asset=balance.asset, free=balance.free, locked=balance.locked)
            for balance in self.balances.values()
        )

    def venue_positions(self) -> tuple[VenuePosition, ...]:
        """Return the open positions as the venue shows them."""
        rows = [row for row in self.waiting.values() if row is not None]
        rows += [holding.row() for holding in self.holdings.values()]
        return tuple(
            VenuePosition(symbol=row.symbol, position_side=PositionSide.NET, size=row.size, entry_price=row.entry_price)
            for row in rows
            if row.size
        )


def reservation(order: PaperOrder, instrument: Instrument) -> Decimal:
    """Return what the open rest of an order needs: base units (spot sell), else quote units.

    A spot buy needs its value and one fee; an order on a perpetual its value, of which the account sets the margin
    aside. A stop without a limit counts at its stop price, and may need more when it trades.
    """
    if not order.is_open or not order.remaining:
        return ZERO
    if instrument.is_perpetual:
        if order.reduce_only:
            return ZERO
    elif not order.is_buy:
        return order.remaining
    price = order.price if order.type in PRICED_TYPES else order.stop_price
    if price is None:
        return ZERO
    notional = instrument.notional(price, order.remaining)
    return notional if instrument.is_perpetual else add(notional, highest_fee(instrument, notional))
