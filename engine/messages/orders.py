"""Orders on their way through a cell: intent, verdict, command, change.

The way is Coordinator or Api > RiskGate > OrderRouter > Ledger > StorageWriter. The `WriteUnit` of a decision travels
in these messages; each actor adds its rows and events, the Ledger sends it.
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec

from engine.domain.identifiers import (
    AccountId,
    AgentId,
    Asset,
    CorrelationId,
    ExecutorId,
    OrderId,
    SignalId,
    StrategyId,
    Symbol,
    UserId,
    Venue,
)
from engine.domain.kinds import Liquidity, OrderOrigin, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from engine.messages.base import Message, require_positive
from engine.messages.rows import TradeRow
from engine.messages.writing import CommandRecord, WriteUnit


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What somebody wants to trade, sized, not yet checked."""

    order_id: OrderId
    user_id: UserId
    account_id: AccountId
    venue: Venue
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal
    """Base units, above zero."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.NET
    client_order_id: str
    """The caller's; the text of `order_id` where the caller gave none."""
    intent_key: str
    """Derived from the maker's input, unique per account: the same key again is the same order."""
    origin: OrderOrigin
    agent_id: AgentId | None = None
    strategy_id: StrategyId | None = None
    executor_id: ExecutorId | None = None
    signal_id: SignalId | None = None
    correlation_id: CorrelationId
    decided_at_ns: int
    """Market time of the decision."""

    def __post_init__(self) -> None:
        """Refuse sizes and prices that are not finite and positive."""
        require_positive("quantity", self.quantity)
        require_positive("price", self.price)
        require_positive("stop_price", self.stop_price)


class CheckIntent(Message, frozen=True, kw_only=True):
    """Coordinator to RiskGate: check and pass on. The unit already holds the maker's new state."""

    intent: OrderIntent
    unit: WriteUnit


class PlaceOrder(Message, frozen=True, kw_only=True):
    """Api to RiskGate: a person's order. Answered with `OrderAnswer` once its unit is committed."""

    intent: OrderIntent
    record: CommandRecord


class SubmitOrder(Message, frozen=True, kw_only=True):
    """RiskGate to OrderRouter: accepted, exposure reserved."""

    intent: OrderIntent
    unit: WriteUnit


class Denial(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why the gate said no."""

    code: str
    """Stable rule name: `order_notional`, `position_size`, `open_orders`, `price_band`, `order_rate`, `balance`, ..."""
    limit: str
    """The limit as text, with its unit where it has one."""
    value: str
    """The value that broke it."""
    message: str = ""


class DenyOrder(Message, frozen=True, kw_only=True):
    """RiskGate to OrderRouter: keep the denial as an order row that was never sent."""

    intent: OrderIntent
    denial: Denial
    unit: WriteUnit


class OrderAnswer(Message, frozen=True, kw_only=True):
    """Reply to `PlaceOrder`, given when the order's unit is committed."""

    order_id: OrderId
    duplicate: bool = False
    """The intent key was known: `order_id` is the first order."""
    denial: Denial | None = None


class CancelOrder(Message, frozen=True, kw_only=True):
    """Api, Coordinator or gate to RiskGate, which hands it to the router of the account."""

    user_id: UserId
    account_id: AccountId
    order_id: OrderId
    reason: str
    record: CommandRecord | None = None


class CancelOrders(Message, frozen=True, kw_only=True):
    """Cancel every open order that matches; None matches everything."""

    user_id: UserId
    account_id: AccountId | None = None
    symbol: Symbol | None = None
    agent_id: AgentId | None = None
    reason: str
    record: CommandRecord | None = None


class AmendOrder(Message, frozen=True, kw_only=True):
    """Api or executor to RiskGate, which checks what it adds to the exposure, to the router of the account.

    A value that is None stays as it is. Reply: `AmendAnswer`.
    """

    user_id: UserId
    account_id: AccountId
    order_id: OrderId
    quantity: Decimal | None = None
    """The order's whole quantity afterwards, what is filled included."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    reason: str = ""
    record: CommandRecord | None = None

    def __post_init__(self) -> None:
        """Refuse sizes and prices that are not finite and positive."""
        require_positive("quantity", self.quantity)
        require_positive("price", self.price)
        require_positive("stop_price", self.stop_price)


class AmendAnswer(Message, frozen=True, kw_only=True):
    """Reply to `AmendOrder`, given when the request is durable."""

    order_id: OrderId
    request_id: UUID | None = None
    """Of the request row; None if none was made."""
    reason: str = ""
    """Why nothing was done: `not_found`, `already_done`, `unchanged`, `amend_unsupported`."""
    denial: Denial | None = None
    """The gate's refusal."""


class CancelAnswer(Message, frozen=True, kw_only=True):
    """Reply to a cancel: which orders a cancel request now exists for."""

    order_ids: tuple[OrderId, ...]
    durable: bool = True
    """False while the database is away: the cancel was sent first, its rows wait."""
    reason: str = ""
    """Why nothing was done: `not_found`, `already_done`."""


class OrderChanged(Message, frozen=True, kw_only=True):
    """OrderRouter to RiskGate and Coordinator: the order as it now stands in memory."""

    __lane__: ClassVar[str] = "orders"

    order_id: OrderId
    user_id: UserId
    account_id: AccountId
    venue: Venue
    symbol: Symbol
    side: Side
    type: OrderType
    price: Decimal | None
    """Limit, else stop price; None for a market order."""
    quantity: Decimal
    filled_quantity: Decimal
    expected_quantity: Decimal
    """What will have been booked when nothing more comes: fills so far and everything that may still fill. A done
    order may have fills on their way; exposure is kept for them."""
    just_filled: Decimal = Decimal(0)
    """Part of `filled_quantity` of which `FillBooked` comes after this; below zero where a fill was taken back."""
    status: OrderStatus
    is_done: bool
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.NET
    origin: OrderOrigin
    agent_id: AgentId | None = None
    amend_quantity: Decimal | None = None
    """Largest quantity that an amend of unknown outcome asks for; None without one. Exposure is kept for it."""
    amend_price: Decimal | None = None
    """Price (limit, else stop) that such an amend asks for; the highest of a buy, the lowest of a sell."""
    denial_code: str | None = None
    """Why it was refused, by us or by the venue; as in the table."""


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution of our own, as the ledger books it."""

    external_trade_id: str
    order_id: OrderId
    account_id: AccountId
    venue: Venue
    symbol: Symbol
    side: Side
    position_side: PositionSide = PositionSide.NET
    price: Decimal
    quantity: Decimal
    fee: Decimal
    """In `fee_asset`; above zero is paid, below zero a rebate."""
    fee_asset: str
    liquidity: Liquidity
    executed_at_ns: int
    inferred: bool = False
    is_reversal: bool = False
    """It is taken out of the books, not added to them."""

    @property
    def net_side(self) -> Side:
        """The direction in which it moves a position."""
        return self.side.opposite if self.is_reversal else self.side

    @property
    def net_quantity(self) -> Decimal:
        """Above zero for what is booked, below zero for what is taken back."""
        return self.quantity.copy_negate() if self.is_reversal else self.quantity

    def __post_init__(self) -> None:
        """Refuse sizes and prices that are not finite and positive."""
        require_positive("price", self.price)
        require_positive("quantity", self.quantity)


class BookUnit(Message, frozen=True, kw_only=True):
    """OrderRouter to Ledger: book these fills, follow this order's reservation, then send the unit."""

    unit: WriteUnit
    orders: tuple[OrderChanged, ...] = ()
    fills: tuple[Fill, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    """The router's rows of `fills`, one each and in the same order; the ledger adds the profit that each realised. Of a
    fill that is taken back: the row as it was booked, with `voided_by`."""


class FillBooked(Message, frozen=True, kw_only=True):
    """Ledger to Coordinator and RiskGate: a fill is in the books (in memory; its unit is on its way)."""

    user_id: UserId
    fill: Fill
    agent_id: AgentId | None
    realized_pnl: Decimal
    position_size: Decimal
    """Signed position of the account in the symbol after the fill."""
    totals: tuple[tuple[Asset, Decimal], ...] = ()
    """What the account owns after the fill of each asset that the fill moved."""
    average_price: Decimal | None = None
    """Of the account's position afterwards, where the fill was not simply added to its end: it came late or is taken
    back."""
