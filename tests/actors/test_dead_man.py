"""The switch is armed before the first order, refreshed by a cell that lives, and fires when it does not."""

import asyncio
import threading
import time
from typing import Any

import msgspec
import pytest

from actors.cell import Cell
from actors.dead_man import DeadMan
from connectors.paper.capabilities import capabilities
from engine.domain.kinds import OrderType
from engine.messages.risk import AccountGuarded, Alive, ProveAlive
from engine.messages.rows import OrderRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.venues import ArmDeadMan, CannotTell, DeadManArmed
from engine.messages.writing import UnitNumbers, WriteUnit
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.actors.conftest import MakeRig
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, USER, a_place

SECOND = 1_000_000_000
LIMIT: dict[str, Any] = {"type": OrderType.LIMIT, "price": "59000"}
pytestmark = pytest.mark.asyncio


async def guarded(rig: CellRig, seconds: int = 9, **changes: Any) -> Ref[DeadMan]:
    rig.gate.actor_inbox.actor._checks.unguarded[ACCOUNT] = "it has not been armed yet"  # type: ignore[union-attr]
    fields: dict[str, Any] = {
        "cell": rig.cell, "account_id": ACCOUNT, "venue": rig.venue, "connector": rig.paper, "gate": rig.gate,
        "router": rig.router, "timeout_ns": seconds * SECOND, "capabilities": capabilities(rig.venue),
    }  # fmt: skip
    return await rig.system.start(DeadMan, name="dead-man", **fields | changes)


async def a_rig(make_rig: MakeRig) -> CellRig:
    rig = await make_rig()
    rig.quote("60000", "60001")
    return rig


async def test_a_cell_that_lives_keeps_its_orders(make_rig: MakeRig) -> None:
    rig = await a_rig(make_rig)
    await guarded(rig)
    assert (await rig.gate.ask(a_place(1, **LIMIT))).denial is None
    await rig.pass_wall(60)
    assert [row.status for row in rig.rows(OrderRow)] == ["open"]


async def test_before_the_switch_is_armed_no_risk_is_opened(make_rig: MakeRig) -> None:
    rig = await a_rig(make_rig)
    able = capabilities(rig.venue)
    fields = {name: getattr(able, name) for name in able.__struct_fields__} | {"dead_man_switch": False}
    await guarded(rig, capabilities=type(able)(**fields))
    await rig.settle()
    denial = (await rig.gate.ask(a_place(1, **LIMIT))).denial
    assert denial is not None
    assert (denial.code, denial.value) == ("dead_man_not_armed", f"{rig.venue} has no dead-man switch")


async def test_a_silence_that_is_too_short_for_the_venue_is_not_armed(make_rig: MakeRig) -> None:
    rig = await a_rig(make_rig)
    able = msgspec.structs.replace(capabilities(rig.venue), dead_man_min_ns=9 * SECOND + 1)
    await guarded(rig, capabilities=able)
    await rig.settle()
    denial = (await rig.gate.ask(a_place(1, **LIMIT))).denial
    assert denial is not None
    assert denial.value == f"the switch of {rig.venue} waits 9 s or more"


async def pass_wall(rig: CellRig, seconds: int) -> None:
    """Let wall time pass without waiting for whoever hangs."""
    until_ns = rig.wall.now_ns() + seconds * SECOND
    while (due_ns := rig.wall.next_timer_ns()) is not None and due_ns <= until_ns:
        rig.wall.advance_to(max(due_ns, rig.wall.now_ns()))
        for _ in range(60):
            await asyncio.sleep(0)
    rig.wall.advance_to(until_ns)


class Hanging(AsyncioActor):
    """Answers as long as the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_hanging = False

    @handles(ProveAlive)
    def on_prove(self, _message: ProveAlive) -> Any:
        return self.new_future() if self.is_hanging else Alive(open_orders=1)


async def test_an_actor_that_hangs_stops_the_refresh_and_the_venue_cancels(make_rig: MakeRig) -> None:
    rig = await a_rig(make_rig)
    told: list[AccountGuarded] = []
    rig.bus.subscribe(AccountGuarded, told.append, key=USER)
    router = await rig.system.start(Hanging, name="hanging")
    await guarded(rig, router=router)
    await rig.gate.ask(a_place(1, **LIMIT))
    await pass_wall(rig, 10)
    router.actor_inbox.actor.is_hanging = True  # type: ignore[union-attr]
    await pass_wall(rig, 16)
    assert [row.status for row in rig.rows(OrderRow)] == ["cancelled"]
    assert [each.is_armed for each in told] == [True, False]
    assert [row.alert_type for row in rig.rows(RiskAlertRow)] == ["dead_man_fired"]
    denial = (await rig.gate.ask(a_place(2, **LIMIT))).denial
    assert denial is not None
    assert denial.code == "dead_man_not_armed"
    router.actor_inbox.actor.is_hanging = False  # type: ignore[union-attr]
    await pass_wall(rig, 10)
    assert (await rig.gate.ask(a_place(3, **LIMIT))).denial is None


async def test_a_clean_stop_disarms_unless_orders_are_left(make_rig: MakeRig) -> None:
    rig = await a_rig(make_rig)
    first = await guarded(rig)
    armed = rig.paper.actor_inbox.actor._armed  # type: ignore[union-attr]
    assert ACCOUNT in armed
    await first.stop()
    assert ACCOUNT not in armed
    second = await guarded(rig)
    await rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    await second.stop()
    assert ACCOUNT in armed
    await rig.pass_wall(10)
    assert [row.status for row in rig.rows(OrderRow)] == ["cancelled"]


class SwitchInAnotherThread(AsyncioActor):
    """A venue whose time goes on while our loop stands still."""

    def __init__(self, fired: threading.Event) -> None:
        super().__init__()
        self.fired = fired
        self.timer: threading.Timer | None = None
        self.refreshes = 0

    @handles(ArmDeadMan)
    def on_arm(self, message: ArmDeadMan) -> DeadManArmed | CannotTell:
        if self.timer is not None:
            self.timer.cancel()
        self.refreshes += 1
        if message.timeout_ns:
            self.timer = threading.Timer(message.timeout_ns / 1e9, self.fired.set)
            self.timer.start()
        return DeadManArmed(account_id=message.account_id, until_ns=1)

    def on_stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class Units(AsyncioActor):
    """Takes what would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = []

    @handles(WriteUnit)
    def on_unit(self, unit: WriteUnit) -> None:
        self.rows += unit.rows


async def test_a_loop_that_really_stalls_misses_its_beats_and_knows_it_afterwards() -> None:
    clock, rng, fired, bus = WallClock(), seeded_rng(1), threading.Event(), Bus()
    system = ActorSystem(clock=clock, ids=Ids(clock, rng), rng=rng)
    told: list[AccountGuarded] = []
    bus.subscribe(AccountGuarded, told.append, key=USER)
    try:
        writer = await system.start(Units, name="writer")
        venue = await system.start(SwitchInAnotherThread, fired, name="venue")
        alive = await system.start(Hanging, name="alive")
        numbers = UnitNumbers(USER, 1, system.ids)
        cell = Cell(numbers=numbers, clock=clock, wall=clock, ids=system.ids, bus=bus, writer=writer)
        await system.start(
            DeadMan, name="dead-man", cell=cell, account_id=ACCOUNT, venue="binance", connector=venue, gate=alive,
            router=alive, timeout_ns=SECOND // 2, capabilities=None,
        )  # fmt: skip
        await clock.sleep(SECOND)
        assert not fired.is_set()
        time.sleep(0.8)  # noqa: ASYNC251 - the loop must really stand still.
        assert fired.is_set()
        await clock.sleep(SECOND // 2)
        rows = writer.actor_inbox.actor.rows  # type: ignore[union-attr]
        assert [row.alert_type for row in rows] == ["dead_man_fired"]
        assert told[-1].is_armed
    finally:
        await system.stop_all()
