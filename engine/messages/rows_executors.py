"""Rows of `executors`; `engine.messages.rows` explains the class attributes."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Json, Mode, Ns, Row


class ExecutorRow(Row, frozen=True, kw_only=True):
    """`executors`: a durable plan and how far it has come. What it has ordered is in the orders that name it."""

    __table__: ClassVar[str] = "executors"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    agent_id: UUID | None = None
    strategy_id: UUID | None = None
    kind: str
    symbol: str
    side: str
    configuration: Json
    state: Json = None
    """What no order tells: since when it is unprotected, whether it closes its position while it stops."""
    slots: Json = None
    """Slot -> its order, generation and fills; for people."""
    generation: int = 0
    """Orders that it has made."""
    status: str
    status_reason: str | None = None
    intent_key: str
    realized_pnl: Decimal
    """Quote units by average price, before fees."""
    correlation_id: UUID
    finished_at: Ns | None = None
    created_at: Ns
    updated_at: Ns
