"""Rows about trades beside the trade itself: what is learnt of it later, contradictory reports, open lots.

What the class attributes mean stands in `engine.messages.rows`.
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Mode, Ns, Row


class TradeChangeRow(Row, frozen=True, kw_only=True):
    """`trades`: what is learnt later, that it counts no more, or that it realised something else.

    A trade realises other profits when one before it is taken back, or comes late.
    """

    __table__: ClassVar[str] = "trades"
    __mode__: ClassVar[Mode] = "update"

    id: UUID
    user_id: UUID
    realized_pnl: Decimal
    voided_by: UUID | None


class TradeEvidenceRow(Row, frozen=True, kw_only=True):
    """`trade_evidence`: a report about a trade that is not booked, kept because it contradicts or takes back."""

    __table__: ClassVar[str] = "trade_evidence"

    id: UUID
    user_id: UUID
    account_id: UUID
    order_id: UUID | None
    """None where no order of ours is known for it."""
    kind: str
    """`conflict`: another content under a known trade id. `void`: the venue took the trade back; of a trade that is not
    known it keeps it from being booked. `unlisted`: in a symbol without rules, so it cannot be booked."""
    symbol: str
    side: str
    external_trade_id: str
    venue_client_id: str
    external_order_id: str
    quantity: Decimal | None
    price: Decimal | None
    fees: Decimal | None
    fee_asset: str | None
    liquidity: str | None
    executed_at: Ns
    """Of the trade; of a void the venue's time of it."""
    correlation_id: UUID | None
    created_at: Ns


class LotRow(Row, frozen=True, kw_only=True):
    """`lots`: what one fill has opened of a position, and how much of it is still open."""

    __table__: ClassVar[str] = "lots"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    """That of the trade, where there is one."""
    user_id: UUID
    account_id: UUID
    symbol: str
    position_side: str
    trade_id: UUID | None
    """None for what no trade has opened: a position that was there before us, one that was written off."""
    side: str
    quantity: Decimal
    """0 when its trade has opened nothing after all: it was taken back, or one before it came late."""
    remaining: Decimal
    price: Decimal
    realized_pnl: Decimal
    """Of the closed part, quote units, without fees."""
    opened_at: Ns
    closed_at: Ns | None
    updated_at: Ns
