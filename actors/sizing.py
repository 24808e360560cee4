"""From a target position to an order: what an agent holds, what it has ordered, and what is missing."""

from decimal import Decimal

from engine.domain.identifiers import OrderId, Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.domain.values import ZERO, add, divide, multiply, subtract
from engine.messages.orders import Fill, OrderChanged, OrderIntent
from engine.messages.rows import OrderRow


class PendingOrder:
    """An order of an agent that may still fill.

    The order's end and its fills come on two ways (router, ledger) in any order, so neither ends it alone: it is over
    when it is done and as much is booked as it is known to have filled.
    """

    __slots__ = ("booked", "expected", "is_done", "side", "symbol")

    def __init__(self, symbol: Symbol, side: Side, quantity: Decimal, booked: Decimal = ZERO) -> None:
        """Expect all of `quantity` (base units) to fill, of which `booked` is in the position already."""
        self.symbol = symbol
        self.side = side
        self.expected = quantity
        self.booked = booked
        self.is_done = False

    @property
    def remaining(self) -> Decimal:
        """Signed quantity that may still reach the position."""
        left = subtract(self.expected, self.booked)
        if left <= ZERO:
            return ZERO
        return left if self.side is Side.BUY else left.copy_negate()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected."""
        return self.is_done and self.booked >= self.expected

    def change(self, change: OrderChanged) -> None:
        """Learn how the order stands: no more than it is expected to fill will be booked."""
        self.is_done = change.is_done
        self.expected = change.expected_quantity


def pending_of(order: OrderRow) -> PendingOrder:
    """Take over an order that is not over; of a done one only the fills that are missing still come."""
    is_done = order.lifecycle == "done"
    expected = add(order.filled_quantity, order.missing_quantity) if is_done else order.quantity
    pending = PendingOrder(order.symbol, Side(order.side), expected, booked=order.filled_quantity)
    pending.is_done = is_done
    return pending


class Holding:
    """Positions and pending orders of one agent."""

    __slots__ = ("pending", "positions")

    def __init__(self) -> None:
        """Start with nothing."""
        self.positions: dict[Symbol, Position] = {}
        self.pending: dict[OrderId, PendingOrder] = {}

    def size(self, symbol: Symbol) -> Decimal:
        """Signed base units held."""
        position = self.positions.get(symbol)
        return ZERO if position is None else position.size

    def foreseen(self, symbol: Symbol) -> Decimal:
        """Signed base units held once everything that was ordered has filled."""
        total = self.size(symbol)
        for order in self.pending.values():
            if order.symbol == symbol:
                total = add(total, order.remaining)
        return total

    def ordered(self, intent: OrderIntent) -> None:
        """Count an intent on its way."""
        self.pending[intent.order_id] = PendingOrder(intent.symbol, intent.side, intent.quantity)

    def changed(self, change: OrderChanged) -> None:
        """Follow an order's state."""
        order = self.pending.get(change.order_id)
        if order is not None:
            order.change(change)
            if order.is_over:
                del self.pending[change.order_id]

    def filled(self, fill: Fill, instrument: Instrument) -> Position:
        """Book a fill of this agent, also one that comes after its order was over."""
        position = self.positions.get(fill.symbol)
        if position is None:
            position = self.positions[fill.symbol] = Position(instrument=instrument)
        position.apply_fill(fill.net_side, fill.price, fill.quantity)
        if fill.fee_asset == instrument.quote:
            position.add_fee(fill.fee.copy_negate() if fill.is_reversal else fill.fee)
        order = self.pending.get(fill.order_id)
        if order is not None:
            order.booked = add(order.booked, fill.net_quantity)
            if order.is_over:
                del self.pending[fill.order_id]
        return position


def clip_target(target: Decimal, instrument: Instrument, price: Decimal, allocation: Decimal | None) -> Decimal:
    """Keep a target within what the instrument and the agent's allocation allow.

    Args:
        target: Signed base units.
        instrument: Spot cannot be held short.
        price: Values the target, quote per base unit.
        allocation: Quote units that the agent may have at work; None for no limit of its own.
    """
    if target < ZERO and not instrument.is_perpetual:
        return ZERO
    if allocation is None:
        return target
    most = divide(allocation, multiply(price, instrument.contract_size))
    if target.copy_abs() <= most:
        return target
    clipped = instrument.round_quantity(most)
    return clipped if target > ZERO else clipped.copy_negate()


def order_for(target: Decimal, foreseen: Decimal, instrument: Instrument) -> tuple[Side, Decimal] | None:
    """Return side and quantity that lead from the foreseen position to the target.

    None if the difference is below the smallest order.
    """
    missing = subtract(target, foreseen)
    quantity = instrument.round_quantity(missing.copy_abs())
    if not quantity or quantity < instrument.min_quantity:
        return None
    return (Side.BUY if missing > ZERO else Side.SELL), quantity
