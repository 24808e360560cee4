"""While a venue bans us nothing leaves, and it opens by itself."""

import pytest

from connectors.bridge.ban import BANNED_NS, LIMITED_NS, WAIT_MAX_NS, BanGate, retry_after_ns
from connectors.bridge.errors import Limited
from engine.runtime.clock import NS_PER_S, VirtualClock


def test_the_gate_is_shut_for_as_long_as_it_was_told_and_opens_by_itself() -> None:
    clock = VirtualClock()
    gate = BanGate(clock)
    gate.check()
    gate.shut(5 * NS_PER_S, is_ban=True)
    with pytest.raises(Limited) as error:
        gate.check()
    assert (error.value.retry_after_ns, error.value.is_ban) == (5 * NS_PER_S, True)
    clock.advance(5 * NS_PER_S)
    gate.check()


def test_a_shorter_time_does_not_open_it_sooner() -> None:
    clock = VirtualClock()
    gate = BanGate(clock)
    gate.shut(60 * NS_PER_S, is_ban=True)
    gate.shut(NS_PER_S, is_ban=False)
    assert gate.rest_ns == 60 * NS_PER_S
    assert gate.closings == 1


def test_no_answer_shuts_it_for_longer_than_the_longest_ban() -> None:
    gate = BanGate(VirtualClock())
    gate.shut(10**30, is_ban=True)
    assert gate.rest_ns == WAIT_MAX_NS


@pytest.mark.parametrize(
    ("headers", "is_ban", "wait_ns"),
    [
        ({"Retry-After": "12"}, False, 12 * NS_PER_S),
        ({"retry-after": " 3 "}, True, 3 * NS_PER_S),
        ({"Retry-After": "0"}, False, NS_PER_S),
        ({}, False, LIMITED_NS),
        ({}, True, BANNED_NS),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, False, LIMITED_NS),
        ({"Retry-After": "-5"}, False, LIMITED_NS),
        ({"Retry-After": "²"}, False, LIMITED_NS),
        ({"Retry-After": "9" * 400}, True, BANNED_NS),
    ],
)
def test_retry_after_is_read_whatever_it_says(headers: dict[str, str], is_ban: bool, wait_ns: int) -> None:
    assert retry_after_ns(headers, is_ban=is_ban) == wait_ns
