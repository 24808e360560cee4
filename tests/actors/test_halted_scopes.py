"""An order of a halted scope that has not left never will; what closes positions may."""

from typing import Any

import pytest

from actors.halted_scopes import HaltObeying
from engine.domain.kinds import Scope, TradingState
from engine.messages.risk import ScopesHalted, ScopeState
from engine.messages.rows import OrderRow
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id


def halted(scope: Scope, scope_id: Any, state: TradingState = TradingState.HALTED) -> ScopesHalted:
    one = ScopeState(scope=scope, scope_id=scope_id, state=state, reason="test", changed_at_ns=0)
    return ScopesHalted(scopes=(one,))


def a_row(**changes: Any) -> OrderRow:
    fields: dict[str, Any] = dict.fromkeys(OrderRow.__struct_fields__)
    return OrderRow(**fields | {"account_id": ACCOUNT, "agent_id": AGENT, "origin": "agent", "send_by": 10} | changes)


@pytest.mark.parametrize(
    ("message", "holds"),
    [
        (halted(Scope.ENGINE, USER), True),
        (halted(Scope.USER, USER), True),
        (halted(Scope.ACCOUNT, ACCOUNT), True),
        (halted(Scope.AGENT, AGENT), True),
        (halted(Scope.ACCOUNT, an_id(77)), False),
        (halted(Scope.AGENT, an_id(77)), False),
        (halted(Scope.USER, USER, TradingState.REDUCING), False),
        (ScopesHalted(scopes=()), False),
    ],
)
def test_a_halt_holds_back_the_orders_of_its_scope(message: ScopesHalted, holds: bool) -> None:
    actor = HaltObeying()
    actor.on_scopes_halted(message)
    assert actor.is_halted(a_row()) is holds
    assert not actor.is_halted(a_row(origin="system"))
    assert actor.why_unsendable(a_row(), 10) == ("trading_halted" if holds else None)


def test_an_order_that_is_too_old_is_held_back_for_that() -> None:
    actor = HaltObeying()
    assert actor.why_unsendable(a_row(), START_NS) == "expired_before_send"
    assert actor.why_unsendable(a_row(send_by=None), START_NS) is None
