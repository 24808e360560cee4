from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from actors.agent_runner import AgentEnded, AgentRunner
from actors.cell import AgentLoad, AgentPosition, Cell
from engine.domain.errors import BadInput
from engine.domain.identifiers import AgentId
from engine.domain.kinds import AgentStatus
from engine.messages.market import QuoteTick
from engine.messages.writing import UnitNumbers
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.support.cell import an_agent
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id
from tests.support.domain import a_perpetual
from tests.support.quotes import reference_quotes

D = Decimal
PERPETUAL = a_perpetual()


class Listener(AsyncioActor):
    """Takes the place of the coordinator."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self._heard = heard

    def on_receive(self, message: Any) -> None:
        self._heard.append(message)


class Floor:
    def __init__(self) -> None:
        self.heard: list[Any] = []
        clock = VirtualClock(START_NS)
        self.bus = Bus()
        ids = Ids(clock, seeded_rng(1))
        writer: Any = None
        self.cell = Cell(
            numbers=UnitNumbers(USER, 1, ids), clock=clock, wall=clock, ids=ids, bus=self.bus, writer=writer
        )
        self.system = ActorSystem(clock=clock, ids=ids)

    async def start(self, session: str = "") -> "Floor":
        listener: Ref[Any] = await self.system.start(Listener, self.heard)
        self.runner = AgentRunner(
            cell=self.cell,
            coordinator=listener,
            instruments={(PERPETUAL.venue, PERPETUAL.symbol): PERPETUAL},
            venues={ACCOUNT: PERPETUAL.venue},
            session=session,
        )
        return self


@pytest_asyncio.fixture
async def floor() -> AsyncIterator[Floor]:
    made = await Floor().start()
    yield made
    await made.system.stop_all()


@pytest.mark.asyncio
async def test_an_agent_reads_the_market_until_it_is_halted(floor: Floor) -> None:
    slot = floor.runner.add(AgentLoad(row=an_agent()))
    assert floor.runner.launch(slot, floor.system) is None
    await floor.system.idle()
    key = (PERPETUAL.venue, PERPETUAL.symbol)
    assert floor.bus.subscribers(QuoteTick, key) == 1
    for quote in reference_quotes(100):
        floor.bus.publish(quote, key)
    await floor.system.idle()
    assert floor.heard
    floor.runner.halt(slot)
    await floor.system.idle()
    assert floor.bus.subscribers(QuoteTick, key) == 0


@pytest.mark.asyncio
async def test_the_end_of_a_failed_agent_is_told_with_its_generation(floor: Floor) -> None:
    slot = floor.runner.add(AgentLoad(row=an_agent()))
    floor.runner.launch(slot, floor.system)
    assert slot.ref is not None
    slot.ref.tell("nonsense")
    await floor.system.idle()
    (ended,) = floor.heard
    assert isinstance(ended, AgentEnded)
    assert (ended.agent_id, ended.generation) == (AGENT, 1)


@pytest.mark.asyncio
async def test_a_wrong_configuration_is_a_status(floor: Floor) -> None:
    slot = floor.runner.add(AgentLoad(row=an_agent(configuration={"quantity": "0"})))
    reason = floor.runner.launch(slot, floor.system)
    assert reason is not None
    assert reason.startswith("quantity")
    assert slot.status is AgentStatus.ERROR


@pytest.mark.asyncio
async def test_state_of_another_session_is_dropped(floor: Floor) -> None:
    same = AgentLoad(row=an_agent(), state={"session": ""}, input_position=5)
    other = AgentLoad(row=an_agent(number=33), state={"session": "day-1"}, input_position=5)
    assert floor.runner.add(same).input_position == 5
    assert (floor.runner.add(other).state, floor.runner.slots[AgentId(an_id(33))].input_position) == (None, 0)


@pytest.mark.asyncio
async def test_an_agent_holds_what_it_held(floor: Floor) -> None:
    held = AgentPosition(symbol=PERPETUAL.symbol, size=D("-0.2"), average_price=D(50_000))
    slot = floor.runner.add(AgentLoad(row=an_agent(), positions=(held,)))
    assert slot.holding.foreseen(PERPETUAL.symbol) == D("-0.2")


@pytest.mark.asyncio
async def test_accounts_and_symbols_must_exist(floor: Floor) -> None:
    floor.runner.require_known(an_agent())
    with pytest.raises(BadInput, match="symbols"):
        floor.runner.require_known(an_agent(symbols=("DOGE/USDT",)))
    with pytest.raises(BadInput, match="account_id"):
        floor.runner.require_known(an_agent(account_id=an_id(99)))
