"""Connections speak Decimal and nanoseconds, and a role is what it says."""

from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import ConfigError, DependencyAway
from storage import pool
from storage.pool import _decode_time, _encode_time
from storage.roles import DatabaseRole, embedded_endpoints, served_endpoints
from tests.support.postgres import PostgresDatabase


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_time_keeps_its_microseconds(value_ns: int) -> None:
    assert _decode_time(_encode_time(value_ns)) == value_ns // 1000 * 1000


@pytest.mark.asyncio
async def test_numbers_are_decimals_and_times_are_nanoseconds(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect()
    row = await connection.fetchrow(
        "select $1::numeric as tiny, $2::timestamptz as at, $3::amount as a",
        Decimal("1E-18"),
        1_764_000_000_123_456_789,
        Decimal("0.10"),
    )
    assert row is not None
    assert tuple(row) == (Decimal("1E-18"), 1_764_000_000_123_456_000, Decimal("0.10"))
    assert str(row["a"]) == "0.10"
    await connection.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("role", DatabaseRole)
async def test_every_role_logs_in_as_itself(pg_database: PostgresDatabase, role: DatabaseRole) -> None:
    connection = await pg_database.connect(role)
    assert await connection.fetchval("select current_user") == role.value
    await connection.close()


@pytest.mark.asyncio
async def test_a_pool_has_the_same_codecs_and_ends_open_transactions(
    pg_database: PostgresDatabase, loop_errors: list[dict[str, Any]]
) -> None:
    opened = await pool.open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1)
    assert await opened.fetchval("select 1.50") == Decimal("1.50")
    async with opened.acquire() as connection:
        await connection.execute("begin")
        await connection.execute("set local role none")
    async with opened.acquire() as connection:
        assert not connection.is_in_transaction()
    assert "active transaction" in loop_errors.pop()["message"]  # asyncpg reports the borrower that forgot.
    await opened.close()


@pytest.mark.asyncio
async def test_a_served_database_with_one_url_takes_roles(pg_database: PostgresDatabase) -> None:
    endpoints = served_endpoints(pg_database.url(DatabaseRole.ADMIN))
    connection = await pool.connect(endpoints, DatabaseRole.DAEMON)
    assert await connection.fetchval("select current_user") == "cival_daemon"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("create table public.t (a int)")
    await connection.close()
    assert not endpoints.is_separated


@pytest.mark.asyncio
async def test_a_server_that_is_away_and_one_that_refuses_are_told_apart(pg_database: PostgresDatabase) -> None:
    with pytest.raises(DependencyAway):
        await pool.connect(embedded_endpoints("/nonexistent", "cival"), DatabaseRole.DAEMON)
    with pytest.raises(ConfigError, match="test_absent"):
        await pool.connect(embedded_endpoints(str(pg_database.socket_directory), "test_absent"), DatabaseRole.DAEMON)
