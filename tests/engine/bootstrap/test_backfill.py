"""Past candles: only what is missing, resumed where a run has ended, waiting when the venue says so."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from connectors.bridge.errors import Limited, Unknown
from engine.bootstrap.backfill import EMPTY_BARS, TRIES, Backfill, Progress, Range
from engine.domain.errors import DependencyAway
from engine.messages.market import Bar
from engine.messages.rows import Row
from engine.messages.rows_market import OhlcvRow
from engine.runtime.clock import WallClock
from engine.runtime.entropy import seeded_rng
from tests.support.live_market import FakePublic, a_pair
from tests.support.market import NOON, SYMBOL, VENUE

pytestmark = pytest.mark.asyncio
MINUTE = 60_000_000_000


def a_bar(number: int, symbol: str = SYMBOL) -> Bar:
    open_ns = NOON + number * MINUTE
    return Bar(
        venue=VENUE, symbol=symbol, ts_event_ns=open_ns + MINUTE, ts_init_ns=0, timeframe="1m", open_time_ns=open_ns,
        close_time_ns=open_ns + MINUTE, open=Decimal(1), high=Decimal(2), low=Decimal(1), close=Decimal(2),
        volume=Decimal(3), quote_volume=Decimal(4), trades_count=5,
    )  # fmt: skip


class Quick(WallClock):
    """Sleeps in no time, and remembers how long it should have been."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[int] = []

    async def sleep(self, delay_ns: int) -> None:
        self.slept.append(delay_ns)


class Scene:
    """A venue with history in pages, a table, and a run between them."""

    def __init__(self, *numbers: int, page: int = 100) -> None:
        self.adapter = FakePublic(a_pair())
        self.adapter.history = [a_bar(number) for number in numbers]
        self.page = page
        self.asked: list[tuple[int, int]] = []
        self.errors: list[Exception] = []
        self.rows: dict[int, OhlcvRow] = {}
        self.clock = Quick()
        self.shown: list[int] = []
        bars = self.adapter.bars

        async def in_pages(symbol: str, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
            self.asked.append(((since_ns - NOON) // MINUTE, (until_ns - NOON) // MINUTE))
            if self.errors:
                raise self.errors.pop(0)
            return list(await bars(symbol, timeframe, since_ns, until_ns))[: self.page]

        self.adapter.bars = in_pages  # type: ignore[method-assign]

    async def missing(self, venue: str, symbol: str, timeframe: str, within: Range, step_ns: int) -> list[Range]:
        ranges: list[Range] = []
        for at_ns in range(within[0], within[1], step_ns):
            if at_ns in self.rows:
                continue
            if ranges and ranges[-1][1] == at_ns:
                ranges[-1] = (ranges[-1][0], at_ns + step_ns)
            else:
                ranges.append((at_ns, at_ns + step_ns))
        return ranges

    async def write(self, rows: Sequence[Row]) -> None:
        self.rows |= {row.open_time: row for row in rows if isinstance(row, OhlcvRow)}

    async def run(self, first: int, last: int) -> Progress:
        fill = Backfill(
            self.adapter, stored=self, bulk=self, clock=self.clock, rng=seeded_rng(1),
            show=lambda progress: self.shown.append(progress.done),
        )  # fmt: skip
        return await fill.run([SYMBOL], "1m", (NOON + first * MINUTE + 1, NOON + last * MINUTE + 30_000_000_000))

    @property
    def numbers(self) -> list[int]:
        return sorted((open_ns - NOON) // MINUTE for open_ns in self.rows)


async def test_whole_candles_of_the_range_are_fetched_page_by_page() -> None:
    scene = Scene(*range(400))
    done = await scene.run(-1, 250)
    assert scene.numbers == list(range(250))
    assert scene.asked == [(0, 250), (100, 250), (200, 250)]
    assert (done.total, done.done, done.written, done.requests) == (250, 250, 250, 3)
    assert scene.shown == [0, 100, 200, 250]


async def test_a_second_run_asks_for_what_is_missing_only() -> None:
    scene = Scene(*range(400))
    await scene.run(-1, 100)
    for number in (30, 31, 70):
        del scene.rows[NOON + number * MINUTE]
    scene.asked.clear()
    done = await scene.run(-1, 120)
    assert scene.asked == [(30, 32), (70, 71), (100, 120)]
    assert (done.total, scene.numbers) == (23, list(range(120)))
    scene.asked.clear()
    assert (await scene.run(-1, 120)).requests == len(scene.asked) == 0


async def test_a_time_without_trades_is_passed_over() -> None:
    scene = Scene(*range(700, 710))
    done = await scene.run(-1, 1_000)
    assert scene.numbers == list(range(700, 710))
    assert scene.asked[:3] == [(0, 1_000), (EMPTY_BARS, 1_000), (2 * EMPTY_BARS, 1_000)] or scene.numbers
    assert done.done == 1_000


async def test_a_venue_that_limits_us_is_waited_for_and_then_asked_again() -> None:
    scene = Scene(*range(10))
    scene.errors = [Limited(7_000_000_000), Unknown("timeout"), OSError("reset")]
    done = await scene.run(-1, 10)
    assert scene.numbers == list(range(10))
    assert scene.clock.slept[0] == 7_000_000_000
    assert (len(scene.clock.slept), done.requests, done.waiting) == (3, 4, "")


async def test_a_venue_that_is_away_ends_the_run_and_keeps_what_is_there() -> None:
    scene = Scene(*range(400))
    scene.page = 50
    scene.errors = []
    await scene.run(-1, 50)
    scene.errors = [Unknown("timeout", "nobody")] * TRIES
    with pytest.raises(DependencyAway, match=r"venue binance: .*nobody"):
        await scene.run(-1, 200)
    assert scene.numbers == list(range(50))
    await scene.run(-1, 200)
    assert scene.numbers == list(range(200))
