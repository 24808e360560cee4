"""Two processes with one user: the one without the lease writes nothing and sends nothing."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from actors.cell import Cell
from engine.domain.identifiers import OrderId
from engine.domain.kinds import OrderType
from engine.messages.orders import CancelOrders, OrderAnswer
from engine.messages.ports import UnitResult
from engine.messages.rows import OrderRow
from engine.messages.rows_paper import PaperOrderRow
from engine.messages.writing import CellHalted, WriteUnit
from engine.runtime.ref import Ref
from storage.memory import MemoryFactStore
from storage.writer import StorageWriter
from tests.actors.conftest import MakeRig
from tests.support.bad_line import EVENTS
from tests.support.cell import CellRig, an_agent
from tests.support.cell_builders import ACCOUNT, USER, a_place, an_id
from tests.support.crash_audit import violations
from tests.support.quotes import reference_quotes

LIMITS = {"position_size": Decimal(10), "orders_per_minute": Decimal(100_000), "order_notional": Decimal(1_000_000)}
RESTING = {"type": OrderType.LIMIT, "price": "59000"}


class SecondProcess(CellRig):
    """Has the stores and the venue of another process in common, and nothing else."""

    def __init__(self, first: CellRig, **settings: Any) -> None:
        """Stand beside `first`."""
        super().__init__(seed=2, **settings)
        self.first = first
        self.store, self.paper_store = first.store, first.paper_store

    async def _start_below(self) -> None:
        self.writer = await self.system.start(
            StorageWriter, name="writer", store=self.store, clock=self.wall, bus=self.bus
        )
        self.cell = Cell(
            numbers=self.numbers, clock=self.clock, wall=self.wall, ids=self.ids, bus=self.bus, writer=self.writer
        )
        self.paper: Ref[Any] = self.first.paper
        for kind in EVENTS:
            self.first.bus.subscribe(kind, partial(self.bus.publish, key=ACCOUNT), key=ACCOUNT)


async def settle(*rigs: CellRig) -> None:
    """Let both come to rest."""
    for _ in range(3):
        for rig in rigs:
            await rig.settle()


def written_under(store: MemoryFactStore) -> list[int | None]:
    """Note the fence of each unit that is committed from now on."""
    fences: list[int | None] = []
    commit_now = store.commit_now

    def spy(units: Sequence[WriteUnit]) -> list[UnitResult]:
        results = commit_now(units)
        fences.extend(result.unit.fence for result in results if result.answer is not None)
        return results

    store.commit_now = spy  # type: ignore[method-assign]
    return fences


@pytest.mark.asyncio
async def test_a_process_that_lost_its_lease_writes_nothing_and_sends_nothing(make_rig: MakeRig) -> None:
    first = await make_rig(agents=[an_agent()], defaults=LIMITS)
    first.quote("60000", "60001")
    await first.gate.ask(a_place(1, **RESTING))
    await settle(first)
    halted: list[CellHalted] = []
    first.bus.subscribe(CellHalted, halted.append, key=USER)

    second = await SecondProcess(first, agents=[an_agent()], defaults=LIMITS).start()
    before = len(list(first.paper_store.tables.rows(PaperOrderRow)))
    fences = written_under(first.store)
    replies = [first.gate.ask(a_place(number)) for number in range(2, 5)]
    first.gate.tell(CancelOrders(user_id=USER, account_id=ACCOUNT, reason="test"))
    for quote in reference_quotes(300):  # Enough for its agent to cross several times.
        first.tick(quote)
    await settle(first, second)
    assert {message.fence for message in halted} == {1}
    assert 1 not in fences
    orders = list(first.paper_store.tables.rows(PaperOrderRow))
    assert (len(orders), orders[0].state) == (before, "open")
    assert not any(reply.done() and reply._error is None for reply in replies)
    await second.stop()


@pytest.mark.asyncio
async def test_an_order_that_leaves_while_the_lease_changes_hands_is_found_as_one(make_rig: MakeRig) -> None:
    first = await make_rig(defaults=LIMITS)
    first.quote("60000", "60001")
    order_id = OrderId(an_id(7))
    first.gate.tell(a_place(7, **RESTING, intent_key=str(order_id), client_order_id=str(order_id)))
    while not first.rows(OrderRow):  # Committed, and the commit not heard of yet.
        first.system.drain(1)

    second = await SecondProcess(first, defaults=LIMITS).start()
    await settle(first, second)  # The first process sends it, and can store nothing of what comes of it.
    await second.pass_wall(20)
    await settle(first, second)
    assert second.order(order_id).status == "open"
    answer: OrderAnswer = await second.gate.ask(a_place(8, intent_key=str(order_id)))
    assert (answer.order_id, answer.duplicate) == (order_id, True)
    assert len(second.rows(OrderRow)) == 1
    assert violations(second) == []
    await second.stop()
