"""Halts as the store keeps them."""

from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Json, Mode, Ns, Row


class HaltRow(Row, frozen=True, kw_only=True):
    """`halts`: one use of the kill switch, and what is proven of it."""

    __table__: ClassVar[str] = "halts"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "id")
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    scope: str
    scope_id: UUID
    """The user's own id for scope `user` and `engine`."""
    reason: str
    flatten: bool
    """Close the positions of the scope as well."""
    state: str
    """`requested`, `verifying`, `proven`, `unproven` (at the deadline; it may still become proven), `lifted`."""
    requested_by: str
    requested_at: Ns
    """Wall clock."""
    updated_at: Ns
    report: Json
    """`orders`, `positions`, `accounts`: lists of what is known of each; see `actors.halt_proof`."""
