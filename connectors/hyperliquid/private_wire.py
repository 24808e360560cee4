"""The shapes of what Hyperliquid tells of an account, as far as they are read; unknown fields are ignored.

Source: Hyperliquid, "WebSocket subscriptions" (orderUpdates, userFills, userEvents) and "Info endpoint" (openOrders,
frontendOpenOrders, orderStatus, userFills, userFillsByTime, clearinghouseState, spotClearinghouseState).
"""

from decimal import Decimal

import msgspec


class Order(msgspec.Struct, gc=False):
    """An order. Streams tell the fields up to `cloid`; frontendOpenOrders and orderStatus the rest as well."""

    coin: str
    side: str
    """`B` buys, `A` (ask) sells."""
    limitPx: Decimal  # noqa: N815 - the names on the wire.
    sz: Decimal
    """What is left; it stays at the remainder when the order is cancelled."""
    oid: int
    timestamp: int
    """When it was placed, ms."""
    origSz: Decimal | None = None  # noqa: N815
    """Absent in recordings of 2023."""
    cloid: str | None = None
    orderType: str = "Limit"  # noqa: N815
    tif: str | None = None
    reduceOnly: bool = False  # noqa: N815
    isTrigger: bool = False  # noqa: N815
    triggerPx: Decimal = Decimal(0)  # noqa: N815

    @property
    def size(self) -> Decimal:
        """What was ordered."""
        return self.sz if self.origSz is None else self.origSz


class OrderUpdate(msgspec.Struct, gc=False):
    """One of `orderUpdates`, and the inner part of orderStatus."""

    order: Order
    status: str
    statusTimestamp: int  # noqa: N815


class OrderStatus(msgspec.Struct, gc=False):
    """orderStatus: `order`, or `unknownOid` without one."""

    status: str
    order: OrderUpdate | None = None


class Fill(msgspec.Struct, gc=False):
    """One execution."""

    coin: str
    px: Decimal
    sz: Decimal
    side: str
    time: int
    oid: int
    crossed: bool
    """Whether it took liquidity."""
    fee: Decimal
    """Builder's fee included; below zero is a rebate."""
    hash: str
    startPosition: Decimal = Decimal(0)  # noqa: N815
    """The position, or on spot the balance, before it."""
    tid: int | None = None
    """Absent in recordings of 2023."""
    feeToken: str = "USDC"  # noqa: N815 - a token is money here.
    cloid: str | None = None


class UserFills(msgspec.Struct, gc=False):
    """`userFills`: first a snapshot of the newest 2,000, then news."""

    fills: tuple[Fill, ...]
    user: str = ""
    isSnapshot: bool = False  # noqa: N815


class UserEvent(msgspec.Struct, gc=False):
    """`userEvents`, which come on the channel `user`: one of several kinds."""

    fills: tuple[Fill, ...] | None = None


class OrderUpdatesFrame(msgspec.Struct, gc=False):
    """The envelope around changes of orders."""

    data: tuple[OrderUpdate, ...]


class UserFillsFrame(msgspec.Struct, gc=False):
    """The envelope around fills."""

    data: UserFills


class UserEventFrame(msgspec.Struct, gc=False):
    """The envelope around an event of the user."""

    data: UserEvent


class Leverage(msgspec.Struct, gc=False):
    """How a position is margined."""

    type: str
    """`cross` or `isolated`."""
    value: int


class Position(msgspec.Struct, gc=False):
    """A position of clearinghouseState."""

    coin: str
    szi: Decimal
    """Signed."""
    entryPx: Decimal | None = None  # noqa: N815
    unrealizedPnl: Decimal = Decimal(0)  # noqa: N815
    leverage: Leverage | None = None


class AssetPosition(msgspec.Struct, gc=False):
    """The envelope around a position."""

    position: Position
    type: str = "oneWay"


class MarginSummary(msgspec.Struct, gc=False):
    """Sums over an account of perpetuals."""

    accountValue: Decimal  # noqa: N815
    """USDC, with the profit of open positions."""
    totalMarginUsed: Decimal  # noqa: N815


class ClearinghouseState(msgspec.Struct, gc=False):
    """clearinghouseState: the account of perpetuals."""

    marginSummary: MarginSummary  # noqa: N815
    assetPositions: tuple[AssetPosition, ...]  # noqa: N815
    time: int


class SpotBalance(msgspec.Struct, gc=False):
    """One token of a spot account."""

    coin: str
    total: Decimal
    hold: Decimal


class SpotState(msgspec.Struct, gc=False):
    """spotClearinghouseState."""

    balances: tuple[SpotBalance, ...]


class RateLimit(msgspec.Struct, gc=False):
    """userRateLimit: how many actions the address may still send, by what it has traded."""

    nRequestsUsed: int  # noqa: N815
    nRequestsCap: int  # noqa: N815


class Agent(msgspec.Struct, gc=False):
    """One of extraAgents: a key that may sign for an account, and until when in ms."""

    address: str
    validUntil: int  # noqa: N815


class Role(msgspec.Struct, gc=False):
    """userRole: `user`, `agent`, `vault`, `subAccount` or `missing`."""

    role: str


class Master(msgspec.Struct, gc=False):
    """For whom an agent signs."""

    user: str


class AgentRole(msgspec.Struct, gc=False):
    """userRole of an agent."""

    data: Master
