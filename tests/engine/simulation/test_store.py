"""The database of a run: what was committed stays, what was not is gone, and leases end."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from engine.domain.errors import DependencyAway
from engine.messages.ports import UnitResult
from engine.messages.rows import OrderRow
from engine.runtime.entropy import seeded_rng
from engine.simulation.loop import SimLoop, run
from engine.simulation.process import Process
from engine.simulation.store import FAILED, LOST, Database, StoreOfProcess
from storage.lease import TTL_NS, Leases
from tests.support.units import TestCell, UnitMaker


class Scene:
    """A database, a process, and the units of a cell."""

    def __init__(self, seed: int = 1) -> None:
        self.loop = SimLoop(seed)
        self.told: list[UnitResult] = []
        self.database = Database(self.loop, seeded_rng(seed), self.on_commit)
        self.cell = TestCell(UnitMaker())
        self.database.facts.commit_now([self.cell.birth()])

    def on_commit(self, process: str, results: Sequence[UnitResult]) -> None:
        self.told += results

    def connect(self, name: str) -> tuple[Process, StoreOfProcess, Leases]:
        process = Process(name, self.loop, 0)
        return process, StoreOfProcess(self.database, process), Leases(UUID(int=ord(name[0])), process.clock)

    async def begin(self, store: StoreOfProcess, leases: Leases) -> None:
        taken = await leases.acquire(store, [self.cell.user_id])  # type: ignore[arg-type]  # It has `fetch`.
        self.cell.begin(taken[self.cell.user_id])

    @property
    def orders(self) -> int:
        return len(list(self.database.facts.rows(OrderRow)))


def play(scene: Scene, main: Any) -> None:
    run(scene.loop, main())


def test_a_commit_takes_time_and_stays() -> None:
    scene = Scene()
    _, store, leases = scene.connect("a")

    async def main() -> None:
        await scene.begin(store, leases)
        began = scene.loop.now_ns
        (result,) = await store.commit([scene.cell.order_unit()])
        assert result.answer is not None
        assert scene.loop.now_ns > began
        assert scene.told == [result]

    play(scene, main)
    assert scene.orders == 1


@pytest.mark.parametrize(("fault", "kept"), [(FAILED, 0), (LOST, 1)])
def test_nobody_knows_what_became_of_a_commit_until_it_is_repeated(fault: str, kept: int) -> None:
    scene = Scene()
    _, store, leases = scene.connect("a")

    async def main() -> None:
        await scene.begin(store, leases)
        scene.database.next_commits.append(fault)
        unit = scene.cell.order_unit()
        with pytest.raises(DependencyAway):
            await store.commit([unit])
        assert scene.orders == kept
        (result,) = await store.commit([unit])
        assert result.answer is not None

    play(scene, main)
    assert scene.orders == 1


def test_while_it_is_away_nothing_is_kept_and_nothing_read() -> None:
    scene = Scene()
    _, store, leases = scene.connect("a")

    async def main() -> None:
        await scene.begin(store, leases)
        scene.database.is_away = True
        with pytest.raises(DependencyAway):
            await store.commit([scene.cell.order_unit()])
        with pytest.raises(DependencyAway):
            await store.cell(scene.cell.user_id)
        scene.database.is_away = False
        assert (await store.cell(scene.cell.user_id)).accounts[0].row.id == scene.cell.account_id
        assert await store.users() == [scene.cell.user_id]

    play(scene, main)
    assert scene.orders == 0


def test_a_lease_is_taken_over_when_it_has_ended_and_its_last_owner_writes_nothing() -> None:
    scene = Scene()
    _, old_store, old = scene.connect("a")
    _, new_store, new = scene.connect("b")

    async def main() -> None:
        await scene.begin(old_store, old)
        late = scene.cell.order_unit()
        assert await new.acquire(new_store, [scene.cell.user_id]) == {}  # type: ignore[arg-type]
        await asyncio.sleep(TTL_NS / 1e9 - 1)
        assert await old.renew(old_store) == set()  # type: ignore[arg-type]
        assert await new.acquire(new_store, [scene.cell.user_id]) == {}  # type: ignore[arg-type]
        await asyncio.sleep(TTL_NS / 1e9)
        assert await new.acquire(new_store, [scene.cell.user_id]) == {scene.cell.user_id: 2}  # type: ignore[arg-type]
        (result,) = await old_store.commit([late])
        assert result.refused == "fenced"
        assert await old.renew(old_store) == {scene.cell.user_id}  # type: ignore[arg-type]

    play(scene, main)
    assert scene.orders == 0


def test_a_lease_that_was_given_back_need_not_end() -> None:
    scene = Scene()
    _, old_store, old = scene.connect("a")
    _, new_store, new = scene.connect("b")

    async def main() -> None:
        await scene.begin(old_store, old)
        await old.release(old_store, [scene.cell.user_id])  # type: ignore[arg-type]
        assert await new.acquire(new_store, [scene.cell.user_id]) == {scene.cell.user_id: 2}  # type: ignore[arg-type]

    play(scene, main)


def test_what_a_dying_process_has_asked_for_happens_whole_or_not_at_all() -> None:
    """And what it is answered reaches nobody."""
    kept = set()
    for seed in range(12):
        scene = Scene(seed)
        process, store, leases = scene.connect("a")

        async def main(scene: Scene = scene, process: Process = process, store: Any = store, own: Any = leases) -> None:
            await scene.begin(store, own)

            async def work() -> None:
                await store.commit([scene.cell.order_unit(), scene.cell.order_unit()])
                raise AssertionError("a dead process hears nothing")

            process.spawn(work(), "work")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            process.kill()
            await asyncio.sleep(1)

        play(scene, main)
        kept.add(scene.orders)
    assert kept == {0, 2}
