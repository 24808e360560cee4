"""What can go wrong between the API and an actor, and what the caller is told."""

from typing import Any

import pytest

from actors.api.commands import ask, not_ready
from actors.api.problems import Problem
from engine.domain.errors import BadInput, CatchingUp, DependencyAway, LimitExceeded, NotReady
from engine.messages.system import Flush, TimerFired
from engine.runtime.actor import AsyncioActor, MailboxSpec, handles
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio


class Owner(AsyncioActor):
    """Answers a flush, raises on a timer what it was given, or never answers."""

    mailbox = MailboxSpec(limit=1)

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error

    @handles(Flush)
    def on_flush(self, _: Flush) -> str:
        return "done"

    @handles(TimerFired)
    def on_timer(self, _: TimerFired) -> Any:
        if self.error is None:
            return self.new_future()
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadInput("symbol", expected="a pair", was="x"), 422, "invalid_field"),
        (LimitExceeded("position_size", limit=1, was=2), 422, "position_size"),
        (DependencyAway("database"), 503, "database_away"),
        (NotReady("account"), 503, "not_ready"),
        (CatchingUp("binance"), 503, "catching_up"),
        (None, 504, "outcome_unknown"),
    ],
)
async def test_errors_of_the_owner_become_problems(error: Exception | None, status: int, code: str) -> None:
    system = ActorSystem()
    ref = await system.start(Owner, error)
    with pytest.raises(Problem) as caught:
        await ask(ref, TimerFired(name="x"), timeout_s=0.01)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert await ask(ref, Flush()) == "done"
    await system.stop_all()


async def test_an_actor_that_has_stopped_is_unavailable() -> None:
    system = ActorSystem()
    ref = await system.start(Owner, None)
    await system.stop_all()
    with pytest.raises(Problem) as caught:
        await ask(ref, Flush())
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")


async def test_a_full_mailbox_is_unavailable() -> None:
    system = ActorSystem()
    ref = await system.start(Owner, None)
    ref.tell(Flush())
    with pytest.raises(Problem, match="cell_unavailable"):
        await ask(ref, Flush())
    await system.stop_all()


async def test_who_is_away_may_say_when_to_come_back() -> None:
    assert not_ready(NotReady("venue", retry_after_s=12.4)).headers == {"Retry-After": "12"}
