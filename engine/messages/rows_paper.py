"""Rows of schema `paper`: the paper venue's own truth, apart from the engine's.

No engine actor reads them; the engine learns of them only through the connector protocol.
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Json, Mode, Ns, Row


class PaperAccountRow(Row, frozen=True, kw_only=True):
    """`paper.accounts`: an account that the venue knows; its balances were seeded once."""

    __table__: ClassVar[str] = "paper.accounts"
    __key__: ClassVar[tuple[str, ...]] = ("account_id",)
    __mode__: ClassVar[Mode] = "ignore"

    account_id: UUID
    user_id: UUID
    venue: str
    kind: str
    starting_balances: Json
    created_at: Ns


class PaperBalanceRow(Row, frozen=True, kw_only=True):
    """`paper.balances`."""

    __table__: ClassVar[str] = "paper.balances"
    __key__: ClassVar[tuple[str, ...]] = ("account_id", "asset")
    __mode__: ClassVar[Mode] = "upsert"

    account_id: UUID
    asset: str
    free: Decimal
    locked: Decimal


class PaperPositionRow(Row, frozen=True, kw_only=True):
    """`paper.positions`: netting, signed size."""

    __table__: ClassVar[str] = "paper.positions"
    __key__: ClassVar[tuple[str, ...]] = ("account_id", "symbol")
    __mode__: ClassVar[Mode] = "upsert"

    account_id: UUID
    symbol: str
    size: Decimal
    entry_price: Decimal
    realized_pnl: Decimal


class PaperOrderRow(Row, frozen=True, kw_only=True):
    """`paper.orders`: every order ever placed; `venue_client_id` is refused a second time for ever."""

    __table__: ClassVar[str] = "paper.orders"
    __key__: ClassVar[tuple[str, ...]] = ("account_id", "venue_client_id")
    __mode__: ClassVar[Mode] = "upsert"

    account_id: UUID
    venue_client_id: str
    external_order_id: str
    """A counter of the venue, as text."""
    venue: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    post_only: bool
    reduce_only: bool
    state: str
    """`pending` (not triggered), `open`, `filled`, `cancelled`, `expired`, `rejected`."""
    reject_code: str | None
    filled_quantity: Decimal
    queue_ahead: Decimal | None
    """Quantity at the same price that trades before a resting order; None where it does not rest."""
    placed_at: Ns
    updated_at: Ns


class PaperTradeRow(Row, frozen=True, kw_only=True):
    """`paper.trades`: the venue's executions; `cursor` counts per venue."""

    __table__: ClassVar[str] = "paper.trades"
    __key__: ClassVar[tuple[str, ...]] = ("venue", "cursor")

    venue: str
    cursor: int
    account_id: UUID
    venue_client_id: str
    external_order_id: str
    external_trade_id: str
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    executed_at: Ns


class PaperMarkRow(Row, frozen=True, kw_only=True):
    """`paper.position`: the replayed frame that the venue has matched, per venue and session."""

    __table__: ClassVar[str] = "paper.position"
    __key__: ClassVar[tuple[str, ...]] = ("venue", "session")
    __mode__: ClassVar[Mode] = "upsert"

    venue: str
    session: str
    frame: int
    last_order_id: int
    """Last external order id given out."""
    last_trade_id: int
    updated_at: Ns
