"""Buckets: a burst, then a steady rate, each key on its own."""

import pytest

from actors.api.problems import Problem
from actors.api.rates import NS_PER_S, RateLimiter
from engine.runtime.clock import VirtualClock


def a_limiter(per_second: int = 10) -> tuple[RateLimiter, VirtualClock]:
    clock = VirtualClock(0)
    return RateLimiter(clock, per_second), clock


def test_a_burst_of_two_seconds_passes_and_one_more_does_not() -> None:
    limiter, _ = a_limiter()
    remaining = [limiter.take("a").remaining for _ in range(20)]
    assert remaining == list(range(19, -1, -1))
    with pytest.raises(Problem) as caught:
        limiter.take("a")
    headers = caught.value.headers
    assert (caught.value.status, caught.value.code, headers["Retry-After"]) == (429, "rate_limited", "1")
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"], headers["RateLimit-Reset"]) == ("20", "0", "2")


def test_the_rate_goes_on_after_the_burst() -> None:
    limiter, clock = a_limiter()
    for _ in range(20):
        limiter.take("a")
    passed = 0
    for _ in range(100):
        clock.advance(NS_PER_S // 20)
        try:
            limiter.take("a")
        except Problem:
            continue
        passed += 1
    assert passed == 50


def test_keys_do_not_share() -> None:
    limiter, _ = a_limiter(1)
    for key in "abc":
        for _ in range(2):
            limiter.take(key)


def test_a_quiet_key_fills_up_and_not_further() -> None:
    limiter, clock = a_limiter()
    limiter.take("a")
    clock.advance(3_600 * NS_PER_S)
    assert limiter.take("a").remaining == 19
