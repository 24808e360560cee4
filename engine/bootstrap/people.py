"""Users and tokens, written from the command line: one unit of work each, with its audit row, like the API's own."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from actors.api.auth_passwords import hash_password
from actors.api.auth_tokens import new_password, new_token, token_hash
from config.settings import AuthSettings, duration_ns
from engine.bootstrap.database import Database
from engine.domain.errors import BadInput, InvariantBroken
from engine.domain.identifiers import UserId
from engine.domain.kinds import Role
from engine.messages.read_ports import LIMIT_MAX, PageRequest
from engine.messages.render import rfc3339
from engine.messages.rows import Row
from engine.messages.rows_people import AuditRow, UserRow, UserSessionRow
from engine.messages.writing import unit_without_cell
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, system_rng
from engine.runtime.secret import Secret
from storage import pool
from storage.identity import PostgresIdentity
from storage.postgres_facts import PostgresFactStore
from storage.roles import DatabaseRole

BY_COMMAND_LINE: Final = {"by": "command line"}
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_DURATION = re.compile(r"[0-9]{1,9}(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True)
class AddedUser:
    """A user who was made."""

    user_id: UUID
    password: str | None
    """The one that was made; None if one was given."""


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token that was made; it is not kept anywhere in clear."""

    token: str
    expires_at: str


class _People:
    """What the commands need of the database."""

    def __init__(self, identity: PostgresIdentity, facts: PostgresFactStore) -> None:
        self.identity = identity
        self._facts = facts
        self.clock = WallClock()
        self.ids = Ids(self.clock, system_rng())

    async def write(self, user_id: UUID, action: str, object_type: str, row: Row, object_id: UUID) -> None:
        """Commit a row with its audit row."""
        now_ns = self.clock.now_ns()
        audit = AuditRow(
            id=self.ids.uuid(),
            user_id=user_id,
            actor_id=None,
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            outcome="done",
            detail=BY_COMMAND_LINE,
            remote_addr=None,
            correlation_id=None,
            created_at=now_ns,
        )
        (result,) = await self._facts.commit([unit_without_cell(self.ids, (row, audit), user_id=UserId(user_id))])
        if result.answer is None:
            raise InvariantBroken("a row of the command line", expected="a commit", was=result.detail)


@asynccontextmanager
async def _people(database: Database) -> AsyncIterator[_People]:
    connections = await pool.open_pool(database.endpoints, DatabaseRole.DAEMON, size=1, application_name="cival-cli")
    facts = PostgresFactStore(database.endpoints)
    try:
        yield _People(PostgresIdentity(connections), facts)
    finally:
        await facts.close()
        await connections.close()


async def add_user(database: Database, email: str, role: Role, given: Secret | None) -> AddedUser:
    """Make a user; without a password of the caller's one is made.

    Raises:
        BadInput: The email is none or taken, or the password is too short.
    """
    if not _EMAIL.fullmatch(email):
        raise BadInput("email", expected="name@host", was=email)
    shortest = AuthSettings().password_length_min
    if given is not None and len(given.reveal()) < shortest:
        raise BadInput("password", expected=f"at least {shortest} characters", was=f"{len(given.reveal())} characters")
    password = new_password() if given is None else given.reveal()
    async with _people(database) as people:
        if await people.identity.person_by_email(email) is not None:
            raise BadInput("email", expected="one that no user has", was=email)
        now_ns = people.clock.now_ns()
        row = UserRow(
            id=people.ids.uuid(),
            email=email,
            password_hash=await asyncio.to_thread(hash_password, password),
            full_name=None,
            role=role,
            is_active=True,
            time_zone="UTC",
            created_at=now_ns,
            updated_at=now_ns,
        )
        await people.write(row.id, "user_created", "user", row, row.id)
        return AddedUser(row.id, password if given is None else None)


async def list_users(database: Database) -> list[dict[str, Any]]:
    """Return all users, oldest first, without secrets."""
    found: list[dict[str, Any]] = []
    request = PageRequest(limit=LIMIT_MAX)
    async with _people(database) as people:
        while True:
            page = await people.identity.people(request)
            found += orjson.loads(page.items)
            if page.next_cursor is None:
                return found
            request = PageRequest(limit=LIMIT_MAX, cursor=page.next_cursor)


async def create_token(database: Database, email: str, ttl: str, name: str) -> MadeToken:
    """Make a bearer token of a user.

    Raises:
        BadInput: There is no such user, or `ttl` is no duration.
    """
    if not _DURATION.fullmatch(ttl):
        raise BadInput("ttl", expected="a duration such as 12h or 30d", was=ttl)
    async with _people(database) as people:
        person = await people.identity.person_by_email(email)
        if person is None:
            raise BadInput("email", expected="the email of a user", was=email)
        now_ns = people.clock.now_ns()
        token = new_token()
        row = UserSessionRow(
            id=people.ids.uuid(),
            user_id=person.user_id,
            token_hash=token_hash(token),
            kind="token",
            name=name,
            expires_at=now_ns + duration_ns(ttl),
            revoked_at=None,
            created_at=now_ns,
        )
        await people.write(person.user_id, "token_created", "token", row, row.id)
        return MadeToken(token, rfc3339(row.expires_at))
