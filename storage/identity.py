"""Who is asking: port `Identity`, on PostgreSQL, as the daemon.

Before a login there is no tenant, so these reads see every user. They are few, and each names what it wants.
"""

from typing import Any
from uuid import UUID

import asyncpg

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.read_ports import FIRST_PAGE, Page, PageRequest, Person, SessionInfo
from engine.messages.rows_people import UserRow, UserSessionRow
from storage.pages import is_storable, page_of, place_of
from storage.pool import AWAY, Pool
from storage.read_columns import read_statements


class PostgresIdentity:
    """Users, sessions and tokens. Text that PostgreSQL cannot hold belongs to nobody."""

    def __init__(self, pool: Pool) -> None:
        """Read through a pool of the daemon's role."""
        self._pool = pool
        self._sql = read_statements("identity")

    async def session(self, token_hash: str) -> SessionInfo | None:
        """Look up a session or token by the SHA-256 of its secret (hex); None if it is not good now."""
        row = await self._row("session", token_hash) if is_storable(token_hash) else None
        if row is None:
            return None
        return SessionInfo(
            session_id=_uuid(row["id"]),
            kind=row["kind"],
            name=row["name"],
            expires_at_ns=row["expires_at"],
            person=_person(row),
        )

    async def person_by_email(self, email: str) -> Person | None:
        """Look up a user by email, letters of either case."""
        row = await self._row("person_by_email", email) if is_storable(email) else None
        return None if row is None else _person(row)

    async def person(self, user_id: UserId) -> Person | None:
        """Look up a user by id."""
        row = await self._row("person", user_id)
        return None if row is None else _person(row)

    async def has_people(self) -> bool:
        """Say whether anybody could log in."""
        row = await self._row("has_people")
        return bool(row and row[0])

    async def people(self, page: PageRequest = FIRST_PAGE) -> Page:
        """Read users, oldest first."""
        place = place_of(page)
        return page_of(await self._rows("people", *place, page.limit + 1), page.limit)

    async def sessions(self, user_id: UserId, kind: str) -> Page:
        """Read a user's live sessions or tokens, newest first."""
        row = await self._row("sessions", user_id, kind)
        assert row is not None, "an aggregate gives one row"
        return Page(items=row[0].encode())

    async def session_row(self, user_id: UserId, session_id: UUID) -> UserSessionRow | None:
        """Read the whole row of one session or token."""
        row = await self._row("session_row", user_id, session_id)
        return None if row is None else UserSessionRow(**_fields(row))

    async def user_row(self, user_id: UserId) -> UserRow | None:
        """Read the whole row of a user."""
        row = await self._row("user_row", user_id)
        return None if row is None else UserRow(**_fields(row))

    async def _row(self, name: str, *arguments: object) -> asyncpg.Record | None:
        rows = await self._rows(name, *arguments)
        return rows[0] if rows else None

    async def _rows(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            return await self._pool.fetch(self._sql[name], *arguments)
        except AWAY as error:
            raise DependencyAway("database", why=type(error).__name__) from error


def _uuid(value: UUID) -> UUID:
    # asyncpg's own UUID class compares equal and hashes alike, but JSON encoders refuse it.
    return UUID(int=value.int)


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    return {key: _uuid(value) if isinstance(value, UUID) else value for key, value in row.items()}


def _person(row: asyncpg.Record) -> Person:
    return Person(
        user_id=UserId(_uuid(row["user_id"])),
        email=row["email"],
        password_hash=row["password_hash"],
        full_name=row["full_name"],
        role=row["role"],
        is_active=row["is_active"],
        time_zone=row["time_zone"],
    )
