"""What people are told: an answer is true when it is given, and every command gets exactly one."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.domain.identifiers import OrderId
from engine.domain.kinds import Scope, TradingState
from engine.messages.orders import CancelAnswer, Denial, OrderAnswer
from engine.messages.risk import HaltAnswer
from engine.messages.rows import TradingStateRow
from engine.simulation.probes import DUPLICATE_KEY
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.histories import History, a_cancel, an_order_row, done, working


def an_answer(number: int = 100, **changes: Any) -> OrderAnswer:
    """Return the answer that order `number` is accepted."""
    return OrderAnswer(order_id=OrderId(an_id(number)), **changes)


def a_state(state: str = "halted") -> TradingStateRow:
    """Return the stored state of the user."""
    return TradingStateRow(
        user_id=USER, scope="user", scope_id=USER, state=state, reason="", changed_at=START_NS, changed_by="test"
    )


def test_an_answer_after_the_commit_is_right_and_stays_the_same() -> None:
    history = History()
    promises = history.auditor.promises
    promises.asked(ACCOUNT, "key-100")
    assert promises.open_keys() == ["key-100"]
    history.commit(an_order_row())
    promises.answered("key-100", an_answer())
    promises.asked(ACCOUNT, "key-100")
    promises.answered("key-100", an_answer(duplicate=True))
    assert promises.open_keys() == []
    assert history.broken == []
    assert history.auditor.probes == {DUPLICATE_KEY: 1}


def test_an_answer_before_the_commit_is_found() -> None:
    history = History()
    history.auditor.promises.asked(ACCOUNT, "key-100")
    history.auditor.promises.answered("key-100", an_answer())
    assert history.broken == ["I3"]


def test_two_orders_for_one_key_are_found() -> None:
    history = History()
    history.commit(an_order_row())
    history.auditor.promises.asked(ACCOUNT, "key-100")
    history.auditor.promises.answered("key-100", an_answer())
    history.auditor.promises.answered("key-100", an_answer(101))
    assert "I15" in history.broken


def test_a_command_that_was_never_answered_is_found_at_the_end() -> None:
    history = History()
    history.auditor.promises.asked(ACCOUNT, "key-100")
    assert history.auditor.unsettled() == ["I15: key-100 was never answered"]
    history.auditor.final()
    assert history.broken == ["I15"]
    history.auditor.promises.refused("key-100")
    assert history.auditor.unsettled() == []


def test_a_denial_of_an_order_that_lives_is_found() -> None:
    history = History()
    history.commit(an_order_row())
    denial = Denial(code="position_size", limit="1", value="2")
    history.auditor.promises.asked(ACCOUNT, "key-100")
    history.auditor.promises.answered("key-100", an_answer(denial=denial))
    assert history.broken == ["I15"]


def test_a_cancel_is_stored_when_it_is_answered() -> None:
    history = History()
    order = working(an_order_row())
    history.commit(order)
    answer = CancelAnswer(order_ids=(OrderId(order.id),))
    history.auditor.promises.cancel_answered(CancelAnswer(order_ids=(OrderId(order.id),), durable=False))
    assert history.broken == []
    history.auditor.promises.cancel_answered(answer)
    assert history.broken == ["I3"]
    history.commit(a_cancel(order))
    history.auditor.promises.cancel_answered(answer)
    history.commit(done(order, "cancelled"))
    history.auditor.promises.cancel_answered(answer)
    assert history.broken == ["I3"]


def test_a_halt_that_is_answered_and_not_stored_is_found() -> None:
    history = History()
    history.auditor.promises.halt_answered(Scope.USER, USER, HaltAnswer(state=TradingState.HALTED))
    assert history.broken == ["I12"]


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_halt_holds_over_a_crash_if_it_is_stored(*, is_stored: bool) -> None:
    history = History()
    promises = history.auditor.promises
    if is_stored:
        history.commit(a_state())
    promises.halt_answered(Scope.USER, USER, HaltAnswer(state=TradingState.HALTED, durable=is_stored))
    history.auditor.on_crash("a1")
    assert (promises.halted(USER, ACCOUNT, None) == "user") is is_stored
    promises.resume_asked(Scope.USER, USER)
    assert promises.halted(USER, ACCOUNT, None) is None


def test_an_agent_is_covered_by_its_own_halt_only() -> None:
    history = History()
    promises = history.auditor.promises
    promises.halt_answered(Scope.AGENT, an_id(3), HaltAnswer(state=TradingState.HALTED, durable=False))
    assert promises.halted(USER, ACCOUNT, an_id(3)) == "agent"
    assert promises.halted(USER, ACCOUNT, an_id(4)) is None


def test_room_that_is_not_given_back_is_found() -> None:
    history = History()
    history.auditor.promises.no_room(ACCOUNT, "buy 1 BTC/USDT", "position_size")
    assert history.broken == ["I9"]


def test_what_the_venue_has_counted_and_not_shown_is_reserved_rightly() -> None:
    history = History()
    history.commit(msgspec.structs.replace(done(an_order_row(), "expired"), missing_quantity=Decimal("0.1")))
    history.auditor.promises.no_room(ACCOUNT, "buy 1 BTC/USDT", "position_size")
    assert history.broken == []


@pytest.mark.parametrize("is_asked_before", [True, False])
def test_a_resume_that_is_still_asked_may_lift_a_later_halt(*, is_asked_before: bool) -> None:
    history = History()
    promises = history.auditor.promises
    if is_asked_before:
        promises.resume_asked(Scope.USER, USER)
    history.commit(a_state())
    promises.halt_answered(Scope.USER, USER, HaltAnswer(state=TradingState.HALTED))
    assert promises.halted(USER, ACCOUNT, None) == "user"
    history.commit(msgspec.structs.replace(a_state(), state="active"))
    assert (promises.halted(USER, ACCOUNT, None) is None) is is_asked_before
    if is_asked_before:
        promises.halt_answered(Scope.USER, USER, HaltAnswer(state=TradingState.HALTED))
        assert promises.halted(USER, ACCOUNT, None) is None
        promises.resume_answered(Scope.USER, USER)
        history.commit(a_state())
        promises.halt_answered(Scope.USER, USER, HaltAnswer(state=TradingState.HALTED))
        history.commit(msgspec.structs.replace(a_state(), state="active"))
        assert promises.halted(USER, ACCOUNT, None) == "user"
    assert history.broken == []


@pytest.mark.parametrize("is_at_the_same_time", [True, False])
def test_a_halt_and_a_resume_that_are_asked_together_may_be_answered_in_any_order(*, is_at_the_same_time: bool) -> None:
    history = History()
    promises = history.auditor.promises
    promises.resume_asked(Scope.USER, USER)
    over = promises.halt_asked(Scope.USER, USER)
    promises.resume_answered(Scope.USER, USER)
    if not is_at_the_same_time:
        over = promises.halt_asked(Scope.USER, USER)
    history.commit(a_state("active"))
    promises.halt_answered(Scope.USER, USER, HaltAnswer(state=TradingState.HALTED), over)
    assert history.broken == ([] if is_at_the_same_time else ["I12"])
