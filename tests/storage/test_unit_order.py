import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.identifiers import UserId
from engine.messages.writing import WriteUnit
from storage.unit_order import HELD_MAX, UnitOrder, highest_numbers
from tests.support.units import UnitMaker

MAKE = UnitMaker()
USER = UserId(MAKE.id())
OTHER = UserId(MAKE.id())


def a_unit(n: int | None, fence: int | None = 1, user: UserId = USER) -> WriteUnit:
    return MAKE.unit(user, n=n, fence=fence)


def numbers(units: list[WriteUnit]) -> list[int | None]:
    return [unit.n for unit in units]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_units_come_out_in_the_order_of_their_numbers(users: list[int], random: st.DrawFn) -> None:
    ids = [UserId(MAKE.id()) for _ in range(3)]
    counts = dict.fromkeys(ids, 0)
    units = []
    for index in users:
        counts[ids[index]] += 1
        units.append(a_unit(counts[ids[index]], user=ids[index]))
    random.shuffle(units)  # type: ignore[attr-defined]
    order = UnitOrder()
    out: list[WriteUnit] = []
    for unit in units:
        ready, halted = order.take(unit, 0)
        assert halted is None
        out.extend(ready)
    assert not order.has_holes
    for user_id in ids:
        assert [unit.n for unit in out if unit.user_id == user_id] == list(range(1, counts[user_id] + 1))


@given(st.permutations(range(1, 9)), st.integers(1, 8))
def test_nothing_behind_a_hole_comes_out(arrival: list[int], missing: int) -> None:
    order = UnitOrder()
    out: list[WriteUnit] = []
    for n in arrival:
        if n != missing:
            out.extend(order.take(a_unit(n), 0)[0])
    assert numbers(out) == list(range(1, missing))
    assert order.has_holes == (missing < 8)


def test_units_without_a_number_pass_at_once() -> None:
    order = UnitOrder()
    order.take(a_unit(2), 0)
    unit = a_unit(None, None)
    assert order.take(unit, 0) == ([unit], None)


def test_a_hole_ends_its_cell_when_it_stays_too_long() -> None:
    order = UnitOrder()
    held = a_unit(2)
    order.take(held, 100)
    assert order.overdue(109, 10) == []
    [halted] = order.overdue(110, 10)
    assert (halted.reason, halted.fence, halted.units, halted.is_new) == ("crashed", 1, (held,), True)
    assert not order.has_holes


def test_a_second_hole_waits_for_its_own_time() -> None:
    order = UnitOrder()
    order.take(a_unit(2), 0)
    order.take(a_unit(4), 5)
    assert numbers(order.take(a_unit(1), 8)[0]) == [1, 2]
    assert order.overdue(10, 10) == []
    assert len(order.overdue(18, 10)) == 1


def test_a_later_fence_begins_at_one_and_drops_what_waited() -> None:
    order = UnitOrder()
    held = a_unit(3)
    order.take(held, 0)
    ready, halted = order.take(a_unit(1, fence=2), 0)
    assert numbers(ready) == [1]
    assert halted is not None
    assert (halted.reason, halted.units, halted.is_new) == ("fenced", (held,), False)
    assert not order.has_holes


def test_units_under_an_older_fence_are_refused() -> None:
    order = UnitOrder()
    order.take(a_unit(1, fence=2), 0)
    late = a_unit(1, fence=1)
    ready, halted = order.take(late, 0)
    assert ready == []
    assert halted is not None
    assert (halted.reason, halted.units, halted.is_new) == ("fenced", (late,), False)


def test_a_halted_cell_writes_nothing_until_its_next_fence() -> None:
    order = UnitOrder()
    order.take(a_unit(1), 0)
    assert order.halt(USER, 1, "bad_data", "why") is not None
    assert order.halt(USER, 1, "bad_data", "again") is None
    ready, halted = order.take(a_unit(2), 0)
    assert ready == []
    assert halted is not None
    assert (halted.reason, halted.detail, halted.is_new) == ("bad_data", "why", False)
    assert numbers(order.take(a_unit(1, fence=2), 0)[0]) == [1]


def test_a_cell_that_was_never_seen_can_be_halted() -> None:
    order = UnitOrder()
    assert order.halt(USER, 4, "fenced", "") is not None
    assert order.fence_of(USER) == 4
    assert order.take(a_unit(1, fence=4), 0)[0] == []


def test_an_older_fence_cannot_halt_a_later_one() -> None:
    order = UnitOrder()
    order.take(a_unit(1, fence=2), 0)
    assert order.halt(USER, 1, "fenced", "") is None


@pytest.mark.parametrize("second", [1, 3])
def test_a_number_that_comes_twice_ends_its_cell(second: int) -> None:
    order = UnitOrder()
    order.take(a_unit(1), 0)
    order.take(a_unit(3), 0)
    ready, halted = order.take(a_unit(second), 0)
    assert ready == []
    assert halted is not None
    assert (halted.reason, halted.is_new, len(halted.units)) == ("crashed", True, 2)


def test_what_waits_is_bounded() -> None:
    order = UnitOrder()
    for n in range(2, HELD_MAX + 2):
        order.take(a_unit(n), 0)
    ready, halted = order.take(a_unit(HELD_MAX + 2), 0)
    assert ready == []
    assert halted is not None
    assert (halted.reason, len(halted.units)) == ("crashed", HELD_MAX + 1)


def test_the_highest_number_counts_per_cell() -> None:
    units = [a_unit(1), a_unit(1, user=OTHER), a_unit(2), a_unit(None, None)]
    assert highest_numbers(units) == {(USER, 1): 2, (OTHER, 1): 1}
