"""One order as the paper venue keeps it, and its row in `paper.orders`."""

from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from engine.domain.values import ZERO, subtract
from engine.messages.rows_paper import PaperOrderRow
from engine.messages.venues import VenueOrder, VenueSubmit

if TYPE_CHECKING:
    from connectors.paper.accounts import PaperAccount

PENDING: Final = "pending"
"""A stop or take-profit that has not triggered."""
OPEN: Final = "open"
FILLED: Final = "filled"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"
"""The venue ended it: the rest of an immediate order, or a triggered order that could not trade."""
REJECTED: Final = "rejected"

_BUY: Final = Side.BUY
_STATES: Final = {state: state for state in (PENDING, OPEN, FILLED, CANCELLED, EXPIRED, REJECTED)}
"""States are compared by identity; text from a database is another object."""
DONE_REASONS: Final = {
    FILLED: DoneReason.FILLED,
    CANCELLED: DoneReason.CANCELLED,
    EXPIRED: DoneReason.EXPIRED,
    REJECTED: DoneReason.REJECTED,
}


def _is_perpetual(symbol: str) -> bool:
    return ":" in symbol  # `Instrument` refuses any other name.


class PaperOrder:
    """A mutable order; only the exchange that owns it changes it."""

    __slots__ = (
        "account",
        "amended",
        "client_id",
        "external_id",
        "filled",
        "is_buy",
        "is_capped",
        "is_waiting",
        "number",
        "placed_at_ns",
        "post_only",
        "price",
        "quantity",
        "queue_ahead",
        "reduce_only",
        "reject_code",
        "remaining",
        "reserved",
        "side",
        "state",
        "stop_price",
        "symbol",
        "time_in_force",
        "type",
        "updated_at_ns",
        "venue",
    )

    def __init__(self, account: "PaperAccount", submit: VenueSubmit, number: int, state: str, at_ns: int) -> None:
        """Make an order of what was sent.

        Args:
            account: Its owner.
            submit: The command.
            number: The venue's counter, which is the external id.
            state: One of the constants above.
            at_ns: Venue time.
        """
        self.account = account
        self.client_id = submit.venue_client_id
        self.number = number
        self.external_id = str(number)
        self.venue = submit.venue
        self.symbol = submit.symbol
        self.side = submit.side
        self.is_buy = submit.side is _BUY
        self.type = submit.type
        self.quantity = submit.quantity
        self.price = submit.price
        self.stop_price = submit.stop_price
        self.time_in_force = submit.time_in_force
        self.post_only = submit.post_only
        self.reduce_only = submit.reduce_only
        self.is_capped = submit.reduce_only and _is_perpetual(submit.symbol)
        """It trades no more than the position that it closes. On spot a sale can open nothing, so nothing caps it."""
        self.state = state
        self.reject_code: str | None = None
        self.filled = ZERO
        self.remaining = submit.quantity
        self.queue_ahead: Decimal | None = None
        """Quantity of others that trades before a resting order; None: it does not rest, or nobody has shown yet."""
        self.is_waiting = False
        """It rests or waits for its trigger in its market."""
        self.reserved = ZERO
        """What the account has set aside for it: an asset (spot), or a value for the margin (perpetual)."""
        self.amended: set[UUID] = set()
        """Requests that have changed it."""
        self.placed_at_ns = at_ns
        self.updated_at_ns = at_ns

    @classmethod
    def from_row(cls, account: "PaperAccount", row: PaperOrderRow) -> Self:
        """Bring back an open order; what it has reserved is counted anew by whoever knows its instrument."""
        order = cls.__new__(cls)
        order.account = account
        order.client_id = row.venue_client_id
        order.number = int(row.external_order_id)
        order.external_id = row.external_order_id
        order.venue = row.venue
        order.symbol = row.symbol
        order.side = Side(row.side)
        order.is_buy = order.side is _BUY
        order.type = OrderType(row.type)
        order.quantity = row.quantity
        order.price = row.price
        order.stop_price = row.stop_price
        order.time_in_force = TimeInForce(row.time_in_force)
        order.post_only = row.post_only
        order.reduce_only = row.reduce_only
        order.is_capped = row.reduce_only and _is_perpetual(row.symbol)
        order.state = _STATES[row.state]
        order.reject_code = row.reject_code
        order.filled = row.filled_quantity
        order.remaining = subtract(row.quantity, row.filled_quantity)
        order.queue_ahead = row.queue_ahead
        order.is_waiting = False
        order.reserved = ZERO
        order.amended = set()
        order.placed_at_ns = row.placed_at
        order.updated_at_ns = row.updated_at
        return order

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.state is OPEN or self.state is PENDING

    def fillable(self) -> Decimal:
        """Return how much may still trade: a reduce-only order never more than the position it closes."""
        if not self.is_capped:
            return self.remaining
        return min(self.remaining, self.account.reducible(self.symbol, is_buy=self.is_buy))

    def row(self) -> PaperOrderRow:
        """Return the whole state as a row."""
        return PaperOrderRow(
            account_id=self.account.id,
            venue_client_id=self.client_id,
            external_order_id=self.external_id,
            venue=self.venue,
            symbol=self.symbol,
            side=self.side,
            type=self.type,
            quantity=self.quantity,
            price=self.price,
            stop_price=self.stop_price,
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            state=self.state,
            reject_code=self.reject_code,
            filled_quantity=self.filled,
            queue_ahead=self.queue_ahead,
            placed_at=self.placed_at_ns,
            updated_at=self.updated_at_ns,
        )


def venue_order_of(order: PaperOrder) -> VenueOrder:
    """Return an open order as the venue lists it."""
    return VenueOrder(
        venue_client_id=order.client_id,
        external_order_id=order.external_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
        filled_quantity=order.filled,
        is_open=order.is_open,
        done_reason=DONE_REASONS.get(order.state),
        venue_time_ns=order.updated_at_ns,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
    )


def venue_order_of_row(row: PaperOrderRow) -> VenueOrder:
    """Return a stored order as the venue lists it, open or done."""
    return VenueOrder(
        venue_client_id=row.venue_client_id,
        external_order_id=row.external_order_id,
        symbol=row.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        quantity=row.quantity,
        price=row.price,
        stop_price=row.stop_price,
        time_in_force=TimeInForce(row.time_in_force),
        filled_quantity=row.filled_quantity,
        is_open=row.state in {OPEN, PENDING},
        done_reason=DONE_REASONS.get(row.state),
        venue_time_ns=row.updated_at,
        post_only=row.post_only,
        reduce_only=row.reduce_only,
    )
