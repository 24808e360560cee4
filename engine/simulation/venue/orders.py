"""Orders and trades as the venue knows them, and how they looked at an earlier moment."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from engine.domain.identifiers import AccountId, Asset, OrderId, Symbol, Venue
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract
from engine.messages.venues import VenueFill, VenueOrder
from engine.simulation.venue.facts import OrderPlaced

STOP_TYPES: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


class Trade(msgspec.Struct, kw_only=True):
    """One execution."""

    account_id: AccountId
    symbol: Symbol
    number: int
    """Per symbol."""
    cursor: int
    order: "Order"
    external_order_id: str
    """Of the order when it traded; a replacement has another one."""
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: Asset
    liquidity: Liquidity
    at_ns: int
    venue_ns: int
    is_hidden: bool
    voided_at_ns: int | None = None

    @property
    def is_void(self) -> bool:
        """Whether it was taken back."""
        return self.voided_at_ns is not None


class Version(NamedTuple):
    """How an order stood from a moment on."""

    at_ns: int
    venue_ns: int
    sequence: int
    external_id: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None


class Order(msgspec.Struct, kw_only=True):
    """One order from its acceptance on; only `Truth` changes it."""

    account_id: AccountId
    order_id: OrderId | None
    client_id: str
    symbol: Symbol
    number: int
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    placed_at_ns: int
    placed_venue_ns: int
    placed: int
    """Counts the venue's orders in the order of their placing; lists go by it."""
    is_triggered: bool
    """False for a stop that waits."""
    executed: Decimal = ZERO
    """All that it traded, what was taken back later included: that does not come back into the book."""
    trades: list[Trade] = []
    numbers: list[int] = []
    """Every number it had, oldest first."""
    reason: DoneReason | None = None
    ended_at_ns: int | None = None
    is_forgotten: bool = False
    versions: list[Version] = []
    """One for each change, oldest first."""
    held: Decimal = ZERO
    """What the account sets aside for it."""

    @classmethod
    def placed_by(cls, fact: OrderPlaced, *, venue_ns: int, placed: int) -> "Order":
        """Make the order of a fact."""
        return cls(
            account_id=fact.account_id,
            order_id=fact.order_id,
            client_id=fact.client_id,
            symbol=fact.symbol,
            number=fact.number,
            side=fact.side,
            type=fact.type,
            quantity=fact.quantity,
            price=fact.price,
            stop_price=fact.stop_price,
            time_in_force=fact.time_in_force,
            post_only=fact.post_only,
            reduce_only=fact.reduce_only,
            placed_at_ns=fact.at_ns,
            placed_venue_ns=venue_ns,
            placed=placed,
            is_triggered=fact.type not in STOP_TYPES,
            trades=[],
            numbers=[fact.number],
            versions=[],
        )

    @property
    def external_id(self) -> str:
        """The venue's own id, unique within the symbol."""
        return str(self.number)

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.reason is None

    @property
    def is_waiting(self) -> bool:
        """Whether it is a stop that has not triggered."""
        return self.type in STOP_TYPES and not self.is_triggered

    @property
    def is_external(self) -> bool:
        """Whether it was placed by hand."""
        return self.order_id is None

    @property
    def remaining(self) -> Decimal:
        """What may still trade; zero after an overfill."""
        return max(ZERO, subtract(self.quantity, self.executed))

    @property
    def filled(self) -> Decimal:
        """The sum of the trades that hold."""
        return total_of(trade.quantity for trade in self.trades if not trade.is_void)

    def changed(self, at_ns: int, venue_ns: int) -> None:
        """Note how it stands now."""
        self.versions.append(
            Version(
                at_ns, venue_ns, len(self.versions) + 1, self.external_id, self.quantity, self.price, self.stop_price
            )
        )


def trades_at(order: Order, seen_until_ns: int | None) -> list[Trade]:
    """Return the trades that held at a true time, oldest first; None is now."""
    if seen_until_ns is None:
        return [trade for trade in order.trades if not trade.is_void]
    return [trade for trade in order.trades if trade.at_ns <= seen_until_ns and not was_void(trade, seen_until_ns)]


def was_void(trade: Trade, at_ns: int | None) -> bool:
    """Tell whether a trade had been taken back at a true time; None is now."""
    voided_at_ns = trade.voided_at_ns
    return voided_at_ns is not None and (at_ns is None or voided_at_ns <= at_ns)


def total_of(numbers: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    total = ZERO
    for number in numbers:
        total = add(total, number)
    return total


def listed(order: Order, seen_until_ns: int | None = None) -> VenueOrder:
    """Return an order as the venue lists it.

    Args:
        order: One that had been placed by then.
        seen_until_ns: True time after which whoever answers has seen nothing; None: it knows everything.
    """
    trades = trades_at(order, seen_until_ns)
    version = order.versions[-1]
    ended_at_ns = order.ended_at_ns
    is_open = ended_at_ns is None
    if seen_until_ns is not None:
        version = next(each for each in reversed(order.versions) if each.at_ns <= seen_until_ns or each.sequence == 1)
        is_open = ended_at_ns is None or ended_at_ns > seen_until_ns
    filled = total_of(trade.quantity for trade in trades)
    assets = {trade.fee_asset for trade in trades}
    return VenueOrder(
        venue_client_id=order.client_id,
        external_order_id=version.external_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=version.quantity,
        price=version.price,
        stop_price=version.stop_price,
        time_in_force=order.time_in_force,
        filled_quantity=filled,
        is_open=is_open,
        done_reason=None if is_open else order.reason,
        venue_time_ns=version.venue_ns,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        sequence=version.sequence,
        average_price=_average(trades, filled),
        fee=total_of(trade.fee for trade in trades) if len(assets) == 1 else None,
        fee_asset=assets.pop() if len(assets) == 1 else None,
    )


def _average(trades: list[Trade], filled: Decimal) -> Decimal | None:
    if not filled:
        return None
    return round_money(divide(total_of(multiply(trade.price, trade.quantity) for trade in trades), filled))


def reported(trade: Trade, venue: Venue) -> VenueFill:
    """Return a trade as the venue reports it."""
    return VenueFill(
        account_id=trade.account_id,
        venue=venue,
        symbol=trade.symbol,
        side=trade.order.side,
        venue_client_id=trade.order.client_id,
        external_order_id=trade.external_order_id,
        external_trade_id=str(trade.number),
        price=trade.price,
        quantity=trade.quantity,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        liquidity=trade.liquidity,
        executed_at_ns=trade.venue_ns,
        cursor=cursor_text(trade.cursor),
    )


def cursor_text(cursor: int) -> str:
    """Write a cursor: digits of one width, so that text sorts as numbers do."""
    return f"{cursor:012d}"
