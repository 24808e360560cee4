"""Agents' targets become orders; state, signal and intent are one unit; one agent's failure is nobody else's."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.agents.trend_follower import TrendFollower
from engine.domain.errors import NotReady
from engine.domain.identifiers import AgentId, CorrelationId
from engine.domain.kinds import AgentStatus, OrderType, SignalAction
from engine.messages.cell import ConfigureAgent
from engine.messages.market import QuoteTick
from engine.messages.rows import AgentRow, OrderRow, SignalRow
from engine.messages.rows_people import ReplayPositionRow
from engine.messages.signals import AgentAnswer, AgentDecided, PauseAgent, Signal, StartAgent, StopAgent
from engine.messages.writing import StoreStatus
from tests.actors.conftest import MakeRig
from tests.support.cell import CellRig, an_agent
from tests.support.cell_builders import AGENT, START_NS, USER, a_place, a_record, an_id
from tests.support.quotes import reference_quotes

D = Decimal
OTHER = AgentId(an_id(33))


def idle(number: int = 3, **changes: Any) -> AgentRow:
    """Return an agent that waits for bars, so that only the test speaks for it."""
    return an_agent(number=number, configuration={"source": "bars", "fast": 2, "slow": 3}, **changes)


def decided(target: str, key: str = "bar:1", agent: AgentId = AGENT, *more: Signal, **changes: Any) -> AgentDecided:
    fields: dict[str, Any] = {
        "agent_id": agent,
        "signals": (a_signal(target), *more),
        "state": {"seen": key},
        "input_position": 0,
        "input_key": key,
        "decided_at_ns": START_NS,
        "correlation_id": CorrelationId(an_id(8_000 + hash(key) % 1_000)),
    }
    return AgentDecided(**fields | changes)


def a_signal(target: str, leg: str = "") -> Signal:
    return Signal(
        symbol="BTC/USDT:USDT",
        venue="binance",
        action=SignalAction.BUY,
        target=D(target),
        strength=D(50),
        confidence=D("0.5"),
        price=D(60_000),
        reasoning="test",
        leg=leg,
    )


async def started(make_rig: MakeRig, *agents: AgentRow, **settings: Any) -> CellRig:
    rig = await make_rig(agents=agents or (idle(),), **settings)
    rig.quote("60000", "60001")
    return rig


async def say(rig: CellRig, message: AgentDecided) -> None:
    rig.coordinator.tell(message)
    await rig.settle()


def stored(rig: CellRig, agent: AgentId = AGENT) -> dict[str, Any]:
    found: dict[str, Any] = rig.store.tables.get(AgentRow, agent) or {}
    return found


def quantities(rig: CellRig) -> list[tuple[str, Decimal]]:
    return [(row.side, row.quantity) for row in rig.rows(OrderRow)]


# --- Sizing ----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_what_is_missing_to_the_target_is_ordered(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    await say(rig, decided("0.010", "bar:1"))
    await say(rig, decided("-0.010", "bar:2"))
    await say(rig, decided("0", "bar:3"))
    assert quantities(rig) == [("buy", D("0.010")), ("sell", D("0.020")), ("buy", D("0.010"))]
    assert rig.size() == D(0)


@pytest.mark.asyncio
async def test_an_order_that_has_not_filled_yet_is_not_ordered_again(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    rig.coordinator.tell(decided("0.010", "bar:1"))
    rig.coordinator.tell(decided("0.010", "bar:2"))
    await rig.settle()
    assert quantities(rig) == [("buy", D("0.010"))]
    assert len(rig.rows(SignalRow)) == 2


@pytest.mark.asyncio
async def test_a_denied_order_does_not_count_as_on_its_way(make_rig: MakeRig) -> None:
    rig = await started(make_rig, defaults={"order_notional": D(700)})
    await say(rig, decided("0.020", "bar:1"))
    await say(rig, decided("0.010", "bar:2"))
    assert [row.status for row in rig.rows(OrderRow)] == ["rejected", "filled"]
    assert rig.size() == D("0.010")


@pytest.mark.asyncio
async def test_agents_hold_their_own_positions_in_one_account(make_rig: MakeRig) -> None:
    rig = await started(make_rig, idle(), idle(33))
    await say(rig, decided("0.010", "bar:1"))
    await say(rig, decided("-0.030", "bar:1", OTHER))
    await say(rig, decided("0", "bar:2"))
    assert quantities(rig) == [("buy", D("0.010")), ("sell", D("0.030")), ("sell", D("0.010"))]
    assert rig.size() == D("-0.030")


@pytest.mark.asyncio
async def test_an_allocation_bounds_the_position(make_rig: MakeRig) -> None:
    rig = await started(make_rig, idle(allocation=D(600)))
    await say(rig, decided("1"))
    assert quantities(rig) == [("buy", D("0.010"))]


# --- Units -----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_state_signal_and_intent_are_one_unit(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    before = rig.numbers.last
    rig.coordinator.tell(decided("0.010", input_position=12))
    while not rig.rows(OrderRow):
        rig.system.drain(1)
    assert rig.numbers.last == before + 1
    (signal,) = rig.rows(SignalRow)
    (order,) = rig.rows(OrderRow)
    assert (order.signal_id, order.agent_id) == (signal.id, AGENT)
    assert stored(rig)["state"] == {"seen": "bar:1", "session": ""}
    assert stored(rig)["input_position"] == 12
    assert [row.frame for row in rig.rows(ReplayPositionRow)] == [12]
    await rig.settle()


@pytest.mark.asyncio
async def test_the_slowest_agent_says_from_where_a_restart_reads(make_rig: MakeRig) -> None:
    rig = await started(make_rig, idle(), idle(33))
    await say(rig, decided("0.010", "bar:1", input_position=50))
    await say(rig, decided("0.010", "bar:1", OTHER, input_position=20))
    assert [row.frame for row in rig.rows(ReplayPositionRow)] == [20]


@pytest.mark.asyncio
async def test_the_intent_key_follows_from_agent_version_session_and_input(make_rig: MakeRig) -> None:
    rig = await started(make_rig, session="day-1")
    await say(rig, decided("0.010", "bar:7"))
    (order,) = rig.rows(OrderRow)
    assert order.intent_key == f"{AGENT}:1:day-1:bar:7:"


@pytest.mark.asyncio
async def test_the_same_decision_after_a_restart_is_the_same_order(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    await say(rig, decided("0.010", "bar:1"))
    await rig.crash()
    await rig.start()
    rig.quote("60000", "60001")
    await say(rig, decided("0.020", "bar:1"))  # Told again, and sized differently by what has filled meanwhile.
    assert quantities(rig) == [("buy", D("0.010"))]
    await say(rig, decided("0.020", "bar:2"))
    assert quantities(rig) == [("buy", D("0.010")), ("buy", D("0.010"))]


@pytest.mark.asyncio
async def test_several_legs_of_one_decision_are_several_orders_and_the_last_holds_the_state(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    await say(rig, decided("0.010", "bar:1", AGENT, a_signal("0.030", leg="second")))
    assert quantities(rig) == [("buy", D("0.010")), ("buy", D("0.020"))]
    assert [row.intent_key[-7:] for row in rig.rows(OrderRow)] == [":bar:1:", ":second"]
    assert stored(rig)["state"]["seen"] == "bar:1"


@pytest.mark.asyncio
async def test_state_without_a_signal_is_stored_too(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    await say(rig, decided("0", "bar:4", signals=()))
    assert stored(rig)["state"]["seen"] == "bar:4"
    assert rig.rows(OrderRow) == []


# --- Commands --------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_paused_agent_reads_on_and_orders_nothing(make_rig: MakeRig) -> None:
    rig = await make_rig(agents=[an_agent()])
    answer = await rig.coordinator.ask(PauseAgent(user_id=USER, agent_id=AGENT, record=a_record()))
    assert answer == AgentAnswer(agent_id=AGENT, status=AgentStatus.PAUSED)
    for quote in reference_quotes(1_500):
        rig.tick(quote)
    assert rig.rows(OrderRow) == []
    assert stored(rig)["state"]["averages"]["BTC/USDT:USDT"][0] == 1_000
    await rig.coordinator.ask(StartAgent(user_id=USER, agent_id=AGENT))
    await rig.settle()
    rig.quote("70000", "70001")
    await rig.settle()
    assert len(rig.rows(OrderRow)) == 1
    assert rig.kinds("agents") == ["AgentPaused", "AgentStarted"]


@pytest.mark.asyncio
async def test_a_stopped_agents_orders_are_cancelled_and_its_position_stays(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    await say(rig, decided("0.010", "bar:1"))
    await rig.gate.ask(a_place(1, type=OrderType.LIMIT, price="59000", agent_id=AGENT))
    await rig.settle()
    answer = await rig.coordinator.ask(StopAgent(user_id=USER, agent_id=AGENT))
    assert answer.status is AgentStatus.INACTIVE
    await rig.settle()
    assert [row.status for row in rig.rows(OrderRow)] == ["filled", "cancelled"]
    assert rig.size() == D("0.010")
    await say(rig, decided("0", "bar:2"))
    assert len(rig.rows(OrderRow)) == 2
    assert stored(rig)["status"] == "inactive"


@pytest.mark.asyncio
async def test_an_agent_that_is_not_there_is_not_found(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    assert (await rig.coordinator.ask(StartAgent(user_id=USER, agent_id=OTHER))).reason == "not_found"


@pytest.mark.asyncio
async def test_commands_are_refused_while_the_database_is_away(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    with pytest.raises(NotReady):
        await rig.coordinator.ask(StopAgent(user_id=USER, agent_id=AGENT))


@pytest.mark.asyncio
async def test_an_agent_is_created_and_changed_by_its_configuration(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    row = an_agent(number=33)
    answer = await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=row, record=a_record()))
    assert answer == AgentAnswer(agent_id=OTHER, status=AgentStatus.ACTIVE)
    for quote in reference_quotes(200):
        rig.tick(quote)
    first = len(rig.rows(OrderRow))
    assert first > 0
    assert stored(rig, OTHER)["name"] == row.name
    slower = msgspec.structs.replace(row, configuration={**row.configuration, "slow": 9_000})
    await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=slower, version=2))
    for quote in reference_quotes(200, seed=7):
        rig.tick(quote)
    assert len(rig.rows(OrderRow)) == first


@pytest.mark.asyncio
async def test_new_parameters_are_a_new_version_and_make_other_intent_keys(make_rig: MakeRig) -> None:
    rig = await started(make_rig)
    row = an_agent(number=33)
    await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=row))
    await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=msgspec.structs.replace(row, status="paused")))
    assert stored(rig, OTHER).get("version") in (None, 1), "it still decides by the same"
    faster = msgspec.structs.replace(row, configuration={**row.configuration, "fast": 9})
    await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=faster))
    assert stored(rig, OTHER)["version"] == 2
    await rig.crash()
    await rig.start()
    for quote in reference_quotes(200):
        rig.tick(quote)
    keys = [order.intent_key for order in rig.rows(OrderRow) if order.agent_id == OTHER]
    assert keys
    assert all(key.startswith(f"{OTHER}:2:") for key in keys)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"configuration": {"fast": 9, "slow": 3}}, "fast"),
        ({"agent_type": "oracle"}, "type"),
        ({"symbols": ("DOGE/USDT",)}, "symbols"),
        ({"account_id": an_id(4711)}, "account_id"),
    ],
)
@pytest.mark.asyncio
async def test_a_wrong_configuration_is_refused_with_its_reason(
    make_rig: MakeRig, change: dict[str, Any], reason: str
) -> None:
    rig = await started(make_rig)
    row = msgspec.structs.replace(an_agent(number=33), **change)
    answer = await rig.coordinator.ask(ConfigureAgent(user_id=USER, agent=row))
    assert answer.status is None
    assert answer.reason.startswith(reason)
    assert stored(rig, OTHER) == {}


# --- Failure ---------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_agent_that_fails_is_marked_and_the_others_go_on(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: TrendFollower, quote: QuoteTick) -> None:
        if self.setup.agent_id == OTHER:
            raise RuntimeError("it does not add up")
        return healthy(self, quote)  # type: ignore[return-value]

    healthy = TrendFollower.on_quote
    monkeypatch.setattr(TrendFollower, "on_quote", broken)
    rig = await make_rig(agents=[an_agent(), an_agent(number=33)])
    for quote in reference_quotes(500):
        rig.tick(quote)
    await rig.settle()
    assert (stored(rig, OTHER)["status"], stored(rig)["status"]) == ("error", "active")
    assert "it does not add up" in stored(rig, OTHER)["status_reason"]
    assert rig.kinds("agents") == ["AgentFailed"]
    assert {row.agent_id for row in rig.rows(OrderRow)} == {AGENT}
    monkeypatch.setattr(TrendFollower, "on_quote", healthy)
    answer = await rig.coordinator.ask(StartAgent(user_id=USER, agent_id=OTHER))
    assert answer.status is AgentStatus.ACTIVE


@pytest.mark.asyncio
async def test_an_agent_whose_stored_parameters_are_wrong_is_marked_at_start(make_rig: MakeRig) -> None:
    rig = await started(make_rig, an_agent(configuration={"fast": 50, "slow": 3}))
    await rig.settle()
    assert stored(rig)["status"] == "error"
    assert "fast" in stored(rig)["status_reason"]


# --- Restart ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill_after", [150, 333, 777])
@pytest.mark.asyncio
async def test_a_replay_that_is_killed_ends_as_one_that_is_not(make_rig: MakeRig, kill_after: int) -> None:
    rig = await make_rig(agents=[an_agent()], session="day-1")
    for quote in reference_quotes(kill_after, numbered=True):
        rig.tick(quote)
    await rig.crash()
    await rig.start()
    for quote in reference_quotes(2_000, numbered=True):
        rig.tick(quote)
        await rig.settle() if quote.frame in (kill_after, kill_after + 1) else None
    whole = await make_rig(agents=[an_agent()], session="day-1")
    for quote in reference_quotes(2_000, numbered=True):
        whole.tick(quote)
    assert [row.intent_key for row in rig.rows(OrderRow)] == [row.intent_key for row in whole.rows(OrderRow)]
    assert (rig.total(), rig.size()) == (whole.total(), whole.size())
