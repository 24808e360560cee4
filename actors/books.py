"""The books of one account in memory: positions, balances and locks, projections of the double-entry ledger.

A fill is booked at a cost that does not depend on how many came before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from actors.cell import Instruments
from engine.domain.balances import Balance, Balances
from engine.domain.errors import InvariantBroken
from engine.domain.identifiers import Asset, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.journal import Entry, perpetual_fill, reversal, spot_fill
from engine.domain.lots import Lot, Lots
from engine.domain.position import Position
from engine.domain.position_history import Deal, Effect, PositionHistory
from engine.domain.reservations import Reservation, Reservations
from engine.domain.values import ZERO, add, subtract
from engine.messages.orders import Fill, OrderChanged


class Booked(msgspec.Struct, frozen=True, gc=False):
    """What booking a fill has done."""

    entry: Entry
    effect: Effect
    position: Position
    assets: tuple[Asset, ...]
    """Whose balance it has changed."""

    @property
    def realized_pnl(self) -> Decimal:
        """Change of what the position has realised."""
        return self.effect.realized_pnl


class AccountBooks:
    """Positions, balances and what open orders lock."""

    __slots__ = ("_balances", "_histories", "_instruments", "_margins", "_orders", "_required", "_venue", "positions")

    def __init__(
        self,
        venue: Venue,
        instruments: Instruments,
        totals: Mapping[Asset, Decimal],
        positions: Iterable[Position] = (),
        deals: Mapping[Symbol, Iterable[Deal]] | None = None,
        lots: Mapping[Symbol, Iterable[Lot]] | None = None,
    ) -> None:
        """Start from what is stored.

        Args:
            venue: Of the account.
            instruments: All that it may hold.
            totals: Sum of the ledger's cash lines per asset.
            positions: As stored; changed in place from now on.
            deals: The newest fills of each symbol, so that they can be taken back.
            lots: What each position is made of, oldest first, with what those fills have closed.
        """
        self._venue = venue
        self._instruments = instruments
        self._balances = Balances(totals)
        self._orders = Reservations()
        self._margins: dict[Symbol, Decimal] = {}
        self._required: dict[Asset, Decimal] = {}
        """What margins ask to be locked of an asset."""
        self.positions: dict[Symbol, Position] = {}
        self._histories: dict[Symbol, PositionHistory] = {}
        for position in positions:
            symbol = position.instrument.symbol
            self.positions[symbol] = position
            made_of = Lots(position.instrument, (lots or {}).get(symbol, ()))
            self._histories[symbol] = PositionHistory(position, (deals or {}).get(symbol, ()), made_of)
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

    def history(self, symbol: Symbol) -> PositionHistory:
        """Return the history of a position, empty if there was none."""
        history = self._histories.get(symbol)
        if history is None:
            history = self._histories[symbol] = PositionHistory(self.position(symbol))
        return history

    def deals(self) -> Iterator[tuple[Symbol, Deal]]:
        """Return the newest trades of every symbol, as far as they are kept."""
        return ((symbol, deal) for symbol, history in self._histories.items() for deal in history.deals)

    def changed_lots(self, symbol: Symbol) -> list[Lot]:
        """Return the lots of a position that are not what they were when this was last asked."""
        return self.history(symbol).lots.take_changed()

    def complete_lots(self, new_id: Callable[[], UUID], now_ns: int) -> list[Symbol]:
        """Give positions that are not all lots the rest; return which."""
        return [symbol for symbol, each in self._histories.items() if each.complete(new_id, now_ns)]

    def book(self, fill: Fill, row_id: UUID) -> Booked:
        """Book a fill or take one back: position first, since it says what is realised, then the entry.

        Args:
            fill: What has happened, or what has not after all (`is_reversal`).
            row_id: Of the trade's row.
        """
        history = self.history(fill.symbol)
        position = history.position
        instrument = position.instrument
        deal = Deal(
            row_id=row_id,
            trade_id=fill.external_trade_id,
            at_ns=fill.executed_at_ns,
            side=fill.side,
            price=fill.price,
            quantity=fill.quantity,
        )
        effect = history.remove(deal) if fill.is_reversal else history.add(deal)
        if fill.fee_asset == instrument.quote:
            position.add_fee(fill.fee.copy_negate() if fill.is_reversal else fill.fee)
        entry = _entry(instrument, fill, effect.realized_pnl)
        return Booked(entry, effect, position, self._balances.apply(entry))

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
        """Set what is locked anew after a change of a symbol's position or orders; return the assets it changed for."""
        if not instrument.is_perpetual:
            return tuple([asset for asset in (instrument.base, instrument.quote) if self._set_lock(asset)])
        symbol, asset = instrument.symbol, instrument.settle
        margin = self._orders.required_margin(self.position(symbol))
        before = self._margins.get(symbol, ZERO)
        if margin == before:
            return ()
        self._margins[symbol] = margin
        required = self._required[asset] = add(self._required.get(asset, ZERO), subtract(margin, before))
        self._balances.lock(asset, add(required, self._orders.held(asset)))
        return (asset,)

    def _set_lock(self, asset: Asset) -> bool:
        balances = self._balances
        before = balances.locked(asset)
        balances.lock(asset, add(self._required.get(asset, ZERO), self._orders.held(asset)))
        return balances.locked(asset) != before

    def total(self, asset: Asset) -> Decimal:
        """Return what is owned of an asset, locked or not."""
        return self._balances.total(asset)

    def balance(self, asset: Asset) -> Balance:
        """Return the balance of an asset; zeros if there is none."""
        return self._balances.of(asset)

    def balances(self) -> Iterable[Balance]:
        """Return every balance that there ever was."""
        return iter(self._balances)


def _entry(instrument: Instrument, fill: Fill, realized_pnl: Decimal) -> Entry:
    """Build the entry of a fill; of one that is taken back the lines of its entry with the other sign."""
    if not instrument.is_perpetual:
        entry = spot_fill(
            instrument,
            side=fill.side,
            price=fill.price,
            quantity=fill.quantity,
            fee=fill.fee,
            fee_asset=fill.fee_asset,
        )
        return reversal(entry) if fill.is_reversal else entry
    entry = perpetual_fill(
        instrument,
        side=fill.side,
        quantity=fill.quantity,
        realized_pnl=realized_pnl.copy_negate() if fill.is_reversal else realized_pnl,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
    )
    return reversal(entry) if fill.is_reversal else entry
