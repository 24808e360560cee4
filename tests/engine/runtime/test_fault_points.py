"""Fault points: quiet while nothing is armed, deadly at the nth pass, and refused when they do not exist."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.domain.errors import ConfigError
from engine.runtime.fault_points import (
    FAULT_POINTS,
    DeadlyPoint,
    arm,
    arm_from,
    fault_point,
    is_armed,
    parse_fault_point,
)


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(None)


def test_nothing_happens_while_nothing_is_armed() -> None:
    arm_from({})
    fault_point("submit.sent")
    assert not is_armed()


def test_a_hook_hears_every_point() -> None:
    heard: list[str] = []
    arm(heard.append)
    fault_point("submit.sending")
    fault_point("committed.OrderAccepted")
    assert is_armed()
    assert heard == ["submit.sending", "committed.OrderAccepted"]


def test_a_deadly_point_counts_its_own_passes_only() -> None:
    deaths: list[str] = []
    point = DeadlyPoint("fill.received", 2, lambda: deaths.append("dead"))
    for name in ("fill.received", "submit.sent", "submit.sent"):
        point(name)
    assert deaths == []
    point("fill.received")
    assert deaths == ["dead"]
    point("fill.received")
    assert deaths == ["dead"]


@pytest.mark.parametrize("text", ["", "submit.sent", "submit.sent:0", "submit.sent:-1", "submit.sent:x", "nowhere:1"])
def test_what_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="CIVAL_FAULT_POINT"):
        parse_fault_point(text)


def test_every_event_has_two_points() -> None:
    assert parse_fault_point("committing.OrderAccepted:3") == ("committing.OrderAccepted", 3)
    assert parse_fault_point("committed.OrderFilled:1") == ("committed.OrderFilled", 1)
    assert "submit.sent" in FAULT_POINTS


def test_the_process_dies_at_once() -> None:
    program = """
import atexit, os
from engine.runtime.fault_points import arm_from, fault_point
atexit.register(print, "finished")
arm_from(os.environ)
try:
    fault_point("submit.sent")
    print("once", flush=True)
    fault_point("submit.sent")
    print("twice", flush=True)
finally:
    print("cleaned up", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"CIVAL_FAULT_POINT": "submit.sent:2"},
    )
    assert (done.returncode, done.stdout) == (-9, "once\n")
