"""Rows about people: users, sessions, accounts, limits, what was done in their name, what they are told.

What the class attributes mean stands in `engine.messages.rows`.
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Json, Mode, Ns, Row


class AccountRow(Row, frozen=True, kw_only=True):
    """`trading_accounts`."""

    __table__: ClassVar[str] = "trading_accounts"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    name: str
    exchange: str
    account_id: str
    """The venue's name of the account; for paper the account's name."""
    account_type: str
    mode: str
    is_active: bool
    starting_balances: Json
    config_hash: str | None
    created_at: Ns
    dead_man_ms: int | None = None
    """Silence after which the venue cancels the account's orders; None without its dead-man switch."""


class LimitRow(Row, frozen=True, kw_only=True):
    """`trading_limits`."""

    __table__: ClassVar[str] = "trading_limits"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    limit_type: str
    symbol: str | None
    scope: str
    account_id: UUID | None
    agent_id: UUID | None
    limit_value: Decimal
    window_seconds: int | None
    is_active: bool
    created_at: Ns
    updated_at: Ns


class AuditRow(Row, frozen=True, kw_only=True):
    """`audit_log`: who did what, with which outcome."""

    __table__: ClassVar[str] = "audit_log"

    id: UUID
    user_id: UUID
    actor_id: UUID | None
    """The user who acted; differs from `user_id` when an admin acts for somebody."""
    action: str
    object_type: str | None
    object_id: str | None
    outcome: str
    detail: Json
    remote_addr: str | None
    correlation_id: UUID | None
    created_at: Ns


class IdempotencyRow(Row, frozen=True, kw_only=True):
    """`idempotency_keys`: the first answer to a key, repeated to every later call with the same body."""

    __table__: ClassVar[str] = "idempotency_keys"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "key")
    __mode__: ClassVar[Mode] = "ignore"
    __expires__: ClassVar[str] = "expires_at"

    user_id: UUID
    key: str
    request_hash: str
    status_code: int
    object_type: str | None
    """What the answer shows, such as `order`; it is read again by `object_id`."""
    object_id: str | None
    answer: Json
    created_at: Ns
    expires_at: Ns


class UserRow(Row, frozen=True, kw_only=True):
    """`users`."""

    __table__: ClassVar[str] = "users"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    email: str
    password_hash: str | None
    full_name: str | None
    role: str
    is_active: bool
    time_zone: str
    created_at: Ns
    updated_at: Ns


class UserSessionRow(Row, frozen=True, kw_only=True):
    """`user_sessions`: a login or an API token; only the SHA-256 of the token is kept."""

    __table__: ClassVar[str] = "user_sessions"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    token_hash: str
    kind: str
    """`session` or `token`."""
    name: str | None
    expires_at: Ns
    revoked_at: Ns | None
    created_at: Ns


class RiskAlertRow(Row, frozen=True, kw_only=True):
    """`risk_alerts`."""

    __table__: ClassVar[str] = "risk_alerts"

    id: UUID
    user_id: UUID
    alert_type: str
    severity: str
    message: str
    data: Json
    created_at: Ns


class ReplayPositionRow(Row, frozen=True, kw_only=True):
    """`replay_positions`: the frame that a cell has processed."""

    __table__: ClassVar[str] = "replay_positions"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "session")
    __mode__: ClassVar[Mode] = "upsert"

    user_id: UUID
    session: str
    frame: int
    updated_at: Ns
