"""The connector protocol: what a cell says to a private venue connection and what comes back.

The same for the paper venue, the exchanges and remote venues. Commands are told to the connector; answers and pushed
events come over the bus under the account's id. Queries are asked with a deadline. Decimals are exact, ids are the
venue's own text.
"""

from decimal import Decimal
from typing import ClassVar

import msgspec

from engine.domain.identifiers import AccountId, Asset, OrderId, Symbol, UserId, Venue
from engine.domain.kinds import DoneReason, Liquidity, OrderType, PositionSide, Side, TimeInForce
from engine.messages.base import Message, require_positive


class VenueSubmit(Message, frozen=True, kw_only=True):
    """Place an order. Sent only after the commit of the intent, only before `valid_until_ns`."""

    order_id: OrderId
    account_id: AccountId
    venue_client_id: str
    venue: Venue
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.NET
    valid_until_ns: int
    """Wall clock; a venue that reads it later refuses the order."""


class VenueCancel(Message, frozen=True, kw_only=True):
    """Cancel one order."""

    order_id: OrderId
    account_id: AccountId
    venue_client_id: str
    external_order_id: str | None
    symbol: Symbol


class VenueAccepted(Message, frozen=True, kw_only=True):
    """The venue has the order; it may already hold fills, which come as `VenueFill`."""

    order_id: OrderId
    account_id: AccountId
    external_order_id: str
    venue_time_ns: int


class VenueRejected(Message, frozen=True, kw_only=True):
    """A definite refusal by the venue."""

    order_id: OrderId
    account_id: AccountId
    code: str
    message: str = ""
    venue_time_ns: int


class VenueUnknown(Message, frozen=True, kw_only=True):
    """The outcome of a submit is not known: timeout, lost socket, 5xx. Not a rejection."""

    order_id: OrderId
    account_id: AccountId
    why: str


class VenueNotSent(Message, frozen=True, kw_only=True):
    """The connector did not send: past `valid_until_ns`, fenced, or stopped. Nothing reached the venue."""

    order_id: OrderId
    account_id: AccountId
    why: str


class VenueOrderDone(Message, frozen=True, kw_only=True):
    """An order left the venue's book: cancelled, expired, or filled whole."""

    account_id: AccountId
    venue_client_id: str
    external_order_id: str
    symbol: Symbol
    reason: DoneReason
    filled_quantity: Decimal
    """What the venue counts as filled; the fills themselves come as `VenueFill`."""
    venue_time_ns: int


class VenueCancelRefused(Message, frozen=True, kw_only=True):
    """The venue refused a cancel (`unknown_order`, `already_done`) or its outcome is unknown (`unknown`)."""

    order_id: OrderId
    account_id: AccountId
    code: str
    venue_time_ns: int


class VenueFill(Message, frozen=True, kw_only=True):
    """One execution of ours at the venue."""

    account_id: AccountId
    venue: Venue
    symbol: Symbol
    side: Side
    position_side: PositionSide = PositionSide.NET
    venue_client_id: str
    external_order_id: str
    external_trade_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: Asset
    liquidity: Liquidity
    executed_at_ns: int
    """The venue's trade time (paper: market time)."""
    cursor: str
    """The venue's position of this fill in the account's history; watermarks are made of it. Paper: a counter."""

    def __post_init__(self) -> None:
        """Refuse sizes and prices that are not finite and positive."""
        require_positive("price", self.price)
        require_positive("quantity", self.quantity)


class VenueBalance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One asset of an account as the venue sees it."""

    asset: Asset
    free: Decimal
    locked: Decimal


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One open position as the venue sees it; `size` is signed."""

    symbol: Symbol
    position_side: PositionSide
    size: Decimal
    entry_price: Decimal


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as the venue lists it."""

    venue_client_id: str
    external_order_id: str
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    filled_quantity: Decimal
    is_open: bool
    done_reason: DoneReason | None
    venue_time_ns: int
    post_only: bool = False
    reduce_only: bool = False


class OpenAccount(Message, frozen=True, kw_only=True):
    """Ask: introduce an account to the paper venue, which seeds its balances at the first time only.

    Reply: `AccountOpened`.
    """

    account_id: AccountId
    user_id: UserId
    kind: str
    """`spot` or `margin`."""
    starting_balances: dict[Asset, Decimal]


class AccountOpened(Message, frozen=True, kw_only=True):
    """Reply to `OpenAccount`."""

    account_id: AccountId
    created: bool


class OpenOrdersQuery(Message, frozen=True, kw_only=True):
    """Ask: all open orders of an account. Reply: `VenueOrders`."""

    account_id: AccountId


class VenueOrders(Message, frozen=True, kw_only=True):
    """A whole list of orders."""

    orders: tuple[VenueOrder, ...]


class OrderQuery(Message, frozen=True, kw_only=True):
    """Ask: one order by our client id. Reply: `OrderFound`, `OrderAbsent` or `CannotTell`."""

    account_id: AccountId
    symbol: Symbol
    venue_client_id: str


class OrderFound(Message, frozen=True, kw_only=True):
    """The venue has, or had, the order."""

    order: VenueOrder


class OrderAbsent(Message, frozen=True, kw_only=True):
    """The venue answered that it has no such order, as of its time."""

    venue_time_ns: int


class CannotTell(Message, frozen=True, kw_only=True):
    """No answer that proves anything."""

    why: str


class FillsQuery(Message, frozen=True, kw_only=True):
    """Ask: fills of an account after `cursor`, oldest first, all pages. Reply: `VenueFills` or `CannotTell`."""

    account_id: AccountId
    cursor: str | None


class VenueFills(Message, frozen=True, kw_only=True):
    """Fills, oldest first, and the cursor behind the last one."""

    fills: tuple[VenueFill, ...]
    cursor: str | None


class AccountQuery(Message, frozen=True, kw_only=True):
    """Ask: balances and positions of an account. Reply: `VenueAccount` or `CannotTell`."""

    account_id: AccountId


class VenueAccount(Message, frozen=True, kw_only=True):
    """Balances and positions as the venue sees them."""

    balances: tuple[VenueBalance, ...]
    positions: tuple[VenuePosition, ...]
    cursor: str | None
    """Cursor of the last fill that these numbers contain, where the venue can say it."""
    venue_time_ns: int


class VenueConnection(Message, frozen=True, kw_only=True):
    """On the bus under the venue's name: the connection went away or came back."""

    __lane__: ClassVar[str] = "control"

    venue: Venue
    connected: bool
    reason: str = ""
    at_ns: int
