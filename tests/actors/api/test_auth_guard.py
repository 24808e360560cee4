"""Guessing passwords gets slower and slower."""

from actors.api.auth_guard import FREE_FAILURES, MEMORY_NS, NS_PER_S, LoginGuard
from engine.runtime.clock import VirtualClock


def failing(times: int) -> tuple[LoginGuard, VirtualClock]:
    clock = VirtualClock(NS_PER_S)
    guard = LoginGuard(clock)
    for _ in range(times):
        guard.failed("address:a", "email:x")
    return guard, clock


def test_a_few_mistakes_are_free() -> None:
    guard, _ = failing(FREE_FAILURES - 1)
    assert guard.wait_s("address:a") == 0


def test_each_further_failure_doubles_the_wait() -> None:
    waits = [failing(FREE_FAILURES + more)[0].wait_s("email:x") for more in range(4)]
    assert waits == [1, 2, 4, 8]


def test_the_wait_has_an_end() -> None:
    assert failing(100)[0].wait_s("email:x") == 900


def test_time_heals() -> None:
    guard, clock = failing(FREE_FAILURES)
    clock.advance(NS_PER_S)
    assert guard.wait_s("email:x") == 0


def test_old_failures_are_forgotten() -> None:
    guard, clock = failing(20)
    clock.advance(MEMORY_NS + 1)
    guard.failed("email:x")
    assert guard.wait_s("email:x") == 0


def test_success_forgets_the_failures_of_its_keys() -> None:
    guard, _ = failing(20)
    guard.succeeded("email:x")
    assert (guard.wait_s("email:x"), guard.wait_s("address:a")) == (0, 900)


def test_strangers_do_not_wait() -> None:
    guard, _ = failing(20)
    assert guard.wait_s("address:b", "email:y") == 0
