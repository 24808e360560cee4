"""Cells over a real database: they start, fail, come back under the next fence, or stay down and say why."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from actors.reconciler import Reconciler
from connectors.paper.capabilities import capabilities
from engine.bootstrap import cell_wiring, cells
from engine.domain.errors import DependencyAway, InvariantBroken
from engine.domain.identifiers import UserId
from engine.messages.load import CellState
from engine.messages.risk import StateQuery
from engine.messages.venues import VenueConnection
from engine.messages.writing import CellHalted
from engine.runtime.actor import AsyncioActor, handles
from storage.load import CellLoader
from tests.support.host import Ground, a_ground
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio

BACKOFF_S = cells.BACKOFF_FIRST_NS / 1e9
TWO_USERS = """
[[accounts]]
name = "paper-1"
user = "ann@localhost"

[[accounts]]
name = "paper-2"
user = "bob@localhost"
"""


class Fail(msgspec.Struct, frozen=True):
    """Tell an actor to fail."""

    error: Any


class Fragile(Reconciler):
    """Fails on demand, and is a reconciler otherwise."""

    @handles(Fail)
    def on_fail(self, message: Fail) -> None:
        raise message.error


class Loader:
    """A loader that fails a few times first."""

    def __init__(self, real: CellLoader, *errors: Exception) -> None:
        self.real = real
        self.errors = list(errors)
        self.asked = 0

    async def cell(self, user_id: UserId) -> CellState | None:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return await self.real.cell(user_id)


@pytest.fixture(autouse=True)
def fragile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_wiring, "Reconciler", Fragile)


@pytest_asyncio.fixture
async def ground(pg_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[Ground]:
    async with a_ground(pg_database, tmp_path) as found:
        yield found


async def the_cell(ground: Ground) -> cell_wiring.Wired:
    """The one cell that runs."""
    (user_id,) = ground.directory.users()
    return ground.directory._running[user_id]


async def fail(ground: Ground, error: Exception) -> None:
    (await the_cell(ground)).actors[-1].tell(Fail(error))
    await ground.rest()


async def test_a_cell_starts_and_its_account_is_compared_with_the_venue(ground: Ground) -> None:
    await ground.host()
    await ground.compared()
    (user_id,) = await ground.users()
    refs = ground.directory.of(user_id)
    assert refs is not None
    answer = await refs.gate.ask(StateQuery(user_id=user_id))
    assert {state.state for state in answer.states} <= {"active"}
    assert ground.reason("lease:") is None
    assert (await the_cell(ground)).fence == 1


async def test_a_cell_whose_actor_fails_is_loaded_again_under_the_next_fence(ground: Ground) -> None:
    await ground.host()
    first = await the_cell(ground)
    await fail(ground, RuntimeError("boom"))
    assert list(ground.directory.users()) == []
    assert "boom" in str(ground.reason("lease:"))
    assert ground.reason("account:") == "its cell does not run"
    assert not any(ref.is_alive() for ref in first.actors), "the whole cell is down"
    await ground.pass_time(2 * BACKOFF_S)
    second = await the_cell(ground)
    assert (first.fence, second.fence) == (1, 2)
    assert ground.reason("lease:") is None
    await ground.compared()


async def test_a_cell_whose_unit_cannot_be_committed_is_loaded_again(ground: Ground) -> None:
    await ground.host()
    (user_id,) = await ground.users()
    ground.bus.publish(CellHalted(user_id=user_id, fence=1, reason="fenced", detail="by somebody"), user_id)
    await ground.rest()
    assert ground.reason("lease:") == "fenced: by somebody"
    await ground.pass_time(2 * BACKOFF_S)
    assert (await the_cell(ground)).fence == 2


async def test_a_halt_of_an_earlier_life_changes_nothing(ground: Ground) -> None:
    await ground.host()
    await fail(ground, RuntimeError("boom"))
    await ground.pass_time(2 * BACKOFF_S)
    (user_id,) = await ground.users()
    ground.bus.publish(CellHalted(user_id=user_id, fence=1, reason="fenced", detail="late"), user_id)
    await ground.rest()
    assert (await the_cell(ground)).fence == 2


async def test_books_that_contradict_themselves_keep_the_cell_down(ground: Ground) -> None:
    await ground.host()
    await fail(ground, InvariantBroken("a sum", expected=1, was=2))
    await ground.pass_time(120)
    assert list(ground.directory.users()) == []
    assert "a sum: expected 1, was 2" in str(ground.reason("lease:"))


async def test_a_cell_that_keeps_failing_stays_down_and_says_why(ground: Ground) -> None:
    await ground.host()
    for number in range(cells.FAILURES_MAX):
        await fail(ground, RuntimeError(f"boom {number}"))
        await ground.pass_time(cells.BACKOFF_FIRST_NS * 2 ** (number + 1) / 1e9)
        assert len(list(ground.directory.users())) == 1, number
    await fail(ground, RuntimeError("the last"))
    await ground.pass_time(600)
    assert list(ground.directory.users()) == []
    assert "the last" in str(ground.reason("lease:"))


async def test_old_failures_are_forgiven(ground: Ground) -> None:
    await ground.host()
    for _ in range(cells.FAILURES_MAX + 2):
        await fail(ground, RuntimeError("boom"))
        await ground.pass_time(60)
    assert len(list(ground.directory.users())) == 1


@pytest.mark.parametrize(
    ("error", "reason"), [(DependencyAway("database", why="gone"), "gone"), (RuntimeError("odd"), "start: odd")]
)
async def test_a_start_that_fails_is_tried_again(error: Exception, reason: str, ground: Ground) -> None:
    loader = Loader(ground.stores.loader, error)
    await ground.host(loader=loader)
    assert ground.reason("lease:") == reason
    await ground.pass_time(2 * BACKOFF_S)
    assert (ground.reason("lease:"), loader.asked) == (None, 2)


async def test_a_lease_of_another_node_is_waited_for(ground: Ground, pg_database: PostgresDatabase) -> None:
    (user_id,) = await ground.users()
    daemon = await pg_database.connect()
    await daemon.execute(
        "insert into cell_leases values ($1, 41, gen_random_uuid(), now() + interval '1 hour', 'pid 7 elsewhere')",
        user_id,
    )
    await ground.host()
    owner = await daemon.fetchval("select owner from cell_leases")
    assert ground.reason("lease:") == f"pid 7 elsewhere ({owner}) has the lease"
    await ground.pass_time(7)
    assert list(ground.directory.users()) == []
    await daemon.execute("update cell_leases set expires_at = now()")
    await ground.pass_time(cells.LEASE_RETRY_NS / 1e9)
    assert (await the_cell(ground)).fence == 42
    await ground.compared()
    triggers = "select trigger from reconciliations order by started_at"
    assert [row["trigger"] for row in await daemon.fetch(triggers)] == ["takeover"]
    await fail(ground, RuntimeError("test"))
    await ground.pass_time(5)
    await ground.compared()
    assert [row["trigger"] for row in await daemon.fetch(triggers)] == ["takeover", "start"]


async def test_one_cell_that_cannot_start_does_not_keep_the_others_from_it(
    pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with a_ground(pg_database, tmp_path, TWO_USERS) as ground:
        loader = Loader(ground.stores.loader, RuntimeError("odd"))
        await ground.host(loader=loader)
        assert len(list(ground.directory.users())) == 1
        await ground.pass_time(2 * BACKOFF_S)
        assert sorted(ground.directory.users()) == sorted(await ground.users())


async def test_a_user_who_is_gone_is_not_waited_for(ground: Ground, pg_database: PostgresDatabase) -> None:
    users = await ground.users()

    class Nobody:
        async def cell(self, user_id: UserId) -> CellState | None:
            assert user_id in users
            return None

    await ground.host(loader=Nobody())
    assert list(ground.directory.users()) == []
    assert ground.readiness.parts() == []
    assert ground.readiness.is_ready


async def test_a_stopped_host_gives_its_leases_back(ground: Ground, pg_database: PostgresDatabase) -> None:
    host = await ground.host()
    running = await the_cell(ground)
    await host.stop()
    assert list(ground.directory.users()) == []
    assert not any(ref.is_alive() for ref in running.actors)
    daemon = await pg_database.connect()
    assert await daemon.fetchval("select expires_at <= clock_timestamp() from cell_leases")


async def test_a_directory_without_cells_knows_nobody() -> None:
    directory = cells.CellDirectory()
    user_id = UserId(UUID(int=1))
    assert directory.of(user_id) is None
    assert list(directory.users()) == []
    directory.remove(user_id)


async def test_a_cell_that_started_without_knowing_its_venue_is_loaded_again_when_that_has_come(ground: Ground) -> None:
    venue = ground.market.venue
    declared = capabilities(venue)

    def there(**changes: Any) -> VenueConnection:
        return VenueConnection(venue=venue, connected=True, at_ns=1, capabilities=declared, **changes)

    await ground.host()
    await ground.compared()
    assert (await the_cell(ground)).capabilities == {venue: declared}
    for message in (there(), VenueConnection(venue=venue, connected=False, at_ns=1)):
        ground.bus.publish(message, venue)
        await ground.rest()
    assert (await the_cell(ground)).fence == 1, "nothing new"
    declared = msgspec.structs.replace(declared, read_lag_ns=5)
    ground.bus.publish(there(), venue)
    running = ground.directory._running
    await ground.until(lambda: [wired.fence for wired in running.values()] == [2], "second life")
    ground.bus.publish(VenueConnection(venue="elsewhere", connected=True, at_ns=1, capabilities=declared), "elsewhere")
    await ground.rest()
    assert (await the_cell(ground)).fence == 2, "it has no account there"
    await ground.compared()


async def test_an_actor_that_does_not_stop_in_time_is_halted(ground: Ground) -> None:
    class Stubborn(AsyncioActor):
        async def on_receive(self, message: Any) -> None:
            await self.new_future()

    stubborn = await ground.system.start(Stubborn, name="stubborn")
    stubborn.tell("wait")
    stopping = asyncio.ensure_future(cells.stop_actors([stubborn]))
    await asyncio.sleep(0)
    await ground.pass_time(cells.STOP_TIMEOUT_S)
    await asyncio.wait_for(stopping, 10)
    assert not stubborn.is_alive()
