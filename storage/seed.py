"""Puts a first user with a paper account, limits and agents into an empty database, once.

Used by `cival db seed` and by the first start. Runs before any actor, and leaves alone whatever is there by name. The
paper venue makes its own account from `starting_balances` when it first meets it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from storage import pool
from storage.roles import DatabaseRole, Endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedUser:
    """The user to make."""

    id: UUID
    email: str
    password_hash: str
    """Argon2 hash; the password itself never comes here."""
    full_name: str
    role: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedAccount:
    """The user's paper account."""

    id: UUID
    name: str
    exchange: str
    account_type: str
    """`spot`, `margin` or `futures`."""
    starting_balances: Mapping[str, Decimal]
    """Quantity per asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedLimit:
    """A limit of the user, or of the account."""

    id: UUID
    limit_type: str
    limit_value: Decimal
    scope: str = "account"
    symbol: str | None = None
    window_seconds: int | None = None
    action: str = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedAgent:
    """An agent on the account, with the strategy (named parameters) that it runs."""

    id: UUID
    strategy_id: UUID
    name: str
    agent_type: str
    strategy_type: str
    symbols: tuple[str, ...]
    parameters: Mapping[str, Any]
    allocation: Decimal | None
    """Quote units."""
    status: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Everything that is made together."""

    user: SeedUser
    account: SeedAccount
    limits: tuple[SeedLimit, ...] = ()
    agents: tuple[SeedAgent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What is in the database now; ids are those of rows that were there before, where they were."""

    user_id: UUID
    account_id: UUID
    is_new_user: bool


async def seed(endpoints: Endpoints, wanted: Seed) -> Seeded:
    """Insert what is absent, in one transaction. A second run changes nothing.

    Raises:
        DependencyAway: The database does not answer.
    """
    connection = await pool.connect(endpoints, DatabaseRole.DAEMON, application_name="cival-seed")
    try:
        async with connection.transaction():
            user_id, is_new = await _user(connection, wanted.user)
            account_id = await _account(connection, user_id, wanted.account)
            for limit in wanted.limits:
                await _limit(connection, user_id, account_id, limit)
            for agent in wanted.agents:
                await _agent(connection, user_id, account_id, agent)
        return Seeded(user_id=user_id, account_id=account_id, is_new_user=is_new)
    finally:
        await connection.close()


async def _user(connection: pool.Connection, user: SeedUser) -> tuple[UUID, bool]:
    inserted = await connection.fetchval(
        """
        insert into users (id, email, password_hash, full_name, role, time_zone) values ($1, $2, $3, $4, $5, $6)
        on conflict do nothing returning id
        """,
        user.id, user.email, user.password_hash, user.full_name, user.role, user.time_zone,
    )  # fmt: skip
    if inserted is not None:
        return user.id, True
    found = await connection.fetchval("select id from users where lower(email) = lower($1)", user.email)
    return UUID(int=found.int), False


async def _account(connection: pool.Connection, user_id: UUID, account: SeedAccount) -> UUID:
    balances = {asset: str(quantity) for asset, quantity in account.starting_balances.items()}
    await connection.execute(
        """
        insert into trading_accounts
            (id, user_id, name, exchange, account_id, account_type, mode, starting_balances)
        values ($1, $2, $3, $4, $3, $5, 'paper', $6)
        on conflict do nothing
        """,
        account.id, user_id, account.name, account.exchange, account.account_type, orjson.dumps(balances).decode(),
    )  # fmt: skip
    found = await connection.fetchval(
        "select id from trading_accounts where user_id = $1 and exchange = $2 and name = $3",
        user_id,
        account.exchange,
        account.name,
    )
    return UUID(int=found.int)


async def _limit(connection: pool.Connection, user_id: UUID, account_id: UUID, limit: SeedLimit) -> None:
    await connection.execute(
        """
        insert into trading_limits
            (id, user_id, limit_type, symbol, scope, account_id, limit_value, window_seconds, action)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict do nothing
        """,
        limit.id, user_id, limit.limit_type, limit.symbol, limit.scope,
        account_id if limit.scope == "account" else None, limit.limit_value, limit.window_seconds, limit.action,
    )  # fmt: skip


async def _agent(connection: pool.Connection, user_id: UUID, account_id: UUID, agent: SeedAgent) -> None:
    parameters = orjson.dumps(dict(agent.parameters), default=str).decode()
    await connection.execute(
        """
        insert into trading_strategies (id, user_id, name, strategy_type, parameters, is_active)
        values ($1, $2, $3, $4, $5, true)
        on conflict do nothing
        """,
        agent.strategy_id, user_id, agent.name, agent.strategy_type, parameters,
    )  # fmt: skip
    await connection.execute(
        """
        insert into trading_agents
            (id, user_id, account_id, strategy_id, name, agent_type, symbols, configuration, allocation, status)
        select $1, $2, $3, s.id, s.name, $5, $6, $7, $8, $9
        from trading_strategies s
        where s.user_id = $2 and s.name = $4 and s.deleted_at is null
        order by s.version desc limit 1
        on conflict do nothing
        """,
        agent.id, user_id, account_id, agent.name, agent.agent_type, list(agent.symbols), parameters,
        agent.allocation, agent.status,
    )  # fmt: skip
