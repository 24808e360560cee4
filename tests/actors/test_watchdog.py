"""The watchdog, on a clock that is turned by hand."""

import pytest

from actors.watchdog import PROBE_INTERVAL_NS, Watchdog
from engine.runtime.clock import VirtualClock
from engine.runtime.system import ActorSystem

SECOND_NS = 1_000_000_000


async def a_watchdog(clock: VirtualClock, interval_ns: int | None) -> tuple[ActorSystem, list[int], list[float]]:
    system = ActorSystem(clock=clock)
    alive: list[int] = []
    lags: list[float] = []
    await system.start(
        Watchdog,
        clock=clock,
        alive=lambda: alive.append(clock.monotonic_ns()),
        alive_interval_ns=interval_ns,
        observe_lag=lags.append,
    )
    return system, alive, lags


@pytest.mark.asyncio
async def test_signs_of_life_come_at_their_interval() -> None:
    clock = VirtualClock(0)
    system, alive, _ = await a_watchdog(clock, SECOND_NS)
    for _ in range(12):
        clock.advance(PROBE_INTERVAL_NS)
        await system.idle()
    assert alive == [SECOND_NS, 2 * SECOND_NS, 3 * SECOND_NS]
    await system.stop_all()


@pytest.mark.asyncio
async def test_nobody_who_does_not_ask_is_told() -> None:
    clock = VirtualClock(0)
    system, alive, lags = await a_watchdog(clock, None)
    for _ in range(12):
        clock.advance(PROBE_INTERVAL_NS)
        await system.idle()
    assert alive == []
    assert lags == [0.0] * 12
    await system.stop_all()


@pytest.mark.asyncio
async def test_a_loop_that_stalls_is_measured() -> None:
    clock = VirtualClock(0)
    system, _, lags = await a_watchdog(clock, SECOND_NS)
    # The timer is due after 250 ms, but its message is handled only when the loop turns again.
    clock.advance(PROBE_INTERVAL_NS)
    clock.advance(3 * SECOND_NS)
    await system.idle()
    assert lags == [3.0]
    await system.stop_all()
