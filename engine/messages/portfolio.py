"""What the ledger tells about accounts."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, Asset, Symbol, UserId
from engine.domain.kinds import Side
from engine.messages.base import Message
from engine.messages.orders import Fill, OrderChanged
from engine.messages.rows import DiscrepancyRow, TradeRow
from engine.messages.venues import VenueAccount, VenueFill, VenueOrder
from engine.messages.writing import CommandRecord, WriteUnit


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
    moved: Decimal = Decimal(0)
    """What transfers and corrections, which are no trades, have added to the equity since the ledger started."""


ListedTrade = tuple[Symbol, str, Side]
"""Symbol, the venue's trade id, side: what names a trade at a venue."""


class FillListing(msgspec.Struct, frozen=True, kw_only=True):
    """Fills that a venue has listed one after another, without a hole that it has told of."""

    trades: frozenset[ListedTrade]
    from_ns: int
    """Of a trade executed behind this moment and before `until_ns` the listing should hold it."""
    until_ns: int


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
    """`orders` and `listed` are all open orders of the account: ours that are missing must be asked for one by one."""
    listed: frozenset[str] = frozenset()
    """Client ids (`key_of`) of orders that came with earlier pages."""
    is_last: bool = True
    """The last page of a run: fills that have waited for older ones need wait no more."""
    booked_before: int | None = None
    """`ReconciliationApplied.booked` before `account` was read: where the venue's numbers have no cursor that counts,
    they are of the moment of the books if nothing was booked since."""
    absent: tuple[str, ...]
    """Venue client ids proven never to have existed."""
    account: VenueAccount | None
    listing: FillListing | None = None
    """Of a deep run: what it has read of the fills, in `account` or later pages."""


class ReconciliationApplied(Message, frozen=True, kw_only=True):
    """What changed."""

    late_fills: int
    adopted: int
    closed: int
    matched: int = 0
    """Orders that the venue lists as we do."""
    is_compared: bool = True
    """False where fills came in between, so that the venue's balances are of another moment than our books."""
    booked: int = 0
    """Fills that the router has booked in its life."""
    inferred: int = 0
    """Fills that stand for trades which the venue did not give; since the last reply, as the two below."""
    absent: int = 0
    """Questions that the venue answered with: no such order."""
    cannot_tell: int = 0
    """Questions that the venue could not answer."""


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
    listing: FillListing | None = None
    """What the venue lists of the fills, where that was read."""


class OrdersToCompareQuery(Message, frozen=True, kw_only=True):
    """Ask the router: which orders a deep reconciliation should ask the venue for. Reply: `OrdersToCompare`."""

    account_id: AccountId
    closed_max: int
    """At most so many closed orders, the newest."""


class OrdersToCompare(Message, frozen=True, kw_only=True):
    """Orders that were sent, by the ids that the venue knows: open ones, then closed ones, oldest first."""

    orders: tuple[tuple[Symbol, str], ...]


class DiscrepanciesCompared(Message, frozen=True, kw_only=True):
    """Ledger, on the bus under the account's id: what is open after a comparison or a write-off."""

    account_id: AccountId
    rows: tuple[DiscrepancyRow, ...]


class WriteOffDiscrepancy(Message, frozen=True, kw_only=True):
    """Ask the ledger: book a difference as an adjustment, or take such an adjustment back.

    Reply: `WriteOffAnswer`, after the commit. In the lowest lane: the ledger opens the unit, see `Ledger.on_late`.
    """

    __lane__: ClassVar[str] = "market"

    account_id: AccountId
    discrepancy_id: UUID
    reason: str
    by: str
    """Who ordered it."""
    takes_back: DiscrepancyRow | None = None
    """The row of a write-off that is taken back; None to write off."""
    record: CommandRecord | None = None


class WriteOffAnswer(Message, frozen=True, kw_only=True):
    """What became of a wish to write a difference off, or to take that back."""

    discrepancy_id: UUID
    error: str = ""
    """`not_open`, `not_written_off` or empty."""
    row: DiscrepancyRow | None = None
    """As it is now."""


class PositionQuery(Message, frozen=True, kw_only=True):
    """Ask the ledger: signed position of a symbol. Reply: Decimal."""

    symbol: Symbol
