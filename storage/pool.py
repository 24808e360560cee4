"""Opens connections and pools the way the engine needs them.

Every connection reads and writes `numeric` as `Decimal` through text (exact, three times faster than asyncpg's binary
codec) and `timestamptz` as integer nanoseconds UTC. `jsonb` stays text: whoever reads it decodes it into its struct.
`copy_records_to_table` needs binary codecs and does not work on these connections; bulk goes through the JSON insert
or a text COPY.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from engine.domain.errors import ConfigError, DependencyAway
from storage.roles import DatabaseRole, Endpoints

if TYPE_CHECKING:  # Generic in the stubs only.
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

CONNECT_TIMEOUT_S = 10.0
EPOCH_2000_US = 946_684_800_000_000
"""Microseconds from 1970 to 2000-01-01, where PostgreSQL counts from."""

OUTCOME_UNKNOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    OSError,
    TimeoutError,
)
"""What a statement raises when the server went away under it: it may have been committed, or not.

`InterfaceError` is no `PostgresError`: asyncpg raises it for the next use of a connection that has died. Between the
server's farewell (`...ShutdownError`) and the end of the socket it raises `InternalClientError` ("another operation is
in progress").
"""

AWAY = (*OUTCOME_UNKNOWN, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
"""What `connect` raises while the server is down, starting, recovering or full."""

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)


async def connect(
    endpoints: Endpoints,
    role: DatabaseRole,
    *,
    settings: Mapping[str, str] | None = None,
    application_name: str = "cival",
    command_timeout_s: float | None = None,
) -> Connection:
    """Open one connection as `role`. The caller closes it.

    Args:
        settings: Server settings of this session, such as `{"synchronous_commit": "off"}` for market data.

    Raises:
        DependencyAway: The server does not answer, or not yet.
        ConfigError: It refuses these credentials, or has no such database or role.
    """
    endpoint = endpoints.of(role)
    try:
        connection = await asyncpg.connect(
            endpoint.url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=command_timeout_s,
            server_settings=_session(endpoint.server_settings, settings, application_name),
        )
        try:
            await prepare_connection(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection
    except AWAY as error:
        raise DependencyAway("database", why=_reason(error)) from error
    except (*_REFUSED, ValueError) as error:
        raise ConfigError("database.url", expected=f"a login as {role.value}", was=_reason(error)) from error


async def open_pool(
    endpoints: Endpoints,
    role: DatabaseRole,
    *,
    size: int = 4,
    settings: Mapping[str, str] | None = None,
    application_name: str = "cival-api",
    command_timeout_s: float | None = 30.0,
) -> Pool:
    """Open a pool of at most `size` connections as `role`, one of them at once. The caller closes it.

    Not for critical writers: with more tasks than connections asyncpg's pool is unfair (p99 39 ms at 128 tasks).

    Raises:
        DependencyAway: The server does not answer, or not yet.
        ConfigError: It refuses these credentials, or has no such database or role.
    """
    endpoint = endpoints.of(role)
    try:
        return await asyncpg.create_pool(
            endpoint.url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=command_timeout_s,
            init=prepare_connection,
            reset=nothing_to_reset,
            server_settings=_session(endpoint.server_settings, settings, application_name),
        )
    except AWAY as error:
        raise DependencyAway("database", why=_reason(error)) from error
    except (*_REFUSED, ValueError) as error:
        raise ConfigError("database.url", expected=f"a login as {role.value}", was=_reason(error)) from error


async def prepare_connection(connection: Any) -> None:
    """Set the codecs of a new connection."""
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=Decimal, format="text")
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode_time, decoder=_decode_time, format="tuple"
    )


async def nothing_to_reset(_connection: Any) -> None:
    """Take the place of asyncpg's reset query (32 instead of 57 us per borrowed connection).

    asyncpg rolls back an open transaction and drops listeners before it calls this. Nothing in storage changes a
    session outside a transaction (`storage.tenant` uses SET LOCAL only), so no more is left to undo; asyncpg's own
    query would not undo a `SET ROLE` anyway.
    """


def _session(of_role: Mapping[str, str], of_caller: Mapping[str, str] | None, application_name: str) -> dict[str, str]:
    # jit never pays for our short queries, and costs tens of milliseconds where the planner mistakes one for long.
    return {"application_name": application_name, "timezone": "UTC", "jit": "off", **of_role, **(of_caller or {})}


def _encode_time(value_ns: int) -> tuple[int]:
    return (value_ns // 1000 - EPOCH_2000_US,)


def _decode_time(value: tuple[int]) -> int:
    return (value[0] + EPOCH_2000_US) * 1000


def _reason(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
