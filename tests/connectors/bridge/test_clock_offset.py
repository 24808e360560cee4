"""The venue's time is ours and an offset, measured by the answer that travelled the shortest."""

from collections.abc import Iterator

import pytest

from connectors.bridge.clock_offset import FRESH_NS, VenueClock
from engine.runtime.clock import NS_PER_S, VirtualClock

MS = 1_000_000


async def measured(clock: VirtualClock, ways: list[tuple[int, int]], offset_ns: int) -> VenueClock:
    """Measure once; `ways`: milliseconds there and back of each answer."""
    venue, travels = VenueClock(clock), iter(ways)

    async def ask(travels: Iterator[tuple[int, int]] = travels) -> int:
        there, back = next(travels)
        clock.advance(there * MS)
        at_ns = clock.now_ns() + offset_ns
        clock.advance(back * MS)
        return at_ns

    await venue.measure(ask)
    return venue


@pytest.mark.asyncio
async def test_an_even_way_gives_the_exact_offset() -> None:
    venue = await measured(VirtualClock(10 * NS_PER_S), [(5, 5)] * 3, offset_ns=600 * NS_PER_S)
    assert venue.offset_ns == 600 * NS_PER_S


@pytest.mark.asyncio
async def test_the_fastest_answer_counts_and_bounds_the_error() -> None:
    venue = await measured(VirtualClock(10 * NS_PER_S), [(400, 5), (1, 3), (5, 900)], offset_ns=-7 * NS_PER_S)
    assert abs(venue.offset_ns + 7 * NS_PER_S) <= venue.error_ns == 2 * MS


@pytest.mark.asyncio
async def test_the_time_of_the_venue_is_ours_and_the_offset() -> None:
    clock = VirtualClock(10 * NS_PER_S)
    venue = await measured(clock, [(0, 0)] * 3, offset_ns=1_500 * MS)
    assert venue.now_ns() == clock.now_ns() + 1_500 * MS
    assert venue.now_ms() == clock.now_ns() // MS + 1_500
    assert venue.to_venue_ms(3 * NS_PER_S) == 4_500


@pytest.mark.asyncio
async def test_a_measurement_grows_old_and_a_refusal_makes_it_old_at_once() -> None:
    clock = VirtualClock(10 * NS_PER_S)
    venue = await measured(clock, [(0, 0)] * 3, offset_ns=0)
    states = [venue.is_fresh]
    clock.advance(FRESH_NS)
    states.append(venue.is_fresh)
    assert states == [True, False]
    venue = await measured(clock, [(0, 0)] * 3, offset_ns=0)
    venue.doubt()
    assert not venue.is_fresh
