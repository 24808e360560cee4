"""The writer over the store in memory, and over one whose commits the test lets through."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.domain.errors import BadInput, ConfigError, DependencyAway, Fenced, NotReady
from engine.domain.identifiers import UserId
from engine.messages.writing import CellHalted, EventsCommitted, StoreStatus, UnitsCommitted, WriteAnswer, WriteUnit
from engine.runtime.actor import AsyncioActor, handles
from storage.writer import HOLE_TIMEOUT_NS, RENEW_EVERY_NS, Between
from tests.support.fact_stores import a_cell
from tests.support.units import AT_NS, TestCell, UnitMaker
from tests.support.writer_scene import Scene

pytestmark = pytest.mark.asyncio


class Listener(AsyncioActor):
    """Notes how many batches the store had been given when it heard of a commit."""

    def __init__(self, *, heard_at: list[int], batches: list[list[WriteUnit]]) -> None:
        super().__init__()
        self._heard_at = heard_at
        self._batches = batches

    @handles(UnitsCommitted)
    def on_committed(self, _: UnitsCommitted) -> None:
        self._heard_at.append(len(self._batches))


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    yield made
    made.slow.gate.set()
    await made.system.stop_all()


@pytest_asyncio.fixture
async def cell(scene: Scene, make: UnitMaker) -> TestCell:
    return await a_cell(scene.bench, make)


async def test_an_ask_is_answered_after_the_commit(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.gate.clear()
    unit = cell.order_unit()
    reply = writer.ask(unit)
    await scene.turn()
    assert not reply.done()
    assert scene.heard == []
    scene.slow.gate.set()
    assert await reply == WriteAnswer(unit_id=unit.id, first_seq=1, last_seq=1)


async def test_events_are_told_before_numbers(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    writer.tell(cell.order_unit())
    await writer.ask(cell.order_unit())
    assert [type(message) for message in scene.heard] == [EventsCommitted, UnitsCommitted]
    assert [event.seq for event in scene.heard[0].events] == [1, 2]
    assert scene.heard[1] == UnitsCommitted(user_id=cell.user_id, fence=1, n=2)


async def test_units_gather_while_a_commit_is_on_its_way(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.gate.clear()
    writer.tell(cell.order_unit())
    await scene.turn()
    for _ in range(10):
        writer.tell(cell.order_unit())
    await scene.turn()
    scene.slow.gate.set()
    await scene.backlog.idle()
    assert [len(batch) for batch in scene.slow.batches] == [1, 10]


async def test_a_batch_is_bounded(scene: Scene, cell: TestCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.writer.BATCH_MAX", 3)
    writer = await scene.writer()
    for _ in range(8):
        writer.tell(cell.order_unit())
    await scene.turn()
    await scene.backlog.idle()
    assert [len(batch) for batch in scene.slow.batches] == [3, 3, 2]


async def test_a_batch_is_bounded_by_its_rows(scene: Scene, cell: TestCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.writer.WEIGHT_MAX", 4)
    writer = await scene.writer()
    for _ in range(5):
        writer.tell(cell.order_unit())  # One row and one event each.
    await scene.turn()
    await scene.backlog.idle()
    assert [len(batch) for batch in scene.slow.batches] == [2, 2, 1]


async def test_what_is_committed_is_told_before_the_next_batch(
    scene: Scene, cell: TestCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.writer.BATCH_MAX", 1)
    writer = await scene.writer()
    heard_at: list[int] = []
    listener = await scene.system.start(Listener, heard_at=heard_at, batches=scene.slow.batches)
    scene.bus.subscribe(UnitsCommitted, listener.tell)
    for _ in range(3):
        writer.tell(cell.order_unit())
    await scene.backlog.idle()
    await scene.turn()
    assert heard_at == [1, 2, 3]


async def test_units_that_overtake_are_committed_in_order(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    units = [cell.order_unit() for _ in range(3)]
    writer.tell(units[2])
    writer.tell(units[1])
    await scene.turn()
    assert scene.slow.batches == []
    assert scene.backlog.outstanding == 2
    await writer.ask(units[0])
    await scene.backlog.idle()
    assert scene.slow.batches == [units]


async def test_a_unit_that_never_comes_ends_the_cell(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    cell.unit()
    reply = writer.ask(cell.order_unit())
    await scene.pass_time(HOLE_TIMEOUT_NS)
    [halted] = scene.of(CellHalted)
    assert (halted.user_id, halted.fence, halted.reason) == (cell.user_id, 1, "crashed")
    with pytest.raises(NotReady):
        await reply
    assert scene.backlog.outstanding == 0


async def test_a_cell_whose_units_came_in_time_is_left_alone(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    first, second = cell.order_unit(), cell.order_unit()
    writer.tell(second)
    await scene.pass_time(HOLE_TIMEOUT_NS // 2)
    writer.tell(first)
    await scene.pass_time(HOLE_TIMEOUT_NS)
    assert scene.of(CellHalted) == []
    assert scene.backlog.outstanding == 0


async def test_bad_data_ends_its_cell_and_no_other(scene: Scene, cell: TestCell, make: UnitMaker) -> None:
    other = await a_cell(scene.bench, make)
    writer = await scene.writer()
    order = make.order(cell.account)
    bad = writer.ask(cell.unit(order, make.order(cell.account, intent_key=order.intent_key)))
    behind = writer.ask(cell.order_unit())
    fine = writer.ask(other.order_unit())
    await fine
    with pytest.raises(BadInput):
        await bad
    with pytest.raises(BadInput):
        await behind
    [halted] = scene.of(CellHalted)
    assert (halted.user_id, halted.reason) == (cell.user_id, "bad_data")
    assert "unique" in halted.detail


async def test_what_is_queued_behind_bad_data_is_not_written(scene: Scene, cell: TestCell, make: UnitMaker) -> None:
    writer = await scene.writer()
    scene.slow.gate.clear()
    order = make.order(cell.account)
    writer.tell(cell.unit(order, make.order(cell.account, intent_key=order.intent_key)))
    await scene.turn()
    queued = writer.ask(cell.order_unit())
    await scene.turn()
    scene.slow.gate.set()
    with pytest.raises(BadInput):
        await queued
    later = writer.ask(cell.order_unit())
    with pytest.raises(BadInput):
        await later
    assert len(scene.slow.batches) == 1
    assert len(scene.of(CellHalted)) == 1
    assert scene.backlog.outstanding == 0


async def test_a_fenced_cell_is_told_so_and_its_next_life_writes(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.bench.store.take_lease(cell.user_id)
    with pytest.raises(Fenced):
        await writer.ask(cell.order_unit())
    [halted] = scene.of(CellHalted)
    assert (halted.fence, halted.reason) == (1, "fenced")
    cell.begin(2)
    assert (await writer.ask(cell.order_unit())).first_seq == 1


async def test_while_the_database_is_away_the_same_batch_is_tried_again(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.failures = [DependencyAway("database", why="gone")] * 3
    first = cell.order_unit()
    reply = writer.ask(first)
    await scene.turn()
    writer.tell(cell.order_unit())
    assert scene.of(StoreStatus) == [StoreStatus(available=False, reason="gone", since_ns=AT_NS)]
    for _ in range(3):
        await scene.pass_time(1_000_000_000)
    assert (await reply).first_seq == 1
    await scene.backlog.idle()
    assert [[unit.n for unit in batch] for batch in scene.slow.batches] == [[1], [1], [1], [1], [2]]
    assert [status.available for status in scene.of(StoreStatus)] == [False, True]


async def test_a_server_that_refuses_us_counts_as_away(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.failures = [ConfigError("database.url", expected="a login", was="refused")]
    reply = writer.ask(cell.order_unit())
    await scene.pass_time(1_000_000_000)
    assert (await reply).first_seq == 1
    assert [status.available for status in scene.of(StoreStatus)] == [False, True]


async def test_a_lost_answer_is_found_by_the_next_try(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.fates = ["lost"]
    reply = writer.ask(cell.order_unit())
    await scene.pass_time(1_000_000_000)
    assert (await reply).first_seq == 1
    assert [event.seq for message in scene.of(EventsCommitted) for event in message.events] == [1]
    assert len(scene.bench.store.journal[cell.user_id]) == 1


async def test_leases_are_renewed_between_commits(scene: Scene, cell: TestCell) -> None:
    renewed: list[int] = []

    async def renew() -> set[UserId]:
        renewed.append(scene.clock.now_ns() - AT_NS)
        return set()

    writer = await scene.writer(renew=renew)
    await scene.pass_time(RENEW_EVERY_NS)
    await writer.ask(cell.order_unit())
    await scene.pass_time(RENEW_EVERY_NS)
    assert renewed == [RENEW_EVERY_NS, 2 * RENEW_EVERY_NS]


async def test_a_lost_lease_ends_the_cell(scene: Scene, cell: TestCell) -> None:
    async def renew() -> set[UserId]:
        return {cell.user_id}

    writer = await scene.writer(renew=renew)
    await writer.ask(cell.order_unit())
    await scene.pass_time(RENEW_EVERY_NS)
    [halted] = scene.of(CellHalted)
    assert (halted.user_id, halted.fence, halted.reason) == (cell.user_id, 1, "fenced")


async def test_an_idle_writer_finds_that_the_database_is_away_and_back(scene: Scene) -> None:
    failures = [DependencyAway("database", why="gone")] * 2

    async def renew() -> set[UserId]:
        if failures:
            raise failures.pop()
        return set()

    await scene.writer(renew=renew)
    await scene.pass_time(RENEW_EVERY_NS)
    assert [status.available for status in scene.of(StoreStatus)] == [False]
    for _ in range(3):
        await scene.pass_time(1_000_000_000)
    assert [status.available for status in scene.of(StoreStatus)] == [False, True]


async def test_work_runs_between_two_commits(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.gate.clear()
    writer.tell(cell.order_unit())
    await scene.turn()
    seen: list[int] = []

    async def work() -> str:
        seen.append(len(scene.slow.batches))
        return "done"

    reply = writer.ask(Between(work))
    writer.tell(cell.order_unit())
    await scene.turn()
    assert seen == []
    scene.slow.gate.set()
    assert await reply == "done"
    await scene.backlog.idle()
    assert seen == [1]
    assert len(scene.slow.batches) == 2


async def test_what_is_queued_is_committed_before_the_work(
    scene: Scene, cell: TestCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.writer.BATCH_MAX", 1)
    writer = await scene.writer()
    scene.slow.gate.clear()
    seen: list[int] = []

    async def work() -> None:
        seen.append(len(scene.bench.store.journal[cell.user_id]))

    for _ in range(4):  # One is on its way, three wait.
        writer.tell(cell.order_unit())
        await scene.turn()
    reply = writer.ask(Between(work))
    writer.tell(cell.order_unit())
    scene.slow.gate.set()
    await reply
    assert seen == [4]


async def test_work_that_fails_is_the_asker_s_affair(scene: Scene, cell: TestCell) -> None:
    async def work() -> None:
        raise BadInput("user_id", expected="a user", was="none")

    writer = await scene.writer()
    with pytest.raises(BadInput):
        await writer.ask(Between(work))
    await writer.ask(cell.order_unit())


async def test_the_last_units_are_committed_at_stop(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()
    scene.slow.gate.clear()
    for _ in range(3):
        writer.tell(cell.order_unit())
    stopped = writer.stop()
    await asyncio.sleep(0)
    scene.slow.gate.set()
    await stopped
    assert len(scene.bench.store.journal[cell.user_id]) == 3


async def test_a_full_queue_ends_the_cell_that_fills_it(
    scene: Scene, cell: TestCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.writer.QUEUE_MAX", 4)
    writer = await scene.writer()
    scene.slow.gate.clear()
    writer.tell(cell.order_unit())
    await scene.turn()
    replies = [writer.ask(cell.order_unit()) for _ in range(5)]
    await scene.turn()
    [halted] = scene.of(CellHalted)
    assert halted.reason == "crashed"
    for reply in replies:
        with pytest.raises(NotReady):
            await reply
    scene.slow.gate.set()
    await scene.backlog.idle()


async def test_an_instant_store_commits_when_the_mailbox_is_empty(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer(scene.bench.store)
    for _ in range(3):
        writer.tell(cell.order_unit())
    assert scene.system.drain()
    assert scene.of(UnitsCommitted) == [UnitsCommitted(user_id=cell.user_id, fence=1, n=3)]
    assert scene.backlog.outstanding == 0


async def test_an_instant_store_can_take_its_time(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer(scene.bench.store, commit_latency_ns=300_000)
    writer.tell(cell.order_unit())
    await scene.pass_time(299_999)
    assert scene.heard == []
    await scene.pass_time(1)
    assert scene.of(UnitsCommitted) == [UnitsCommitted(user_id=cell.user_id, fence=1, n=1)]


async def test_a_subscriber_that_fails_does_not_end_the_writer(scene: Scene, cell: TestCell) -> None:
    writer = await scene.writer()

    def refuse(_: UnitsCommitted) -> None:
        raise NotReady("hub", why="full")

    scene.bus.subscribe(UnitsCommitted, refuse, key=cell.user_id)
    await writer.ask(cell.order_unit())
    await writer.ask(cell.order_unit())
