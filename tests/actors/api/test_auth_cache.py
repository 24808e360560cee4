"""Who is asking: fresh for seconds, good for five minutes when only cancels and halts go."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from actors.api.auth_cache import FRESH_NS, GRACE_NS, Authenticator
from actors.api.auth_tokens import token_hash
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.read_ports import Person, SessionInfo
from engine.runtime.clock import VirtualClock

PERSON = Person(
    user_id=UserId(UUID(int=1)), email="a@b", password_hash=None, full_name=None, role="trader", is_active=True,
    time_zone="UTC",
)  # fmt: skip
SESSION = SessionInfo(session_id=UUID(int=9), kind="token", name=None, expires_at_ns=10**18, person=PERSON)


class People:
    """`Identity` with one token."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionInfo] = {token_hash("good"): SESSION}
        self.is_away = False
        self.asked = 0

    async def session(self, key: str) -> SessionInfo | None:
        self.asked += 1
        if self.is_away:
            raise DependencyAway("database", why="unplugged")
        return self.sessions.get(key)


class Rig:
    """An authenticator on a clock that is turned by hand."""

    def __init__(self) -> None:
        self.people = People()
        self.clock = VirtualClock(0)
        self.authenticator = Authenticator(self.people, self.clock, lambda read: read())  # type: ignore[arg-type]

    def check(self, token: str = "good", *, in_emergency: bool = False) -> SessionInfo | None:
        return asyncio.run(self.authenticator.check(token, in_emergency=in_emergency))


def test_a_token_is_looked_up_once_while_it_is_fresh() -> None:
    rig = Rig()
    assert rig.check() is rig.check() is SESSION
    assert rig.people.asked == 1


def test_a_revoked_token_ends_within_seconds() -> None:
    rig = Rig()
    rig.check()
    rig.people.sessions.clear()
    rig.clock.advance(FRESH_NS + 1)
    assert rig.check() is None


@pytest.mark.parametrize("token", ["", "x" * 201, "bad"])
def test_other_tokens_are_nobody(token: str) -> None:
    assert Rig().check(token) is None


def test_an_absurd_token_costs_no_query() -> None:
    rig = Rig()
    rig.check("x" * 100_000)
    assert rig.people.asked == 0


def test_an_expired_session_is_not_good_from_memory() -> None:
    rig = Rig()
    rig.people.sessions[token_hash("good")] = msgspec.structs.replace(SESSION, expires_at_ns=1_000)
    rig.check()
    rig.clock.advance(2_000)
    assert rig.check() is None


def test_while_the_database_is_away_a_known_token_serves_emergencies_only() -> None:
    rig = Rig()
    rig.check()
    rig.people.is_away = True
    rig.clock.advance(GRACE_NS - 1)
    assert rig.check(in_emergency=True) is SESSION
    with pytest.raises(DependencyAway):
        rig.check()


def test_after_five_minutes_it_serves_nothing() -> None:
    rig = Rig()
    rig.check()
    rig.people.is_away = True
    rig.clock.advance(GRACE_NS + 1)
    with pytest.raises(DependencyAway):
        rig.check(in_emergency=True)


def test_an_unknown_token_serves_no_emergency() -> None:
    rig = Rig()
    rig.people.is_away = True
    with pytest.raises(DependencyAway):
        rig.check(in_emergency=True)


def test_a_session_that_ended_here_is_asked_for_again() -> None:
    rig = Rig()
    rig.check()
    rig.authenticator.forget(SESSION.session_id)
    rig.people.sessions.clear()
    assert rig.check() is None
