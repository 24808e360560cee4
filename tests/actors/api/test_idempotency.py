"""Keys: one command, one answer, calls that wait for each other."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from actors.api.idempotency import KEPT_NS, Answers
from actors.api.problems import Problem
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.read_ports import StoredAnswer
from tests.support.cell_builders import USER, an_id

pytestmark = pytest.mark.asyncio


class Stored:
    """`Reads` that knows at most one key."""

    def __init__(self, answer: StoredAnswer | None = None, *, is_away: bool = False) -> None:
        self.answer = answer
        self.is_away = is_away

    async def stored_answer(self, user_id: UserId, key: str) -> StoredAnswer | None:
        if self.is_away:
            raise DependencyAway("database", why="unplugged")
        return self.answer


def answers(stored: Stored | None = None) -> Answers:
    return Answers(stored or Stored(), lambda read: read())  # type: ignore[arg-type]


def a_request(key: str | None = "k", path: str = "/api/v1/orders") -> web.Request:
    return make_mocked_request("POST", path, headers={} if key is None else {"Idempotency-Key": key})


async def call(memory: Answers, request: web.Request, raw: bytes = b"{}", user: UserId = USER) -> Any:
    """Carry a command out, or find its answer."""
    async with memory.once(request, raw, user, 1_000) as once:
        if once.answer is not None:
            return ("remembered", once.answer.status, once.answer.body)
        if once.stored is not None:
            return ("stored", once.stored.object_id)
        row = once.row(201, object_type="order", object_id=an_id(5))
        memory.remember(once, web.Response(status=201, body=b"made"), user)
        return row


async def test_the_row_holds_what_a_repeat_needs() -> None:
    row = await call(answers(), a_request())
    assert (row.user_id, row.key, row.status_code, row.object_type, row.object_id) == (
        USER, "k", 201, "order", str(an_id(5)))  # fmt: skip
    assert row.expires_at - row.created_at == KEPT_NS


async def test_without_a_key_there_is_no_row() -> None:
    assert await call(answers(), a_request(None)) is None


async def test_a_repeat_gets_the_first_answer() -> None:
    memory = answers()
    await call(memory, a_request())
    assert await call(memory, a_request()) == ("remembered", 201, b"made")


async def test_how_long_to_wait_is_not_part_of_the_request() -> None:
    memory = answers()
    await call(memory, a_request())
    assert (await call(memory, a_request(path="/api/v1/orders?wait=ack")))[0] == "remembered"


@pytest.mark.parametrize(
    ("path", "raw"), [("/api/v1/orders", b"{1}"), ("/api/v1/orders?x=1", b"{}"), ("/other", b"{}")]
)
async def test_the_same_key_for_something_else_is_refused(path: str, raw: bytes) -> None:
    memory = answers()
    await call(memory, a_request())
    with pytest.raises(Problem, match="idempotency_key_reused"):
        await call(memory, a_request(path=path), raw)


async def test_a_key_is_the_users_own() -> None:
    memory = answers()
    await call(memory, a_request())
    assert (await call(memory, a_request(), user=UserId(an_id(77)))).key == "k"


async def test_the_database_knows_keys_that_memory_has_lost() -> None:
    row = await call(answers(), a_request())
    stored = StoredAnswer(
        request_hash=row.request_hash, status_code=201, object_type="order", object_id="o", answer=None
    )
    assert await call(answers(Stored(stored)), a_request()) == ("stored", "o")
    with pytest.raises(Problem, match="idempotency_key_reused"):
        await call(answers(Stored(stored)), a_request(), b"other")


async def test_while_the_database_is_away_the_command_goes_on() -> None:
    assert (await call(answers(Stored(is_away=True)), a_request())).key == "k"


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "with blank", "Ünicode"])
async def test_a_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(Problem, match="malformed_idempotency_key"):
        await call(answers(), a_request(key))


async def test_an_error_of_ours_is_not_remembered() -> None:
    memory = answers()
    async with memory.once(a_request(), b"{}", USER, 0) as once:
        memory.remember(once, web.Response(status=503, body=b""), USER)
    assert (await call(memory, a_request())).key == "k"


async def test_calls_with_the_same_key_wait_for_each_other() -> None:
    memory = answers()
    inside = 0
    most = 0

    async def work(*key: object) -> None:
        nonlocal inside, most
        async with memory.alone(*key):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work("same") for _ in range(5)))
    assert most == 1
    await asyncio.gather(*(work("other", number) for number in range(5)))
    assert most == 5
    assert memory._locks == {}
