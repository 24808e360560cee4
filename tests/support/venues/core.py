"""The words of a simulated exchange: its clock, markets, accounts, orders, trades and what it tells of them.

They are every venue's; what a venue calls them, and how it says them, is the business of its own simulator.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

ZERO: Final = Decimal(0)

Word = Literal["new", "trade", "cancelled", "expired", "rejected", "amended", "triggered"]
"""What has happened to an order."""

OrderState = Literal["waiting", "open", "partial", "filled", "cancelled", "expired", "rejected"]
"""`waiting` is a conditional order that the market has not triggered yet."""

OPEN_STATES: Final = frozenset({"waiting", "open", "partial"})


class SimRefusal(Exception):
    """The exchange refuses a request, definitely; nothing was done.

    `word` is one of: unknown_symbol, unknown_order, unknown_account, duplicate_client_id, bad_client_id, lot_size,
    price_filter, min_notional, percent_price, insufficient_balance, reduce_only, would_take, would_trigger,
    no_liquidity, already_done, market_closed.
    """

    def __init__(self, word: str, detail: str = "") -> None:
        super().__init__(f"{word} {detail}".strip())
        self.word = word
        self.detail = detail


class SimClock:
    """The exchange's own clock: the machine's (or the given one), moved by what a test asks for."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self.offset_ns = 0

    def now_ns(self) -> int:
        return self._now_ns() + self.offset_ns

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def skew(self, offset_s: float) -> None:
        """Set how far the exchange is ahead of the machine."""
        self.offset_ns = round(offset_s * 1e9)

    def advance(self, seconds: float) -> None:
        """Jump ahead; keys, tokens and windows age with it."""
        self.offset_ns += round(seconds * 1e9)


@dataclass
class SimMarket:
    """A pair, its rules, and the street's book: what others offer. Orders of accounts are not shown in it."""

    symbol: str
    """As the venue writes it: `BTCUSDT`, `BTC-USD`, `BTC`."""
    base: str
    quote: str
    tick: Decimal = Decimal("0.01")
    step: Decimal = Decimal("0.00001")
    min_quantity: Decimal = Decimal("0.00001")
    max_quantity: Decimal = Decimal(9000)
    min_notional: Decimal = Decimal(5)
    is_margined: bool = False
    """A perpetual: fills move a position instead of two assets."""
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    initial_margin: Decimal = Decimal("0.05")
    status: str = "TRADING"
    last: Decimal = Decimal(60000)
    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)
    update_id: int = 1_000
    """Of the last change of the book."""

    def best(self, side: str) -> Decimal | None:
        """Return the best price of the street's `bid` or `ask`."""
        if side == "bid":
            return max(self.bids, default=None)
        return min(self.asks, default=None)


@dataclass
class SimBalance:
    """One asset; `total` is what is owned."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass
class SimPosition:
    """A margined position; `size` is signed."""

    symbol: str
    side: str
    """`net`, `long` or `short`."""
    size: Decimal = ZERO
    entry: Decimal = ZERO


@dataclass
class SimOrder:
    """An order with all that the exchange knows of it."""

    id: int
    account: str
    client_id: str
    symbol: str
    side: Literal["buy", "sell"]
    type: str
    """The venue's own word."""
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_below: bool = False
    """It triggers when the last price is at or below `stop_price`; else at or above."""
    tif: str = "GTC"
    post_only: bool = False
    reduce_only: bool = False
    position_side: str = "net"
    state: OrderState = "open"
    filled: Decimal = ZERO
    spent: Decimal = ZERO
    """Sum of price times quantity of its fills."""
    fee: Decimal = ZERO
    created_ms: int = 0
    updated_ms: int = 0
    locked: Decimal = ZERO
    """Still reserved for it, in the asset that it pays with."""
    extra: dict[str, str] = field(default_factory=dict)
    """What only the venue's simulator reads."""

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def average(self) -> Decimal:
        return self.spent / self.filled if self.filled else ZERO


@dataclass
class SimTrade:
    """One execution of an account's order."""

    id: int
    order_id: int
    account: str
    symbol: str
    side: Literal["buy", "sell"]
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time_ms: int
    position_side: str = "net"
    realized: Decimal = ZERO


@dataclass
class SimAccount:
    """An account with its keys, money, orders and trades."""

    name: str
    api_key: str
    secret: str
    """What the venue checks signatures with: an HMAC secret, a public key, an address."""
    balances: dict[str, SimBalance] = field(default_factory=dict)
    positions: dict[tuple[str, str], SimPosition] = field(default_factory=dict)
    orders: dict[int, SimOrder] = field(default_factory=dict)
    trades: list[SimTrade] = field(default_factory=list)
    permissions: set[str] = field(default_factory=lambda: {"read", "trade"})
    is_revoked: bool = False
    allowed_ips: set[str] | None = None
    is_hedged: bool = False
    leverage: dict[str, int] = field(default_factory=dict)
    margin_mode: dict[str, str] = field(default_factory=dict)
    fee_asset: str | None = None
    """Fees are paid in this asset; None: the venue's usual one (`SimExchange.fee_in`)."""
    dead_man_ms: int = 0
    """All orders are cancelled at this time; 0 where the switch is not armed."""
    nonces: set[int] = field(default_factory=set)
    extra: dict[str, str] = field(default_factory=dict)

    def balance(self, asset: str) -> SimBalance:
        return self.balances.setdefault(asset, SimBalance())

    def position(self, symbol: str, side: str = "net") -> SimPosition:
        return self.positions.setdefault((symbol, side), SimPosition(symbol, side))

    def open_orders(self, symbol: str | None = None) -> list[SimOrder]:
        return [order for order in self.orders.values() if order.is_open and symbol in (None, order.symbol)]

    def by_client_id(self, client_id: str, symbol: str | None = None) -> SimOrder | None:
        """Return the newest order with this id."""
        for order in reversed(self.orders.values()):
            if order.client_id == client_id and symbol in (None, order.symbol):
                return order
        return None


@dataclass(frozen=True)
class OrderEvent:
    """Something has happened to an order; `order` is how it stood then."""

    sequence: int
    word: Word
    order: SimOrder
    trade: SimTrade | None = None
    time_ms: int = 0


@dataclass(frozen=True)
class BalanceEvent:
    """Assets, and positions, of an account have changed; the values are those of that moment."""

    account: str
    balances: dict[str, SimBalance]
    positions: tuple[SimPosition, ...] = ()
    why: str = "ORDER"
    time_ms: int = 0


@dataclass(frozen=True)
class PublicTrade:
    """A print of the street."""

    symbol: str
    id: int
    price: Decimal
    quantity: Decimal
    taker_buys: bool
    time_ms: int


@dataclass(frozen=True)
class BookChange:
    """Levels that have changed; quantity 0 removes one."""

    symbol: str
    first_id: int
    last_id: int
    previous_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    time_ms: int


SimEvent = OrderEvent | BalanceEvent | PublicTrade | BookChange
