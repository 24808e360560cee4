"""The venue's limits hold whatever is asked, and what closes risk always finds room."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bridge.budget import SHARES, Budgets, Limit, RateBudget, RateQueue, Window
from connectors.bridge.departure import Priority
from connectors.bridge.errors import NotSent
from engine.runtime.clock import NS_PER_S, VirtualClock

PER_MINUTE = Limit(name="weight", units=100, period_ns=60 * NS_PER_S)
PER_KEY = Limit(name="orders", units=10, period_ns=10 * NS_PER_S, is_per_key=True)


def a_window(clock: VirtualClock, limit: Limit = PER_MINUTE, share: float = 1.0) -> Window:
    return Window(limit, clock, share)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40), st.sampled_from(list(Priority))), max_size=200))
def test_no_sliding_minute_ever_holds_more_than_the_limit(asked: list[tuple[int, int, Priority]]) -> None:
    clock = VirtualClock()
    window = a_window(clock)
    taken: list[tuple[int, int]] = []
    for wait_s, units, priority in asked:
        clock.advance(wait_s * NS_PER_S)
        if window.has_room(units, priority):
            window.take(units)
            taken.append((clock.now_ns(), units))
            inside = sum(each for at_ns, each in taken if at_ns > clock.now_ns() - PER_MINUTE.period_ns)
            assert inside == window.used
            assert inside <= PER_MINUTE.units * SHARES[priority] or inside == units


def test_each_priority_leaves_room_for_the_higher_ones() -> None:
    window = a_window(VirtualClock())
    for priority in (Priority.OPEN, Priority.QUERY, Priority.REDUCE, Priority.CANCEL):
        while window.has_room(1, priority):
            window.take(1)
        assert window.used == int(100 * SHARES[priority])


def test_only_our_share_of_a_limit_is_used() -> None:
    window = a_window(VirtualClock(), share=0.5)
    window.take(1)
    assert window.has_room(49, Priority.CANCEL)
    assert not window.has_room(50, Priority.CANCEL)


def test_what_others_use_counts_until_it_is_over() -> None:
    clock = VirtualClock()
    window = a_window(clock)
    window.take(10)
    window.observe(95)
    assert window.used == 95
    assert not window.has_room(6, Priority.CANCEL)
    clock.advance(PER_MINUTE.period_ns)
    assert window.used == 0


def test_what_the_other_sharers_use_takes_nothing_from_our_part() -> None:
    clock = VirtualClock()
    window = a_window(clock)
    window.divide(3)
    window.observe(66)
    assert window.has_room(33, Priority.CANCEL)
    assert window.has_room(int(33 * SHARES[Priority.OPEN]), Priority.OPEN)
    window.take(33)
    assert not window.has_room(1, Priority.CANCEL), "our part is used"
    clock.advance(PER_MINUTE.period_ns)
    window.observe(95)
    assert window.has_room(5, Priority.CANCEL)
    assert not window.has_room(6, Priority.CANCEL), "nothing of the whole is left"


def test_a_report_that_only_holds_what_we_used_changes_nothing() -> None:
    window = a_window(VirtualClock())
    window.take(10)
    window.observe(10)
    window.observe(3)
    assert window.used == 10


def test_a_request_that_is_larger_than_its_share_leaves_when_nothing_is_used() -> None:
    window = a_window(VirtualClock())
    assert window.has_room(90, Priority.OPEN)
    window.take(1)
    assert not window.has_room(90, Priority.OPEN)


@pytest.mark.asyncio
async def test_cancels_go_first_then_reductions_then_queries_then_what_opens_risk() -> None:
    clock = VirtualClock()
    budget = Budgets((PER_MINUTE,), clock).of()
    await budget.take({"weight": 100}, Priority.CANCEL)
    order: list[Priority] = []

    async def ask(priority: Priority) -> None:
        await budget.take({"weight": 10}, priority, wait_max_ns=600 * NS_PER_S)
        order.append(priority)

    tasks = [asyncio.create_task(ask(priority)) for priority in (Priority.OPEN, Priority.QUERY, Priority.REDUCE)]
    await settled()
    tasks.append(asyncio.create_task(ask(Priority.CANCEL)))
    await settled()
    assert order == []
    clock.advance(PER_MINUTE.period_ns)
    await asyncio.gather(*tasks)
    assert order == sorted(Priority)


@pytest.mark.asyncio
async def test_nobody_overtakes_one_who_waits_for_the_same_window_with_more_right() -> None:
    clock = VirtualClock()
    budget = Budgets((PER_MINUTE,), clock).of()
    await budget.take({"weight": 95}, Priority.CANCEL)
    big = asyncio.create_task(budget.take({"weight": 50}, Priority.CANCEL, 600 * NS_PER_S))
    await settled()
    small = asyncio.create_task(budget.take({"weight": 1}, Priority.CANCEL, 600 * NS_PER_S))
    await settled()
    assert not big.done()
    assert not small.done()
    clock.advance(PER_MINUTE.period_ns)
    await asyncio.gather(big, small)


@pytest.mark.asyncio
async def test_a_key_that_has_used_its_orders_does_not_hold_up_another() -> None:
    clock = VirtualClock()
    budgets = Budgets((PER_MINUTE, PER_KEY), clock)
    mine, yours = budgets.of("mine"), budgets.of("yours")
    for _ in range(7):
        await mine.take({"weight": 1, "orders": 1}, Priority.OPEN)
    waiting = asyncio.create_task(mine.take({"orders": 1}, Priority.OPEN, 600 * NS_PER_S))
    await settled()
    assert not waiting.done()
    await asyncio.wait_for(yours.take({"orders": 1}, Priority.OPEN), 1)
    assert mine.used("orders") == {PER_KEY.period_ns: 7}
    clock.advance(PER_KEY.period_ns)
    await waiting


@pytest.mark.asyncio
async def test_keys_behind_one_address_share_its_weight() -> None:
    budgets = Budgets((PER_MINUTE,), VirtualClock())
    await budgets.of("mine").take({"weight": 60}, Priority.QUERY)
    assert budgets.of("yours").used("weight") == {PER_MINUTE.period_ns: 60}
    assert budgets.of("mine") is budgets.of("mine")


@pytest.mark.asyncio
async def test_who_waits_too_long_is_turned_away_and_costs_nothing() -> None:
    clock = VirtualClock()
    budgets = Budgets((PER_MINUTE,), clock)
    budget = budgets.of()
    await budget.take({"weight": 100}, Priority.CANCEL)
    waiting = asyncio.create_task(budget.take({"weight": 1}, Priority.CANCEL, 2 * NS_PER_S))
    await settled()
    clock.advance(2 * NS_PER_S)
    with pytest.raises(NotSent) as error:
        await waiting
    assert error.value.code == "rate_limited"
    assert budgets.waiting == 0
    assert budget.used("weight") == {PER_MINUTE.period_ns: 100}


@pytest.mark.asyncio
async def test_a_full_queue_turns_away_the_last_of_the_lowest_priority() -> None:
    clock = VirtualClock()
    window = a_window(clock)
    window.take(100)
    queue = RateQueue(clock, waiting_max=2)
    budget = RateBudget(queue, {"weight": (window,)})
    opens = [asyncio.create_task(budget.take({"weight": 1}, Priority.OPEN, 600 * NS_PER_S)) for _ in range(2)]
    await settled()
    cancel = asyncio.create_task(budget.take({"weight": 1}, Priority.CANCEL, 600 * NS_PER_S))
    await settled()
    assert not opens[0].done()
    with pytest.raises(NotSent, match="busy"):
        await opens[1]
    clock.advance(PER_MINUTE.period_ns)
    await asyncio.gather(opens[0], cancel)
    assert len(queue) == 0


@pytest.mark.asyncio
async def test_who_gives_up_waiting_leaves_its_place_to_the_next() -> None:
    clock = VirtualClock()
    budget = Budgets((PER_MINUTE,), clock).of()
    await budget.take({"weight": 95}, Priority.CANCEL)
    big = asyncio.create_task(budget.take({"weight": 50}, Priority.CANCEL, 600 * NS_PER_S))
    await settled()
    small = asyncio.create_task(budget.take({"weight": 1}, Priority.CANCEL, 600 * NS_PER_S))
    await settled()
    big.cancel()
    await asyncio.wait_for(small, 1)


@pytest.mark.asyncio
async def test_a_report_is_for_the_window_of_its_period() -> None:
    second = Limit(name="weight", units=10, period_ns=NS_PER_S)
    budget = Budgets((PER_MINUTE, second), VirtualClock()).of()
    budget.observe("weight", second.period_ns, 4)
    budget.observe("nothing", second.period_ns, 4)
    assert budget.used("weight") == {PER_MINUTE.period_ns: 0, second.period_ns: 4}


@pytest.mark.asyncio
async def test_what_has_no_window_costs_nothing() -> None:
    await Budgets((PER_MINUTE,), VirtualClock()).of().take({"orders": 1_000_000}, Priority.OPEN)
