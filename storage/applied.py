"""Reads what is there of the users, accounts and agents that a configuration file may name."""

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from engine.domain.errors import DependencyAway
from storage.pool import OUTCOME_UNKNOWN, Pool
from storage.sql import statements


@dataclass(frozen=True, slots=True)
class AppliedItem:
    """A row that exists."""

    id: UUID
    created_at_ns: int
    config_hash: str | None = None
    """Of the file's text when it was last applied; None if it was made by hand or over HTTP."""
    version: int = 1
    """Of an agent's parameters."""


@dataclass(frozen=True, slots=True)
class AppliedLimit:
    """A limit that exists."""

    id: UUID
    value: Decimal
    is_active: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """Everything that a file may name."""

    users: dict[str, AppliedItem] = field(default_factory=dict)
    """By email in lower case."""
    accounts: dict[tuple[UUID, str, str], AppliedItem] = field(default_factory=dict)
    """By (user, venue, name)."""
    agents: dict[tuple[UUID, str], AppliedItem] = field(default_factory=dict)
    """By (account, name)."""
    limits: dict[tuple[UUID, str], AppliedLimit] = field(default_factory=dict)
    """Of accounts as a whole, by (account, type)."""


async def read_applied(pool: Pool) -> Applied:
    """Read users, accounts and agents, through a pool of the daemon's role.

    Raises:
        DependencyAway: The database is away.
    """
    sql = statements("applied")
    try:
        users = await pool.fetch(sql["users"])
        accounts = await pool.fetch(sql["accounts"])
        agents = await pool.fetch(sql["agents"])
        limits = await pool.fetch(sql["limits"])
    except OUTCOME_UNKNOWN as error:
        raise DependencyAway("database", why=type(error).__name__) from error
    return Applied(
        users={row["email"]: AppliedItem(_uuid(row["id"]), row["created_at"]) for row in users},
        accounts={
            (_uuid(row["user_id"]), row["exchange"], row["name"]): AppliedItem(
                _uuid(row["id"]), row["created_at"], row["config_hash"]
            )
            for row in accounts
        },
        agents={
            (_uuid(row["account_id"]), row["name"]): AppliedItem(
                _uuid(row["id"]), row["created_at"], row["config_hash"], row["version"]
            )
            for row in agents
        },
        limits={
            (_uuid(row["account_id"]), row["limit_type"]): AppliedLimit(
                _uuid(row["id"]), row["limit_value"], is_active=row["is_active"]
            )
            for row in limits
        },
    )


def _uuid(value: UUID) -> UUID:
    # asyncpg's own UUID class compares equal and hashes alike, but JSON encoders refuse it.
    return UUID(int=value.int)
