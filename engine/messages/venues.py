"""The connector protocol: what a cell says to a private venue connection and what comes back.

The same for the paper venue, the exchanges and remote venues. Commands are told to the connector; answers and pushed
events come over the bus under the account's id. Queries are asked with a deadline. Decimals are exact, ids are the
venue's own text.
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec

from engine.domain.capabilities import Capabilities
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
    fence: int = 0
    """Of the lease under which the intent was written; the connector sends only while it still holds. 0: unfenced."""


class VenueCancel(Message, frozen=True, kw_only=True):
    """Cancel one order."""

    order_id: OrderId
    account_id: AccountId
    venue_client_id: str
    external_order_id: str | None
    symbol: Symbol
    fence: int = 0
    """As in `VenueSubmit`."""


class VenueAmend(Message, frozen=True, kw_only=True):
    """Change an open order; a value that is None stays. Sent under the same conditions as a submit.

    Answered with `VenueAmended` or `VenueAmendRefused`.
    """

    request_id: UUID
    """Of our request row; the venue refuses one that it has seen."""
    order_id: OrderId
    account_id: AccountId
    venue_client_id: str
    external_order_id: str | None
    symbol: Symbol
    quantity: Decimal | None = None
    """The order's whole quantity afterwards, what is filled included."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    valid_until_ns: int
    fence: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes and prices that are not finite and positive."""
        require_positive("quantity", self.quantity)
        require_positive("price", self.price)
        require_positive("stop_price", self.stop_price)


class ArmDeadMan(Message, frozen=True, kw_only=True):
    """Ask: cancel all orders of the account unless asked again within `timeout_ns`; 0 disarms.

    Reply: `DeadManArmed` or `CannotTell`.
    """

    account_id: AccountId
    timeout_ns: int


class DeadManArmed(Message, frozen=True, kw_only=True):
    """Reply to `ArmDeadMan`."""

    account_id: AccountId
    until_ns: int
    """Venue time at which the venue would cancel; 0 when disarmed."""


class VenueAmended(Message, frozen=True, kw_only=True):
    """The venue has changed an order; these are its values now."""

    request_id: UUID
    order_id: OrderId
    account_id: AccountId
    external_order_id: str
    """A new one where the venue replaces."""
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    venue_time_ns: int


class VenueAmendRefused(Message, frozen=True, kw_only=True):
    """The venue refused to change an order, or the outcome is not known (`unknown`)."""

    request_id: UUID
    order_id: OrderId
    account_id: AccountId
    code: str
    venue_time_ns: int


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


class VenueTradeVoided(Message, frozen=True, kw_only=True):
    """The venue took back a trade that it had reported, or will not report any more."""

    account_id: AccountId
    symbol: Symbol
    side: Side
    venue_client_id: str
    external_order_id: str
    external_trade_id: str
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
    sequence: int = 0
    """Orders the states of one `venue_time_ns`; 0 where the venue has none."""
    average_price: Decimal | None = None
    """Of what is filled, where the venue says it."""
    fee: Decimal | None = None
    """For all that is filled, in `fee_asset`, where the venue says it."""
    fee_asset: Asset | None = None


class VenueOrderUpdate(Message, frozen=True, kw_only=True):
    """The venue tells where an order stands, unasked. It never stands for a fill: those come as `VenueFill`."""

    account_id: AccountId
    order: VenueOrder


class OpenAccount(Message, frozen=True, kw_only=True):
    """Ask: introduce an account to its venue; one that plays seeds the balances, at the first time only.

    Reply: `AccountOpened`, or `CannotTell` where the venue is away.
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
    capabilities: Capabilities | None = None
    """What the venue can do; None where it does not say."""


class OpenOrdersQuery(Message, frozen=True, kw_only=True):
    """Ask: open orders of an account, page by page. Reply: `VenueOrders` or `CannotTell`."""

    account_id: AccountId
    after: str | None = None
    """`next_after` of the page before; None for the first."""


class VenueOrders(Message, frozen=True, kw_only=True):
    """One page of open orders."""

    orders: tuple[VenueOrder, ...]
    next_after: str | None = None
    """Ask on from here; None if this is the last page."""


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
    """Ask: fills of an account after `cursor`, oldest first, page by page. Reply: `VenueFills` or `CannotTell`."""

    account_id: AccountId
    cursor: str | None
    venue_client_id: str | None = None
    """Only fills of this order; then `cursor` counts within it."""


class VenueFills(Message, frozen=True, kw_only=True):
    """Fills, oldest first, and the cursor behind the last one."""

    fills: tuple[VenueFill, ...]
    cursor: str | None
    has_more: bool = False
    """More fills are behind `cursor`: ask on from there."""


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
    """On the bus under the venue's name: the connection went away or came back.

    Under an account's id, with `account_id`: the same of one live account, whose connection is its own.
    """

    __lane__: ClassVar[str] = "control"

    venue: Venue
    connected: bool
    reason: str = ""
    at_ns: int
    is_private: bool = False
    """Of the connection that carries orders, where the market's data come over another one."""
    capabilities: Capabilities | None = None
    """What the venue can do from now on, where it says so at every connection; None where the connector does not."""
    account_id: AccountId | None = None
    """Whose connection it is, where each account has its own."""
