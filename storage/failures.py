"""Says what an error of the database means for whoever used it."""

from typing import Final

import asyncpg

from engine.domain.errors import DependencyAway

_TRY_AGAIN: Final = frozenset({
    "08",  # connection
    "25",  # transaction state: a server that became a read-only standby
    "40",  # deadlock, serialisation: rolled back
    "53",  # out of memory, disk, connections
    "55",  # lock not available, object in use
    "57",  # cancelled by a timeout, shut down by an operator
    "58",  # I/O of the server's own
})  # fmt: skip
"""Classes of SQLSTATE that say nothing about the data."""


def is_about_data(error: BaseException) -> bool:
    """Whether the same rows would fail again: the server, or our own encoder, refused what they hold."""
    if isinstance(error, asyncpg.PostgresConnectionError):
        return False
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] not in _TRY_AGAIN
    return isinstance(error, TypeError | ValueError | OverflowError | RecursionError)


def away(error: BaseException) -> DependencyAway:
    """Return what the caller gets instead: try the same again."""
    return DependencyAway("database", why=describe(error))


def describe(error: BaseException) -> str:
    """Return one line with the class, the SQLSTATE and the first line of the message."""
    state = f" {error.sqlstate}" if isinstance(error, asyncpg.PostgresError) and error.sqlstate else ""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}{state}: {text}" if text else f"{type(error).__name__}{state}"
