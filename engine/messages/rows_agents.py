"""Rows about agents that do not fit into their configuration."""

from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Mode, Ns, Row


class AgentVersionRow(Row, frozen=True, kw_only=True):
    """`trading_agents`: the number of its configuration, which is part of each intent key."""

    __table__: ClassVar[str] = "trading_agents"
    __mode__: ClassVar[Mode] = "update"

    id: UUID
    user_id: UUID
    version: int
    """1, 2, 3: raised whenever what the agent decides by has changed."""
    updated_at: Ns
