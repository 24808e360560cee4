"""Users and tokens from the command line are as good as those from HTTP, and as audited."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from actors.api.auth_passwords import verify_password
from actors.api.auth_tokens import token_hash
from engine.bootstrap.database import Database
from engine.bootstrap.people import add_user, create_token, list_users
from engine.domain.errors import BadInput
from engine.domain.kinds import Role
from engine.messages.read_ports import Person, SessionInfo
from engine.runtime.secret import Secret
from storage.identity import PostgresIdentity
from storage.pool import Connection, open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


class Town(msgspec.Struct):
    """A database, and who is in it."""

    database: Database
    identity: PostgresIdentity
    daemon: Connection

    async def person(self, email: str) -> Person:
        found = await self.identity.person_by_email(email)
        assert found is not None
        return found

    async def session(self, token: str) -> SessionInfo | None:
        return await self.identity.session(token_hash(token))


@pytest_asyncio.fixture
async def town(pg_database: PostgresDatabase) -> AsyncIterator[Town]:
    daemon = await pg_database.connect()
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        yield Town(Database(pg_database.endpoints, None, is_ours_to_stop=False), PostgresIdentity(pool), daemon)


async def test_a_user_gets_a_password_that_works(town: Town) -> None:
    added = await add_user(town.database, "ann@example.org", Role.TRADER, None)
    person = await town.person("Ann@Example.org")
    assert (person.user_id, person.role, person.is_active) == (added.user_id, "trader", True)
    assert added.password is not None
    assert verify_password(person.password_hash, added.password)


async def test_a_password_that_was_given_is_not_given_back(town: Town) -> None:
    added = await add_user(town.database, "ann@example.org", Role.ADMIN, Secret("correct horse battery"))
    assert added.password is None
    person = await town.person("ann@example.org")
    assert verify_password(person.password_hash, "correct horse battery")


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("nobody", None, "email"), ("a b@c", None, "email"), ("a@b@c", None, "email"), ("@b", None, "email"),
        ("a" * 65 + "@b", None, "email"), ("ann@example.org", "short", "password"),
    ],
)  # fmt: skip
async def test_what_is_no_user_is_refused_by_name(email: str, password: str | None, field: str, town: Town) -> None:
    with pytest.raises(BadInput) as caught:
        await add_user(town.database, email, Role.VIEWER, None if password is None else Secret(password))
    assert caught.value.field == field
    assert "short" not in str(caught.value)
    assert await list_users(town.database) == []


async def test_an_email_belongs_to_one_user_in_letters_of_either_case(town: Town) -> None:
    await add_user(town.database, "ann@example.org", Role.TRADER, None)
    with pytest.raises(BadInput, match="email: expected one that no user has"):
        await add_user(town.database, "ANN@example.org", Role.TRADER, None)


async def test_users_are_listed_oldest_first_without_secrets(town: Town) -> None:
    for name in ("zoe", "ann"):
        await add_user(town.database, f"{name}@example.org", Role.VIEWER, None)
    users = await list_users(town.database)
    assert [user["email"] for user in users] == ["zoe@example.org", "ann@example.org"]
    assert not any("hash" in key or "password" in key for user in users for key in user)


async def test_a_token_is_good_for_its_time(town: Town) -> None:
    await add_user(town.database, "ann@example.org", Role.TRADER, None)
    made = await create_token(town.database, "ann@example.org", "12h", "laptop")
    session = await town.session(made.token)
    assert session is not None
    assert (session.kind, session.name, session.person.email) == ("token", "laptop", "ann@example.org")
    assert made.expires_at.endswith("Z")
    row = await town.daemon.fetchrow("select expires_at - created_at as ttl from user_sessions")
    assert row is not None
    assert row["ttl"].total_seconds() == 12 * 3600
    assert await town.session(made.token + "x") is None


@pytest.mark.parametrize(
    ("email", "ttl", "field"), [("bob@example.org", "1d", "email"), ("ann@example.org", "soon", "ttl")]
)
async def test_a_token_for_nobody_or_never_is_refused(email: str, ttl: str, field: str, town: Town) -> None:
    await add_user(town.database, "ann@example.org", Role.TRADER, None)
    with pytest.raises(BadInput) as caught:
        await create_token(town.database, email, ttl, "x")
    assert caught.value.field == field


async def test_each_change_has_its_audit_row(town: Town) -> None:
    added = await add_user(town.database, "ann@example.org", Role.TRADER, None)
    await create_token(town.database, "ann@example.org", "1d", "x")
    rows = await town.daemon.fetch(
        "select user_id, action, object_type, outcome, detail::text from audit_log order by id"
    )
    assert [tuple(row) for row in rows] == [
        (added.user_id, "user_created", "user", "done", '{"by": "command line"}'),
        (added.user_id, "token_created", "token", "done", '{"by": "command line"}'),
    ]
