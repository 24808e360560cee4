"""The closed lists of words: sides, order types, life cycles, states.

Every word is spelled as in the database schema, the HTTP interface and the stream. `cancelled` has two l everywhere.
"""

from enum import IntEnum, StrEnum
from typing import Final


class Side(StrEnum):
    """Direction of an order, a fill or an aggressor."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How an order meets the book."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    """Becomes a market order when the last trade reaches `stop_price`."""
    STOP_LIMIT = "stop_limit"
    """Becomes a limit order when the last trade reaches `stop_price`."""
    TAKE_PROFIT = "take_profit"
    """Becomes a market order when the last trade reaches `stop_price` in our favour: a sell when the price has risen to
    it, a buy when it has fallen to it; a stop waits for the opposite."""
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    """Becomes a limit order then."""


PRICED_TYPES: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
"""Those with a limit price."""
STOP_TYPES: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
TAKE_PROFIT_TYPES: Final = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
TRIGGERED_TYPES: Final = STOP_TYPES | TAKE_PROFIT_TYPES
"""Those that wait for a price, `stop_price`, before they are market or limit orders."""


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Liquidity(StrEnum):
    """Whether a fill took or made liquidity; it decides the fee."""

    MAKER = "maker"
    TAKER = "taker"


class InstrumentKind(StrEnum):
    """What is traded."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    """Linear perpetual: margin and profit in the quote (settle) asset."""


class PositionSide(StrEnum):
    """Which position a fill belongs to; `net` where the account nets."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


class Lifecycle(IntEnum):
    """Rank of an order's life; it never falls."""

    CREATED = 0
    SUBMITTING = 1
    UNKNOWN = 2
    """Sent, outcome not known; left on evidence only."""
    WORKING = 3
    DONE = 4


class DoneReason(StrEnum):
    """Why an order is done."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """The venue refused it."""
    DENIED = "denied"
    """We refused it; it was never sent."""
    NEVER_EXISTED = "never_existed"
    """Proven absent at the venue."""


class OrderStatus(StrEnum):
    """The one word that people see, computed from lifecycle, done reason and fills."""

    PENDING = "pending"
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class RequestKind(StrEnum):
    """What a request row asks of the venue."""

    CANCEL = "cancel"
    AMEND = "amend"


class RequestState(StrEnum):
    """Life of a cancel or amend request."""

    REQUESTED = "requested"
    ACKED = "acked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class TradingState(StrEnum):
    """What a scope may do."""

    ACTIVE = "active"
    REDUCING = "reducing"
    """Only orders that shrink a position."""
    HALTED = "halted"
    """Only cancels."""


class Scope(StrEnum):
    """What a halt or a limit covers, from wide to narrow."""

    ENGINE = "engine"
    USER = "user"
    ACCOUNT = "account"
    AGENT = "agent"


class AccountMode(StrEnum):
    """Whether an account's money is real."""

    PAPER = "paper"
    LIVE = "live"


class AgentStatus(StrEnum):
    """State of an agent (table `trading_agents`)."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    PAUSED = "paused"
    """Keeps reading the market and its state, sends no signals."""
    ERROR = "error"


class SignalAction(StrEnum):
    """What a signal proposes."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


class OrderOrigin(StrEnum):
    """Who made an order."""

    AGENT = "agent"
    API = "api"
    EXECUTOR = "executor"
    EXTERNAL = "external"
    """Found at the venue, not ours; adopted, counted by risk."""
    SYSTEM = "system"


class Role(StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    TRADER = "trader"
    VIEWER = "viewer"


class BookState(StrEnum):
    """Trust in a book."""

    EMPTY = "empty"
    BUFFERING = "buffering"
    """Diffs are kept until the snapshot comes."""
    SYNCED = "synced"
    STALE = "stale"
    """A gap, a crossed top or silence; agents must not open risk on it."""
