from uuid import UUID

import pytest

from actors.trading_states import TradingStates
from engine.domain.kinds import Scope, TradingState
from engine.messages.risk import ScopeState
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id

HALTED, REDUCING, ACTIVE = TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE


def a_state(scope: Scope, scope_id: UUID | None, state: TradingState = HALTED) -> ScopeState:
    return ScopeState(scope=scope, scope_id=scope_id, state=state, reason="because", changed_at_ns=START_NS)


def the_state(states: TradingStates, agent: bool = True) -> TradingState:
    found = states.of(ACCOUNT, AGENT if agent else None)
    return ACTIVE if found is None else found.state


@pytest.mark.parametrize(
    ("scope", "scope_id"),
    [(Scope.ENGINE, None), (Scope.USER, None), (Scope.ACCOUNT, ACCOUNT), (Scope.AGENT, AGENT)],
)
def test_a_halt_covers_everything_in_its_scope(scope: Scope, scope_id: UUID | None) -> None:
    states = TradingStates(USER, ())
    states.set(a_state(scope, scope_id))
    assert the_state(states) is HALTED


def test_a_halted_agent_leaves_the_others_alone() -> None:
    states = TradingStates(USER, ())
    states.set(a_state(Scope.AGENT, AGENT))
    assert the_state(states, agent=False) is ACTIVE


def test_the_strictest_state_counts() -> None:
    states = TradingStates(USER, ())
    states.set(a_state(Scope.USER, None, REDUCING))
    states.set(a_state(Scope.ACCOUNT, ACCOUNT, HALTED))
    assert the_state(states) is HALTED
    states.set(a_state(Scope.ACCOUNT, ACCOUNT, ACTIVE))
    assert the_state(states) is REDUCING


def test_resuming_a_user_does_not_resume_its_halted_account() -> None:
    states = TradingStates(USER, ())
    states.set(a_state(Scope.USER, None))
    states.set(a_state(Scope.ACCOUNT, ACCOUNT))
    states.set(a_state(Scope.USER, None, ACTIVE))
    assert the_state(states) is HALTED


def test_states_come_back_from_their_rows() -> None:
    states = TradingStates(USER, ())
    rows = [states.row(a_state(Scope.USER, None), "me"), states.row(a_state(Scope.AGENT, AGENT, REDUCING), "me")]
    again = TradingStates(USER, rows)
    assert the_state(again) is HALTED
    assert [state.scope for state in again.all()] == [Scope.USER, Scope.AGENT]
    assert rows[0].scope_id == USER


def test_a_change_that_nobody_ordered_is_audited_too() -> None:
    states = TradingStates(USER, ())
    ids = Ids(VirtualClock(), seeded_rng(1))
    row = states.row(a_state(Scope.ACCOUNT, an_id(9)), "system")
    audit = states.audit(row, ids, START_NS)
    assert (audit.action, audit.object_type, audit.object_id) == ("halt", "account", str(an_id(9)))
    resumed = states.row(a_state(Scope.ACCOUNT, an_id(9), ACTIVE), "system")
    assert states.audit(resumed, ids, START_NS).action == "resume"
