"""A halt stands over the executors of its scope, and over a restart."""

from typing import Any
from uuid import UUID

import pytest

from actors.executors.halts import Halts
from actors.executors.running import Running
from engine.domain.instrument import Instrument
from engine.domain.kinds import Scope, TradingState
from engine.messages.risk import ScopesHalted, ScopeState
from engine.messages.rows import TradingStateRow
from engine.messages.rows_halts import HaltRow
from tests.support.cell_builders import START_NS, USER, an_id
from tests.support.plan_bench import PlanBench


def a_running(instrument: Instrument) -> Running:
    return PlanBench("chase", {"side": "buy", "quantity": "1"}, instrument).running


def a_scope(scope: Scope, scope_id: UUID | None, state: TradingState = TradingState.HALTED, **more: Any) -> ScopeState:
    return ScopeState(scope=scope, scope_id=scope_id, state=state, reason="test", changed_at_ns=START_NS, **more)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (a_scope(Scope.USER, USER), ("paused", "halted: test")),
        (a_scope(Scope.ENGINE, USER), ("paused", "halted: test")),
        (a_scope(Scope.ACCOUNT, UUID(int=3)), ("paused", "halted: test")),
        (a_scope(Scope.ACCOUNT, UUID(int=4)), None),
        (a_scope(Scope.AGENT, UUID(int=5)), None),
        (a_scope(Scope.USER, USER, TradingState.REDUCING), ("paused", "halted: test")),
        (a_scope(Scope.USER, USER, flatten=True), ("stopping", "halted and closed: test")),
    ],
)
def test_what_a_halt_asks_of_an_executor(state: ScopeState, expected: tuple[str, str] | None, spot: Instrument) -> None:
    halts = Halts()
    halts.learn(ScopesHalted(scopes=(state,)))
    running = a_running(spot)
    assert halts.status_for(running) == expected
    assert halts.forbids(running) is (expected is not None and state.state is TradingState.HALTED)


def test_of_several_the_one_that_closes_counts(spot: Instrument) -> None:
    halts = Halts()
    closing = a_scope(Scope.ACCOUNT, UUID(int=3), flatten=True)
    halts.learn(ScopesHalted(scopes=(a_scope(Scope.USER, USER), closing)))
    assert halts.of(a_running(spot)) == closing


@pytest.mark.parametrize(("halt_state", "expected"), [("proven", "stopping"), ("lifted", "paused")])
def test_what_is_stored_holds_over_a_restart(halt_state: str, expected: str, spot: Instrument) -> None:
    state = TradingStateRow(
        user_id=USER, scope="user", scope_id=USER, state="halted", reason="test", changed_at=START_NS, changed_by="me"
    )
    halt = HaltRow(
        id=an_id(7), user_id=USER, scope="user", scope_id=USER, reason="test", flatten=True, state=halt_state,
        requested_by="me", requested_at=START_NS, updated_at=START_NS, report={},
    )  # fmt: skip
    ordered = Halts([state], [halt]).status_for(a_running(spot))
    assert ordered is not None
    assert ordered[0] == expected
