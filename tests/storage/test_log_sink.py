import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.errors import BadInput, DependencyAway
from engine.messages.rows import Row
from engine.runtime.clock import VirtualClock
from engine.runtime.log_sink import LogRecord, LogSink
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.bulk import PostgresBulkStore
from storage.log_sink import BATCH_MAX, EVERY_NS, LogWriter, log_row
from tests.support.postgres import PostgresDatabase
from tests.support.units import AT_NS, UnitMaker

USER = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


class Bulk:
    """A bulk store that fails as it is told."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.failures: list[Exception] = []
        self.unknown_users: set[UUID] = set()

    async def write(self, rows: Sequence[Row]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if any(getattr(row, "user_id", None) in self.unknown_users for row in rows):
            raise BadInput("rows", expected="a known user", was="a stranger")
        self.rows.extend(rows)


class Scene:
    def __init__(self) -> None:
        self.bulk = Bulk()
        self.sink = LogSink()
        self.clock = VirtualClock(AT_NS)
        self.system = ActorSystem(clock=self.clock)

    async def start(self) -> Ref[LogWriter]:
        return await self.system.start(LogWriter, sink=self.sink, bulk=self.bulk, clock=self.clock, ids=UnitMaker().ids)

    def log(self, event: str, **fields: Any) -> None:
        self.sink.put("info", {"at": "2024-08-09T07:00:00Z", "event": event, "logger": "actors.ledger"} | fields)

    async def second(self) -> None:
        await self.system.advance(self.clock, self.clock.now_ns() + EVERY_NS)
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    yield made
    await made.system.stop_all()


@pytest.mark.asyncio
async def test_lines_are_written_once_a_second(scene: Scene) -> None:
    await scene.start()
    scene.log("one", quantity="1")
    scene.log("two")
    assert scene.bulk.rows == []
    await scene.second()
    assert [(row.message, row.level, row.module, row.data) for row in scene.bulk.rows] == [
        ("one", "INFO", "actors.ledger", {"quantity": "1"}), ("two", "INFO", "actors.ledger", {}),
    ]  # fmt: skip
    scene.log("three")
    await scene.second()
    assert len(scene.bulk.rows) == 3


@pytest.mark.asyncio
async def test_lines_wait_while_the_database_is_away(scene: Scene) -> None:
    await scene.start()
    scene.bulk.failures = [DependencyAway("database"), DependencyAway("database")]
    scene.log("one")
    await scene.second()
    scene.log("two")
    await scene.second()
    assert scene.bulk.rows == []
    await scene.second()
    assert [row.message for row in scene.bulk.rows] == ["one", "two"]


@pytest.mark.asyncio
async def test_a_line_about_a_stranger_is_kept_without_the_stranger(scene: Scene) -> None:
    await scene.start()
    scene.bulk.unknown_users = {USER}
    scene.log("login_refused", user_id=str(USER))
    scene.log("fine")
    await scene.second()
    assert [(row.message, row.user_id) for row in scene.bulk.rows] == [("login_refused", None), ("fine", None)]


@pytest.mark.asyncio
async def test_a_line_that_is_refused_is_counted(scene: Scene) -> None:
    writer = await scene.start()
    scene.bulk.failures = [BadInput("rows", expected="x", was="y")] * 2
    scene.log("one")
    scene.log("two")
    await scene.second()
    assert [row.message for row in scene.bulk.rows] == ["two"]
    assert await writer.proxy().refused == 1


@pytest.mark.asyncio
async def test_many_lines_go_in_several_statements(scene: Scene) -> None:
    await scene.start()
    for number in range(BATCH_MAX + 1):
        scene.log(str(number))
    await scene.second()
    assert [row.message for row in scene.bulk.rows] == [str(number) for number in range(BATCH_MAX + 1)]


@pytest.mark.asyncio
async def test_the_last_lines_are_written_at_stop(scene: Scene) -> None:
    writer = await scene.start()
    scene.log("goodbye")
    await writer.stop()
    assert [row.message for row in scene.bulk.rows] == ["goodbye"]


@pytest.mark.asyncio
async def test_postgresql_takes_the_lines(pg_database: PostgresDatabase, scene: Scene) -> None:
    bulk = PostgresBulkStore(pg_database.endpoints)
    scene.bulk = bulk  # type: ignore[assignment]
    writer = await scene.start()
    scene.log("for a stranger", user_id=str(USER), detail={"a\0": 1})
    scene.log("for nobody")
    await writer.stop()
    reader = await pg_database.connect()
    rows = await reader.fetch("select level, module, message, user_id, data::text from system_logs order by message")
    assert [tuple(row) for row in rows] == [
        (
            "INFO",
            "actors.ledger",
            "for a stranger",
            None,
            f'{{"detail": {{"a\N{SYMBOL FOR NULL}": 1}}, "user_id": "{USER}"}}',
        ),
        ("INFO", "actors.ledger", "for nobody", None, "{}"),
    ]
    await reader.close()
    await bulk.close()


def a_record(**changes: Any) -> LogRecord:
    fields: dict[str, Any] = {
        "at": "2024-08-09T07:00:00.5Z", "level": "warning", "event": "e", "logger": "l", "fields": {}
    }  # fmt: skip
    return LogRecord(**(fields | changes))


def test_a_line_becomes_a_row() -> None:
    row = log_row(a_record(fields={"user_id": str(USER), "n": 1, "other": {"a": (USER,)}}), USER)
    assert (row.level, row.user_id, row.created_at) == ("WARNING", USER, 1_723_186_800_500_000_000)
    assert row.data == {"user_id": str(USER), "n": 1, "other": {"a": [str(USER)]}}


def test_what_a_column_cannot_hold_is_made_fit() -> None:
    row = log_row(a_record(level="trace", event="a\0b\ud800", logger="m" * 300, fields={"x\0": "\0"}), USER)
    assert row.level == "INFO"
    assert row.message == "a\N{SYMBOL FOR NULL}b?"
    assert len(row.module) == 100
    assert row.data == {"x\N{SYMBOL FOR NULL}": "\N{SYMBOL FOR NULL}"}
    assert log_row(a_record(fields={"user_id": "somebody"}), USER).user_id is None
