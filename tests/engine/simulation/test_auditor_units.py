"""How units are committed: one owner, each once and in order, a journal without hole or repeat."""

from engine.messages.ports import UnitResult
from tests.support.cell_builders import USER, an_id
from tests.support.histories import History, an_order_row


def test_units_in_order_under_rising_fences_are_right() -> None:
    history = History()
    history.commit(events=[history.event(), history.event("trades"), history.event()])
    history.commit(events=[history.event("trades")])
    history.commit(n=1, fence=2, process="a2")
    assert history.broken == []
    assert history.auditor.units.fence(USER) == 2
    assert history.auditor.units.events == 4


def test_a_unit_under_an_older_fence_is_found() -> None:
    history = History()
    history.commit(n=1, fence=2, process="a2")
    history.commit(n=1, fence=1)
    assert history.broken[0] == "I10"


def test_one_fence_in_two_processes_is_found() -> None:
    history = History()
    history.commit()
    history.commit(process="b1")
    assert history.broken == ["I10"]


def test_a_hole_between_units_is_found() -> None:
    history = History()
    history.commit()
    history.commit(n=3)
    assert history.broken == ["U1"]


def test_a_repeat_after_a_lost_answer_is_right_and_counted_once() -> None:
    history = History()
    result = history.result(an_order_row(), events=[history.event()])
    history.auditor.on_commit("a1", [result])
    history.auditor.on_commit("a1", [result])
    assert history.broken == []
    assert history.auditor.probes["a commit repeated after a lost answer"] == 1


def test_a_unit_that_is_numbered_anew_when_repeated_is_found() -> None:
    history = History()
    history.commit(events=[history.event()], unit_id=an_id(1))
    history.commit(events=[history.event()], unit_id=an_id(1), n=1)
    assert history.broken == ["U1"]


def test_a_hole_in_the_journal_is_found() -> None:
    history = History()
    history.commit(events=[history.event()])
    history.seq += 1
    history.commit(events=[history.event()])
    assert history.broken == ["J1"]


def test_a_wrong_prev_is_found() -> None:
    history = History()
    history.commit(events=[history.event(), history.event(prev=0)])
    assert history.broken == ["J1"]


def test_a_refused_unit_changes_nothing() -> None:
    history = History()
    unit = history.result(an_order_row()).unit
    history.auditor.on_commit("a1", [UnitResult(unit=unit, answer=None, refused="fenced")])
    assert history.auditor.orders.rows == {}
    assert history.auditor.probes == {"a unit of a fenced cell refused": 1}
