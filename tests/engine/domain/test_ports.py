"""The clocks and ids of the runtime fit the ports of the deciding code."""

import random

from engine.domain.ports import Clock, Ids
from engine.runtime.clock import VirtualClock, WallClock
from engine.runtime.entropy import Ids as RuntimeIds


def test_the_runtime_fits_the_ports() -> None:
    clocks: list[Clock] = [VirtualClock(5), WallClock()]
    ids: Ids = RuntimeIds(VirtualClock(5), random.Random(1))
    assert clocks[0].now_ns() == 5
    assert clocks[1].monotonic_ns() <= clocks[1].monotonic_ns()
    assert ids.uuid() < ids.uuid()
