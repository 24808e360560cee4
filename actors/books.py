"""The books of one account in memory: positions, balances and locks, projections of the double-entry ledger.

A fill is booked at a cost that does not depend on how many came before.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from actors.cell import Instruments
from engine.domain.balances import Balance, Balances
from engine.domain.errors import InvariantBroken
from engine.domain.identifiers import Asset, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.journal import Entry, perpetual_fill, spot_fill
from engine.domain.position import Position
from engine.domain.reservations import Reservation, Reservations
from engine.domain.values import ZERO, add, subtract
from engine.messages.orders import Fill, OrderChanged


class Booked(msgspec.Struct, frozen=True, gc=False):
    """What booking a fill has done."""

    entry: Entry
    realized_pnl: Decimal
    position: Position
    assets: tuple[Asset, ...]
    """Whose balance it has changed."""


class AccountBooks:
    """Positions, balances and what open orders lock."""

    __slots__ = ("_balances", "_instruments", "_margins", "_orders", "_required", "_venue", "positions")

    def __init__(
        self,
        venue: Venue,
        instruments: Instruments,
        totals: Mapping[Asset, Decimal],
        positions: Iterable[Position] = (),
    ) -> None:
        """Start from what is stored.

        Args:
            venue: Of the account.
            instruments: All that it may hold.
            totals: Sum of the ledger's cash lines per asset.
            positions: As stored; changed in place from now on.
        """
        self._venue = venue
        self._instruments = instruments
        self._balances = Balances(totals)
        self._orders = Reservations()
        self._margins: dict[Symbol, Decimal] = {}
        self._required: dict[Asset, Decimal] = {}
        """What margins ask to be locked of an asset."""
        self.positions: dict[Symbol, Position] = {}
        for position in positions:
            self.positions[position.instrument.symbol] = position
            self.lock_for(position.instrument)

    def instrument(self, symbol: Symbol) -> Instrument:
        """Return the rules of a symbol.

        Raises:
            InvariantBroken: Something was traded that this engine does not know.
        """
        try:
            return self._instruments[self._venue, symbol]
        except KeyError:
            raise InvariantBroken(
                "what is traded is known", expected=f"an instrument of {self._venue}", was=symbol
            ) from None

    def position(self, symbol: Symbol) -> Position:
        """Return the position in a symbol, flat if there was none."""
        position = self.positions.get(symbol)
        if position is None:
            position = self.positions[symbol] = Position(instrument=self.instrument(symbol))
        return position

    def book(self, fill: Fill) -> Booked:
        """Book a fill: position first, since it says what was realised, then the entry into the balances."""
        position = self.position(fill.symbol)
        instrument = position.instrument
        realized = position.apply_fill(fill.side, fill.price, fill.quantity)
        if fill.fee_asset == instrument.quote:
            position.add_fee(fill.fee)
        if instrument.is_perpetual:
            entry = perpetual_fill(
                instrument,
                side=fill.side,
                quantity=fill.quantity,
                realized_pnl=realized,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
            )
        else:
            entry = spot_fill(
                instrument,
                side=fill.side,
                price=fill.price,
                quantity=fill.quantity,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
            )
        return Booked(entry, realized, position, self._balances.apply(entry))

    def apply(self, entry: Entry) -> tuple[Asset, ...]:
        """Book an entry that is no fill; return the assets whose balance it changed."""
        return self._balances.apply(entry)

    def follow(self, change: OrderChanged) -> Instrument | None:
        """Lock what an order may still take, or unlock what it cannot any more.

        A market order locks nothing: it does not rest.

        Returns:
            The instrument whose locks have changed, None if none has.
        """
        known = self._orders.get(change.order_id)
        if known is None and (change.is_done or change.price is None):
            return None
        instrument = self.instrument(change.symbol)
        left = subtract(change.expected_quantity, change.filled_quantity)
        if change.is_done or change.price is None or left <= ZERO:
            self._orders.release(change.order_id)
        else:
            self._orders.take(
                Reservation(
                    order_id=change.order_id,
                    instrument=instrument,
                    side=change.side,
                    quantity=left,
                    price=change.price,
                    reduce_only=change.reduce_only,
                )
            )
        return instrument

    def lock_for(self, instrument: Instrument) -> tuple[Asset, ...]:
        """Set what is locked anew after a symbol's position or orders have changed; return the assets concerned."""
        if not instrument.is_perpetual:
            for asset in (instrument.base, instrument.quote):
                self._set_lock(asset)
            return instrument.base, instrument.quote
        symbol, asset = instrument.symbol, instrument.settle
        margin = self._orders.required_margin(self.position(symbol))
        before = self._margins.get(symbol, ZERO)
        if margin == before:
            return ()
        self._margins[symbol] = margin
        self._required[asset] = add(self._required.get(asset, ZERO), subtract(margin, before))
        self._set_lock(asset)
        return (asset,)

    def _set_lock(self, asset: Asset) -> None:
        self._balances.lock(asset, add(self._required.get(asset, ZERO), self._orders.held(asset)))

    def total(self, asset: Asset) -> Decimal:
        """Return what is owned of an asset, locked or not."""
        return self._balances.total(asset)

    def balance(self, asset: Asset) -> Balance:
        """Return the balance of an asset; zeros if there is none."""
        return self._balances.of(asset)

    def balances(self) -> Iterable[Balance]:
        """Return every balance that there ever was."""
        return iter(self._balances)
