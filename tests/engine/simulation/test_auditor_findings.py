"""What was found, and what happened before."""

from decimal import Decimal

from engine.runtime.clock import VirtualClock
from engine.simulation.auditor_findings import FOUND_MAX, RECENT_MAX, Findings, minus, plus, times, total
from engine.simulation.ports import Violation


def test_sums_are_exact_whatever_their_size() -> None:
    large, small = Decimal(123456789012345678901234567890), Decimal("1e-18")
    assert minus(plus(large, small), large) == small
    assert times(large, small) == Decimal("123456789012.345678901234567890")
    assert total([large, small, large.copy_negate()]) == small


def test_the_first_violation_keeps_what_led_to_it() -> None:
    clock = VirtualClock(1_500_000_000)
    findings = Findings()
    findings.use(clock)
    findings.saw("sent", "order-1")
    findings.broken("I2", "order-1 was sent twice")
    findings.saw("sent", "order-2")
    findings.broken("I9", "too much")
    assert findings.found[0] == Violation("I2", "order-1 was sent twice", 1_500_000_000)
    assert findings.scene == ["1.500000 sent order-1"]
    assert findings.recent() == ["1.500000 sent order-1", "1.500000 sent order-2"]
    assert findings.recent(about="order-2") == ["1.500000 sent order-2"]


def test_memory_is_bounded() -> None:
    findings = Findings()
    for number in range(RECENT_MAX + 10):
        findings.saw("step", number)
        findings.broken("I1", str(number))
    assert len(findings.found) == FOUND_MAX
    assert len(findings.recent(RECENT_MAX * 2)) == RECENT_MAX
