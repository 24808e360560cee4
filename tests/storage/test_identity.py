"""Who is asking: what is good now, whose it is, and no secret in what a client may see."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from engine.domain.errors import BadInput, DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.read_ports import PageRequest, Person, SessionInfo
from engine.messages.rows_people import UserRow, UserSessionRow
from storage.identity import PostgresIdentity
from storage.pool import Connection, open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase, PostgresServer, start_server
from tests.support.reading import START_NS, S, items, values
from tests.support.rows import write_rows

ANN = UserRow(
    id=UUID(int=1), email="Ann@Example.org", password_hash="$argon2id$x", full_name="Ann", role="trader",
    is_active=True, time_zone="Europe/Berlin", created_at=START_NS, updated_at=START_NS + 1_000,
)  # fmt: skip
BOB = msgspec.structs.replace(
    ANN, id=UUID(int=2), email="bob@example.org", role="admin", full_name=None, created_at=START_NS + S
)
ANN_PERSON = Person(
    user_id=UserId(ANN.id), email="Ann@Example.org", password_hash="$argon2id$x", full_name="Ann", role="trader",
    is_active=True, time_zone="Europe/Berlin",
)  # fmt: skip
FOREVER_NS = 4_000_000_000 * S
SESSION = UserSessionRow(
    id=UUID(int=10), user_id=ANN.id, token_hash="ab" * 32, kind="session", name=None, expires_at=FOREVER_NS,
    revoked_at=None, created_at=START_NS,
)  # fmt: skip


class Users(msgspec.Struct):
    identity: PostgresIdentity
    daemon: Connection


@pytest_asyncio.fixture
async def users(pg_database: PostgresDatabase) -> AsyncIterator[Users]:
    pool = await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1)
    daemon = await pg_database.connect()
    yield Users(PostgresIdentity(pool), daemon)
    await daemon.close()
    pool.terminate()


def a_session(number: int, **changes: Any) -> UserSessionRow:
    fields = {"id": UUID(int=number), "token_hash": f"{number:064x}", "created_at": START_NS + number * S}
    return msgspec.structs.replace(SESSION, **(fields | changes))


@pytest.mark.asyncio
async def test_a_good_token_says_whose_it_is(users: Users) -> None:
    await write_rows(users.daemon, ANN, msgspec.structs.replace(SESSION, kind="token", name="laptop"))
    assert await users.identity.session(SESSION.token_hash) == SessionInfo(
        session_id=SESSION.id, kind="token", name="laptop", expires_at_ns=FOREVER_NS, person=ANN_PERSON
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("user", "changes"),
    [
        (ANN, {"revoked_at": START_NS}),
        (ANN, {"expires_at": START_NS}),
        (ANN, {"token_hash": "cd" * 32}),
        (msgspec.structs.replace(ANN, is_active=False), {}),
    ],
    ids=["revoked", "expired", "another", "of an inactive user"],
)
async def test_a_token_that_is_not_good_is_nobodys(users: Users, user: UserRow, changes: dict[str, Any]) -> None:
    await write_rows(users.daemon, user, msgspec.structs.replace(SESSION, **changes))
    assert await users.identity.session(SESSION.token_hash) is None


@pytest.mark.asyncio
async def test_a_person_is_found_by_id_and_by_email_in_either_case(users: Users) -> None:
    await write_rows(users.daemon, ANN, BOB)
    assert await users.identity.person(UserId(ANN.id)) == ANN_PERSON
    assert await users.identity.person_by_email("aNN@example.ORG") == ANN_PERSON
    assert await users.identity.person_by_email("ann@example.com") is None
    assert await users.identity.person(UserId(UUID(int=9))) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["ann\0@example.org", "\ud800", ""])
async def test_text_that_the_database_cannot_hold_is_nobodys(users: Users, text: str) -> None:
    assert await users.identity.person_by_email(text) is None
    assert await users.identity.session(text) is None


@pytest.mark.asyncio
async def test_only_an_active_user_with_a_password_can_log_in(users: Users) -> None:
    assert not await users.identity.has_people()
    await write_rows(users.daemon, msgspec.structs.replace(ANN, password_hash=None))
    await write_rows(users.daemon, msgspec.structs.replace(BOB, is_active=False))
    assert not await users.identity.has_people()
    await write_rows(users.daemon, BOB)
    assert await users.identity.has_people()


@pytest.mark.asyncio
async def test_users_are_listed_oldest_first_without_their_passwords(users: Users) -> None:
    await write_rows(users.daemon, BOB, ANN)
    first = await users.identity.people(PageRequest(limit=1))
    assert items(first) == [
        {
            "id": str(ANN.id), "email": "Ann@Example.org", "full_name": "Ann", "role": "trader", "is_active": True,
            "time_zone": "Europe/Berlin", "created_at": "2026-01-15T12:00:00.000000Z",
            "updated_at": "2026-01-15T12:00:00.000001Z",
        }
    ]  # fmt: skip
    second = await users.identity.people(PageRequest(limit=1, cursor=first.next_cursor))
    assert values(second, "id") == [str(BOB.id)]
    assert second.next_cursor is None
    with pytest.raises(BadInput, match="cursor"):
        await users.identity.people(PageRequest(cursor="x"))


@pytest.mark.asyncio
async def test_live_sessions_of_one_kind_are_listed_newest_first_without_their_hashes(users: Users) -> None:
    await write_rows(
        users.daemon, ANN, BOB, a_session(1), a_session(2, name="phone"), a_session(3, revoked_at=START_NS),
        a_session(4, expires_at=START_NS), a_session(5, kind="token"), a_session(6, user_id=BOB.id),
    )  # fmt: skip
    page = await users.identity.sessions(UserId(ANN.id), "session")
    assert values(page, "id") == [str(UUID(int=2)), str(UUID(int=1))]
    assert items(page)[0] == {
        "id": str(UUID(int=2)), "user_id": str(ANN.id), "kind": "session", "name": "phone",
        "expires_at": "2096-10-02T07:06:40.000000Z", "revoked_at": None, "created_at": "2026-01-15T12:00:02.000000Z",
    }  # fmt: skip
    assert values(await users.identity.sessions(UserId(ANN.id), "token"), "id") == [str(UUID(int=5))]


@pytest.mark.asyncio
async def test_whole_rows_come_back_as_they_were_written(users: Users) -> None:
    revoked = a_session(3, revoked_at=START_NS + 5_000)
    await write_rows(users.daemon, ANN, BOB, SESSION, revoked)
    assert await users.identity.user_row(UserId(ANN.id)) == ANN
    assert await users.identity.user_row(UserId(UUID(int=9))) is None
    assert await users.identity.session_row(UserId(ANN.id), SESSION.id) == SESSION
    assert await users.identity.session_row(UserId(ANN.id), revoked.id) == revoked
    assert await users.identity.session_row(UserId(BOB.id), SESSION.id) is None
    row = await users.identity.user_row(UserId(ANN.id))
    assert row is not None
    assert type(row.id) is UUID  # Encoders refuse the driver's own class.


@pytest.mark.asyncio
async def test_a_server_that_is_stopped_is_a_dependency_that_is_away(pg_server: PostgresServer, tmp_path: Path) -> None:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    pool = await open_pool(server.endpoints(), DatabaseRole.DAEMON, size=1)
    identity = PostgresIdentity(pool)
    assert not await identity.has_people()
    await server.stop()
    with pytest.raises(DependencyAway):
        await identity.person_by_email("ann@example.org")
    pool.terminate()
