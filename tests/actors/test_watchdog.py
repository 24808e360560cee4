"""The watchdog, on a clock that is turned by hand."""

import asyncio
import time
from io import StringIO

import msgspec
import pytest

from actors.watchdog import PROBE_INTERVAL_NS, Watchdog
from engine.runtime.clock import VirtualClock, WallClock
from engine.runtime.log import setup_logging
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


@pytest.mark.asyncio
async def test_a_loop_that_really_stalls_gives_no_sign_of_life_meanwhile_and_says_so_afterwards() -> None:
    clock = WallClock()
    system = ActorSystem(clock=clock)
    alive: list[int] = []
    lags: list[float] = []
    stream = StringIO()
    setup_logging("info", "json", stream=stream)
    try:
        await system.start(
            Watchdog,
            clock=clock,
            alive=lambda: alive.append(clock.monotonic_ns()),
            alive_interval_ns=PROBE_INTERVAL_NS,
            observe_lag=lags.append,
        )
        await asyncio.sleep(0.6)
        began_ns = clock.monotonic_ns()
        time.sleep(1.0)  # noqa: ASYNC251 - this is what stalls.
        ended_ns = clock.monotonic_ns()
        await asyncio.sleep(0.6)
        await system.stop_all()
    finally:
        setup_logging()
    assert [at_ns for at_ns in alive if at_ns < began_ns], "it lived before"
    assert [at_ns for at_ns in alive if began_ns <= at_ns < ended_ns] == []
    assert [at_ns for at_ns in alive if at_ns >= ended_ns], "and lives again"
    assert max(lags) > 0.5
    late = [line for line in map(msgspec.json.decode, stream.getvalue().splitlines()) if line["event"] == "loop_late"]
    assert late[-1]["lag_ms"] > 500
