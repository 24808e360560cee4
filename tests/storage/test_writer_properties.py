"""Whatever order units come in and whatever the database does: in order, once, and nothing told that is not stored."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from engine.messages.writing import CellHalted, EventsCommitted, UnitsCommitted, WriteUnit
from engine.runtime.ref import Ref
from storage.writer import HOLE_TIMEOUT_NS, StorageWriter
from tests.support.fact_stores import a_cell
from tests.support.units import TestCell, UnitMaker
from tests.support.writer_scene import Scene

BURSTS = st.lists(st.integers(1, 6), min_size=1, max_size=6)
FATES = st.lists(st.sampled_from(["fine", "away", "lost"]), max_size=8)


async def _send(scene: Scene, writer: Ref[StorageWriter], units: list[WriteUnit], bursts: list[int]) -> None:
    for size in bursts:
        for unit in units[:size]:
            writer.tell(unit)
        del units[:size]
        await scene.turn(2)
    for unit in units:
        writer.tell(unit)


async def _scenario(seed: int, per_cell: list[int], bursts: list[int], fates: list[str], bad: set[int]) -> None:
    scene, make = Scene(), UnitMaker(seed)
    cells = [await a_cell(scene.bench, make) for _ in per_cell]
    writer = await scene.writer()
    scene.slow.fates = list(fates)
    units = []
    for index, (cell, count) in enumerate(zip(cells, per_cell, strict=True)):
        units += [cell.order_unit() if n or index not in bad else _bad_unit(cell) for n in range(count)]
    random.Random(seed).shuffle(units)
    await _send(scene, writer, units, bursts)
    for _ in range(len(fates) + 2):
        await scene.pass_time(1_000_000_000)
    await scene.pass_time(HOLE_TIMEOUT_NS)
    await asyncio.wait_for(scene.backlog.idle(), 5)
    await scene.system.stop_all()
    for index, (cell, count) in enumerate(zip(cells, per_cell, strict=True)):
        _judge(scene, cell, 0 if index in bad else count, is_bad=index in bad)


def _bad_unit(cell: TestCell) -> WriteUnit:
    order = cell.make.order(cell.account)
    return cell.unit(order, cell.make.order(cell.account, intent_key=order.intent_key))


def _judge(scene: Scene, cell: TestCell, expected: int, *, is_bad: bool) -> None:
    stored = [event.seq for event in scene.bench.store.journal.get(cell.user_id, ())]
    told = [e.seq for m in scene.of(EventsCommitted) if m.events[0].user_id == cell.user_id for e in m.events]
    numbers = [m.n for m in scene.of(UnitsCommitted) if m.user_id == cell.user_id]
    halted = [m for m in scene.of(CellHalted) if m.user_id == cell.user_id]
    assert stored == told == list(range(1, expected + 1))
    assert numbers == sorted(set(numbers))
    assert (numbers[-1] if numbers else 0) == expected
    assert [m.reason for m in halted] == (["bad_data"] if is_bad else [])


@given(
    st.integers(0, 2**32), st.lists(st.integers(1, 6), min_size=1, max_size=3), BURSTS, FATES,
    st.sets(st.integers(0, 2), max_size=1),
)  # fmt: skip
def test_units_are_committed_in_order_and_told_once(
    seed: int, per_cell: list[int], bursts: list[int], fates: list[str], bad: set[int]
) -> None:
    asyncio.run(_scenario(seed, per_cell, bursts, fates, bad))
