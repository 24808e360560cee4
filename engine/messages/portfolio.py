"""What the ledger tells about accounts."""

from decimal import Decimal
from typing import ClassVar

from engine.domain.identifiers import AccountId, Asset, Symbol, UserId
from engine.messages.base import Message
from engine.messages.orders import Fill, OrderChanged
from engine.messages.rows import TradeRow
from engine.messages.venues import VenueAccount, VenueFill, VenueOrder
from engine.messages.writing import WriteUnit


class AccountMarked(Message, frozen=True, kw_only=True):
    """Ledger, on the bus under the user's id: an account valued at market prices; conflated."""

    __lane__: ClassVar[str] = "market"
    __conflate__: ClassVar[tuple[str, ...]] = ("account_id",)

    user_id: UserId
    account_id: AccountId
    equity: Decimal
    """Everything in the account's valuation asset (USDT, USDC or USD)."""
    cash: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    positions: int
    at_ns: int
    """Market time."""
    unpriced: tuple[Asset, ...] = ()
    """Assets without a price; they count as zero and are named here."""


class ApplyReconciliation(Message, frozen=True, kw_only=True):
    """Reconciler to OrderRouter: facts found at the venue. Applied in this order: fills, then orders, then balances.

    The unit holds the watermark and has no number yet: the router gives it one when it applies the facts, so that units
    with fills of one account are numbered in the order in which the ledger books them. The router adds orders and
    trades, the ledger lines, and sends it. Asked; the reply is `ReconciliationApplied`, after the commit.
    """

    account_id: AccountId
    unit: WriteUnit
    fills: tuple[VenueFill, ...]
    orders: tuple[VenueOrder, ...]
    is_complete: bool = False
    """`orders` are all open orders of the account: ours that are missing must be asked for one by one."""
    absent: tuple[str, ...]
    """Venue client ids proven never to have existed."""
    account: VenueAccount | None


class ReconciliationApplied(Message, frozen=True, kw_only=True):
    """What changed."""

    late_fills: int
    adopted: int
    closed: int
    matched: int = 0
    """Orders that the venue lists as we do."""
    is_compared: bool = True
    """False where fills came in between, so that the venue's balances are of another moment than our books."""


class AdjustBalances(Message, frozen=True, kw_only=True):
    """OrderRouter to Ledger, at the end of a reconciliation: compare with the venue and book opening balances.

    A balance that no entry of ours explains becomes an opening-balance entry if the account has none in that asset yet,
    else a discrepancy row. The ledger adds its lines to the unit and sends it.
    """

    account_id: AccountId
    unit: WriteUnit
    account: VenueAccount
    orders: tuple[OrderChanged, ...] = ()
    fills: tuple[Fill, ...] = ()
    """Booked before the comparison."""
    trades: tuple[TradeRow, ...] = ()
    """As in `BookUnit`."""


class PositionQuery(Message, frozen=True, kw_only=True):
    """Ask the ledger: signed position of a symbol. Reply: Decimal."""

    symbol: Symbol
