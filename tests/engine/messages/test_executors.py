"""Commands to executors survive the codec where they may leave the process."""

import pytest

from engine.messages.executors import ExecutorAnswer, PauseExecutor, ResumeExecutor, StartExecutor, StopExecutor
from engine.messages.registry import IN_PROCESS, WIRE_MESSAGES


@pytest.mark.parametrize("kind", [StopExecutor, PauseExecutor, ResumeExecutor, ExecutorAnswer])
def test_what_carries_no_row_may_travel(kind: type) -> None:
    assert kind in WIRE_MESSAGES


def test_a_start_carries_a_row_and_stays() -> None:
    assert StartExecutor in IN_PROCESS
