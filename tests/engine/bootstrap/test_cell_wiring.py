"""A cell is wired from what the database holds; one that cannot be wired leaves no actor behind."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pykka
import pytest
import pytest_asyncio

from actors.reconciler import Reconciler
from engine.bootstrap import cell_wiring
from engine.bootstrap.cell_wiring import OPEN_TIMEOUT_S, Wired, wire_cell
from engine.domain.identifiers import UserId
from engine.domain.kinds import OrderType
from engine.messages.load import CellState
from engine.messages.orders import OrderAnswer, PlaceOrder
from engine.messages.venues import CannotTell
from engine.messages.writing import CommandRecord
from engine.runtime.actor import AsyncioActor
from tests.support.cell_builders import a_record, an_intent
from tests.support.host import Ground, a_ground
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def ground(pg_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[Ground]:
    async with a_ground(pg_database, tmp_path) as found:
        yield found


async def state_of(ground: Ground) -> tuple[UserId, CellState]:
    (user_id,) = await ground.users()
    state = await ground.stores.loader.cell(user_id)
    assert state is not None
    return user_id, state


async def wire(ground: Ground) -> tuple[UserId, CellState, Wired]:
    user_id, state = await state_of(ground)
    fence = await ground.stores.leases.acquire(user_id)
    assert fence is not None
    return user_id, state, await wire_cell(ground.ports(), user_id, fence, state, {"open_orders": Decimal(1)})


async def test_the_actors_of_a_cell_start_from_the_ledger_up(ground: Ground) -> None:
    _, state, wired = await wire(ground)
    kinds = [str(ref.name).partition("/")[0] for ref in wired.actors]
    assert kinds == ["ledger", "router", "gate", "coordinator", "executors", "reconciler"]
    assert wired.accounts == (state.accounts[0].row.id,)
    await ground.compared()


def a_place(ground: Ground, user_id: UserId, wired: Wired, number: int) -> PlaceOrder:
    """An order of the user that rests; `number` makes its id and keys."""
    audit = msgspec.structs.replace(a_record().audit, id=ground.ids.uuid(), user_id=user_id, actor_id=None)
    intent = an_intent(
        number, user_id=user_id, account_id=wired.accounts[0], venue=ground.market.venue, symbol="BTC/USDT",
        type=OrderType.LIMIT, quantity="0.01", price="60000",
    )  # fmt: skip
    return PlaceOrder(intent=intent, record=CommandRecord(audit=audit))


async def test_default_limits_reach_the_gate_and_orders_the_next_life(ground: Ground) -> None:
    user_id, _, wired = await wire(ground)
    await ground.compared()
    await ground.quote("61000", "61001")
    first: OrderAnswer = await wired.gate.ask(a_place(ground, user_id, wired, 1))
    assert first.denial is None
    await ground.rest()
    second: OrderAnswer = await wired.gate.ask(a_place(ground, user_id, wired, 2))
    assert second.denial is not None
    assert second.denial.code == "open_orders"
    for ref in reversed(wired.actors):
        await ref.stop()

    user_id, state, again = await wire(ground)
    assert again.fence == wired.fence + 1
    await ground.until(lambda: ground.reason("account:") is None, "reconciliation")
    repeated: OrderAnswer = await again.gate.ask(a_place(ground, user_id, again, 1))
    assert (repeated.duplicate, repeated.order_id) == (True, first.order_id)
    assert [load.row.id for load in state.accounts[0].orders] == [first.order_id]


async def test_an_account_at_a_venue_that_does_not_run_is_left_alone(ground: Ground) -> None:
    user_id, state = await state_of(ground)
    (account,) = state.accounts
    elsewhere = msgspec.structs.replace(
        state, accounts=(msgspec.structs.replace(account, row=msgspec.structs.replace(account.row, exchange="mars")),)
    )
    fence = await ground.stores.leases.acquire(user_id)
    assert fence is not None
    wired = await wire_cell(ground.ports(), user_id, fence, elsewhere, {})
    assert [str(ref.name).partition("/")[0] for ref in wired.actors] == ["gate", "coordinator", "executors"]
    assert wired.accounts == ()
    assert ground.reason("account:") == "venue mars does not run here"
    assert ground.readiness.is_ready, "it does not hold the engine back"


class AwayVenue(AsyncioActor):
    """A connector whose venue is away; what is asked of it is kept."""

    def __init__(self, asked: list[Any]) -> None:
        super().__init__()
        self._asked = asked

    def on_receive(self, message: Any) -> Any:
        self._asked.append(message)
        return CannotTell(why="nobody listens")


@pytest.mark.parametrize(("mode", "given"), [("paper", {"USDT": Decimal(100_000), "BTC": Decimal(1)}), ("live", {})])
async def test_a_venue_that_is_away_keeps_no_cell_from_starting(
    ground: Ground, mode: str, given: dict[str, Any]
) -> None:
    asked: list[Any] = []
    away = await ground.system.start(AwayVenue, asked, name="away")
    user_id, state = await state_of(ground)
    (account,) = state.accounts
    account = msgspec.structs.replace(account, row=msgspec.structs.replace(account.row, mode=mode))
    fence = await ground.stores.leases.acquire(user_id)
    assert fence is not None
    ports = ground.ports(connectors={ground.market.venue: away})
    wired = await wire_cell(ports, user_id, fence, msgspec.structs.replace(state, accounts=(account,)), {})
    assert wired.capabilities == {ground.market.venue: None}
    assert "nobody listens" in str(ground.reason("account:"))
    assert ground.readiness.is_ready, "an account does not hold the engine back"
    assert (asked[0].kind, asked[0].starting_balances) == ("spot", given)


async def test_a_venue_that_does_not_answer_keeps_no_cell_from_starting(ground: Ground) -> None:
    asked: list[Any] = []

    class Silent(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            asked.append(message)
            return self.new_future()

    silent = await ground.system.start(Silent, name="silent")
    user_id, state = await state_of(ground)
    fence = await ground.stores.leases.acquire(user_id)
    assert fence is not None
    ports = ground.ports(connectors={ground.market.venue: silent})
    wiring = asyncio.ensure_future(wire_cell(ports, user_id, fence, state, {}))
    await ground.until(lambda: bool(asked), "question")
    await ground.pass_time(OPEN_TIMEOUT_S)
    await ground.until(wiring.done, "cell")
    assert "the venue does not answer" in str(ground.reason("account:"))
    assert (await wiring).capabilities == {ground.market.venue: None}


async def test_a_cell_that_cannot_be_wired_leaves_no_actor_behind(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NeverStarts(Reconciler):
        def on_start(self) -> None:
            raise RuntimeError("no")

    monkeypatch.setattr(cell_wiring, "Reconciler", NeverStarts)
    before = set(pykka.ActorRegistry.get_all())
    with pytest.raises(RuntimeError, match="no"):
        await wire(ground)
    assert set(pykka.ActorRegistry.get_all()) == before
