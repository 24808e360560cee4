"""Everything that a cell writes is what PostgreSQL takes: real units, committed again on the real schema."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from engine.domain.kinds import DoneReason, OrderOrigin, OrderType, Scope, Side
from engine.domain.ports import Ids
from engine.messages.cell import ConfigureAgent, ReconcileAccount
from engine.messages.orders import CancelOrders, Denial, DenyOrder
from engine.messages.ports import UnitResult
from engine.messages.risk import Halt, Resume
from engine.messages.rows import OrderRow, Row
from engine.messages.rows_people import AccountRow, UserRow
from engine.messages.signals import PauseAgent, StartAgent, StopAgent
from engine.messages.venues import (
    CannotTell,
    OrderAbsent,
    VenueAccount,
    VenueBalance,
    VenueFills,
    VenueOrders,
    VenueUnknown,
)
from engine.messages.writing import WriteUnit, unit_without_cell
from storage.memory import MemoryFactStore
from tests.support.cell import CellRig, an_agent
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, a_place, a_record, an_intent
from tests.support.fact_stores import PostgresBench
from tests.support.postgres import PostgresDatabase
from tests.support.quotes import reference_quotes
from tests.support.scripted_venue import ScriptedRig, a_fill, done, somebody_elses_order

D = Decimal


class RecordingStore(MemoryFactStore):
    """The memory store, which also keeps the units as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.units: list[WriteUnit] = []

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        self.units += units
        return super().commit_now(units)


@pytest_asyncio.fixture
async def postgres(pg_database: PostgresDatabase) -> AsyncIterator[PostgresBench]:
    bench = PostgresBench(pg_database)
    await bench.open()
    yield bench
    await bench.close()


def people(agents: Sequence[Row]) -> tuple[Row, ...]:
    user = UserRow(
        id=USER, email="a@example.org", password_hash=None, full_name=None, role="trader", is_active=True,
        time_zone="UTC", created_at=START_NS, updated_at=START_NS,
    )  # fmt: skip
    account = AccountRow(
        id=ACCOUNT, user_id=USER, name="main", exchange="binance", account_id="main", account_type="margin",
        mode="paper", is_active=True, starting_balances={"USDT": "1000000"}, config_hash=None, created_at=START_NS,
    )  # fmt: skip
    return user, account, *agents


async def commit_again(postgres: PostgresBench, rig: CellRig, ids: Ids) -> None:
    store: Any = rig.store
    results = await postgres.commit(unit_without_cell(ids, people(rig.agents)))
    assert await postgres.take_lease(USER) == 1
    results += await postgres.commit(*store.units)
    assert [(result.refused, result.detail) for result in results if result.refused is not None] == []
    memory = [(event.seq, event.channel, event.type, event.data) for event in rig.events()]
    stored = [(event.seq, event.channel, event.type, event.data) for event in await postgres.journal(USER)]
    assert [event[:3] for event in stored] == [event[:3] for event in memory]
    counted = await postgres.watcher.fetchval("select count(*) from orders")
    assert counted == len(rig.rows(OrderRow))


@pytest.mark.asyncio
async def test_what_agents_and_people_do(postgres: PostgresBench) -> None:
    rig = CellRig(agents=[an_agent()], defaults={"order_notional": D(20_000)})
    rig.store = RecordingStore()
    await rig.start()
    for quote in reference_quotes(300, numbered=True):
        rig.tick(quote)
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place(1, type=OrderType.LIMIT, price="59000.1"))
    await rig.gate.ask(a_place(2, quantity="0.5"))  # Denied.
    await rig.gate.ask(a_place(3, type=OrderType.STOP, side=Side.SELL, stop_price="50000"))
    await rig.settle()
    await rig.gate.ask(CancelOrders(user_id=USER, reason="test", record=a_record(902)))
    await rig.settle()
    await rig.gate.ask(Halt(user_id=USER, scope=Scope.USER, reason="test", record=a_record(903)))
    await rig.gate.ask(Resume(user_id=USER, scope=Scope.USER, reason="test"))
    for number, command in enumerate((PauseAgent, StartAgent, StopAgent)):
        await rig.coordinator.ask(command(user_id=USER, agent_id=AGENT, record=a_record(910 + number)))
    await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=an_agent(number=33), record=a_record(920)))
    rig.clock.advance(6_000_000_000)
    await rig.settle()
    await commit_again(postgres, rig, rig.ids)
    await rig.stop()


@pytest.mark.asyncio
async def test_what_venues_do(postgres: PostgresBench) -> None:
    rig = ScriptedRig(agents=[an_agent(status="inactive")], send_within_ns=1_000_000_000)
    rig.store = RecordingStore()
    await rig.start()
    rig.quote("60000", "60001")
    intents = [an_intent(number) for number in range(1, 7)]
    for number in range(1, 7):
        await rig.gate.ask(a_place(number))
    await rig.settle()
    await rig.hear(a_fill(intents[0], 1, quantity="0.04"))
    await rig.hear(done(intents[0], DoneReason.CANCELLED, filled="0.04"))
    await rig.hear(a_fill(intents[0], 2, quantity="0.5"))  # Late, and more than was ordered.
    rig.script.orders[f"cv-{intents[1].order_id.hex}"] = OrderAbsent(venue_time_ns=START_NS + 90_000_000_000)
    await rig.hear(VenueUnknown(order_id=intents[1].order_id, account_id=ACCOUNT, why="timeout"))
    await rig.pass_wall(60)
    await rig.hear(done(intents[2], DoneReason.EXPIRED, filled="0"))
    await rig.hear(a_fill(an_intent(77), 9, venue_client_id="web-3"))
    rig.script.open_orders = VenueOrders(orders=(somebody_elses_order(),))
    rig.script.fills = VenueFills(fills=(a_fill(intents[3], 10),), cursor="10")
    balances = tuple(VenueBalance(asset=asset, free=D(5), locked=D(1)) for asset in ("USDT", "BNB"))
    rig.script.account = VenueAccount(balances=balances, positions=(), cursor="10", venue_time_ns=START_NS)
    await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT, trigger="fills"))
    rig.script.account = CannotTell(why="maintenance")
    await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))
    for number in (50, 51):
        intent = an_intent(number, agent_id=AGENT, origin=OrderOrigin.AGENT)
        denial = Denial(code="order_rate", limit="5", value="6")
        rig.router.tell(DenyOrder(intent=intent, denial=denial, unit=rig.numbers.open()))
    await rig.settle()
    await commit_again(postgres, rig, rig.ids)
    await rig.stop()
