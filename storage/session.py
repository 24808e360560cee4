"""One connection of its own for each writer: opened when it is needed, and again after it was lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import asyncpg

from engine.domain.errors import ConfigError
from storage import pool
from storage.failures import away, describe, is_about_data
from storage.pool import Connection
from storage.roles import DatabaseRole, Endpoints

COMMAND_TIMEOUT_S = 30.0
"""A server that is silent for longer counts as gone. Above every time limit that the server itself keeps."""

SERVER_LIMITS = {
    "statement_timeout": "20s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "30s",
    # Plans with the values known are never better for our inserts, and cost a planning each for the first five.
    "plan_cache_mode": "force_generic_plan",
}


class Session:
    """Keeps one connection as the daemon. Tasks that want it at once take turns."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        name: str,
        settings: Mapping[str, str] | None = None,
        prepare: Callable[[Connection], Awaitable[None]] | None = None,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        """Connect nowhere yet.

        Args:
            name: What the server shows as `application_name`.
            settings: Server settings above `SERVER_LIMITS`.
            prepare: Run on each new connection.
        """
        self._endpoints = endpoints
        self._name = name
        self._settings = {**SERVER_LIMITS, **(settings or {})}
        self._prepare = prepare
        self._command_timeout_s = command_timeout_s
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def connection(self) -> Connection:
        """Return the connection, a new one if there is none that lives.

        Raises:
            DependencyAway: The server does not answer, or not yet.
            ConfigError: It refuses our credentials.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        connection = await pool.connect(
            self._endpoints,
            DatabaseRole.DAEMON,
            settings=self._settings,
            application_name=self._name,
            command_timeout_s=self._command_timeout_s,
        )
        try:
            if self._prepare is not None:
                await self._prepare(connection)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, (asyncpg.PostgresError, *pool.OUTCOME_UNKNOWN)) and not is_about_data(error):
                raise away(error) from error
            raise
        self._connection = connection
        return connection

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        """Give the connection for some statements; what went wrong with the server comes out as `DependencyAway`.

        After that, the outcome of the last statement is not known, and the next use gets a new connection.

        Raises:
            DependencyAway: The server went away, or gave up for a reason that has nothing to do with the data.
            PostgresError: It refused the data; the connection goes on.
        """
        async with self._turn:
            connection = await self.connection()
            try:
                yield connection
            except asyncio.CancelledError:
                self.drop()
                raise
            except (asyncpg.PostgresError, *pool.OUTCOME_UNKNOWN) as error:
                if is_about_data(error):
                    raise
                self.drop()
                raise away(error) from error

    def drop(self) -> None:
        """Cut the connection at once."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Close the connection in good order."""
        if self._connection is not None:
            with contextlib.suppress(asyncpg.PostgresError, *pool.OUTCOME_UNKNOWN):
                await self._connection.close(timeout=5)
            self.drop()


async def make_function(connection: Connection, text: str) -> None:
    """Make a function of this session's own, in its temporary schema.

    Raises:
        ConfigError: The role may not have temporary objects.
    """
    try:
        await connection.execute(text)
    except asyncpg.InsufficientPrivilegeError as error:
        expected = "GRANT TEMPORARY ON DATABASE ... TO cival_daemon, for the functions of its own sessions"
        raise ConfigError("database.url", expected=expected, was=describe(error)) from error
