"""What the ledger tells about accounts."""

from decimal import Decimal
from typing import ClassVar

from engine.domain.identifiers import AccountId, Asset, Symbol, UserId
from engine.messages.base import Message
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

    The unit holds the watermark and the report row; the router adds orders and trades, the ledger lines, and sends it.
    Asked; the reply is `ReconciliationApplied`.
    """

    account_id: AccountId
    unit: WriteUnit
    fills: tuple[VenueFill, ...]
    orders: tuple[VenueOrder, ...]
    absent: tuple[str, ...]
    """Venue client ids proven never to have existed."""
    account: VenueAccount | None


class ReconciliationApplied(Message, frozen=True, kw_only=True):
    """What changed."""

    late_fills: int
    adopted: int
    closed: int


class AdjustBalances(Message, frozen=True, kw_only=True):
    """OrderRouter to Ledger, at the end of a reconciliation: compare with the venue and book opening balances.

    A balance that no entry of ours explains becomes an opening-balance entry if the account has none in that asset yet,
    else a discrepancy row. The ledger adds its lines to the unit and sends it.
    """

    account_id: AccountId
    unit: WriteUnit
    account: VenueAccount


class PositionQuery(Message, frozen=True, kw_only=True):
    """Ask the ledger: signed position of a symbol. Reply: Decimal."""

    symbol: Symbol
