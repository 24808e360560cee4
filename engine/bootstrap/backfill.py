"""Fetches past candles of a live venue into the database: only what is missing, in pieces, so that it can be resumed.

Candles that the venue does not have (nobody traded) are asked for again by the next run; everything else is asked for
once.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from actors.market_rows import candle_row
from connectors.bridge.errors import BridgeError, Limited
from connectors.remote.backoff import Backoff
from engine.domain.bars import parse_timeframe
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import Bar
from engine.messages.ports import BulkStore
from engine.runtime.clock import Clock
from engine.runtime.entropy import Rng

if TYPE_CHECKING:
    from connectors.live.adapter import PublicAdapter

TRIES: Final = 6
"""How often a piece is asked for before the run ends; what is stored stays."""
EMPTY_BARS: Final = 300
"""How far an empty answer is believed: no venue covers less with one request."""

Range = tuple[int, int]
"""[since, until) in ns."""


class StoredCandles(Protocol):
    """What is in the database."""

    async def missing(self, venue: Venue, symbol: Symbol, timeframe: str, within: Range, step_ns: int) -> list[Range]:
        """Return the parts of a range without candles, oldest first.

        Raises:
            DependencyAway: The database is away.
        """


class Progress(msgspec.Struct):
    """How far a run has come."""

    symbol: Symbol = ""
    total: int = 0
    """Candles that are missing, all symbols."""
    done: int = 0
    """Of them: asked for."""
    written: int = 0
    requests: int = 0
    waiting: str = ""
    """Why it waits; empty while it works."""


class Backfill:
    """One run."""

    def __init__(
        self,
        adapter: "PublicAdapter",
        *,
        stored: StoredCandles,
        bulk: BulkStore,
        clock: Clock,
        rng: Rng,
        show: Callable[[Progress], object],
    ) -> None:
        """Keep what it works with; `show` is called after every piece."""
        self._adapter = adapter
        self._stored = stored
        self._bulk = bulk
        self._clock = clock
        self._backoff = Backoff(rng)
        self._show = show
        self.progress = Progress()

    async def run(self, symbols: Sequence[Symbol], timeframe: str, within: Range) -> Progress:
        """Fetch what is missing of some symbols within a range.

        Raises:
            DependencyAway: The venue or the database is away; what was fetched is stored, and the next run goes on.
        """
        step_ns = parse_timeframe(timeframe)
        since_ns, until_ns = -(-within[0] // step_ns) * step_ns, within[1] // step_ns * step_ns
        missing = {
            symbol: await self._stored.missing(self._adapter.venue, symbol, timeframe, (since_ns, until_ns), step_ns)
            for symbol in symbols
        }
        progress = self.progress
        progress.total = sum((end - start) // step_ns for ranges in missing.values() for start, end in ranges)
        self._show(progress)
        for symbol, ranges in missing.items():
            progress.symbol = symbol
            for start_ns, end_ns in ranges:
                await self._fill(symbol, timeframe, start_ns, end_ns, step_ns)
        return progress

    async def _fill(self, symbol: Symbol, timeframe: str, start_ns: int, end_ns: int, step_ns: int) -> None:
        at_ns = start_ns
        while at_ns < end_ns:
            bars = await self._ask(partial(self._adapter.bars, symbol, timeframe, at_ns, end_ns))
            bars = [bar for bar in bars if at_ns <= bar.open_time_ns < end_ns]
            if bars:
                now_ns = self._clock.now_ns()
                await self._bulk.write([candle_row(bar, now_ns) for bar in bars])
                next_ns = bars[-1].open_time_ns + step_ns
            else:
                next_ns = min(at_ns + EMPTY_BARS * step_ns, end_ns)
            self.progress.written += len(bars)
            self.progress.done += (next_ns - at_ns) // step_ns
            at_ns = next_ns
            self._show(self.progress)

    async def _ask(self, ask: Callable[[], Awaitable[Sequence[Bar]]]) -> Sequence[Bar]:
        """Ask once, and again after a while if the venue cannot answer now."""
        why = ""
        for _ in range(TRIES):
            self.progress.requests += 1
            try:
                bars = await ask()
            except (BridgeError, OSError) as error:
                why = str(error) or type(error).__name__
                wait_ns = self._backoff.next_ns()
                if isinstance(error, Limited):
                    wait_ns = max(wait_ns, error.retry_after_ns)
                self.progress.waiting = why
                self._show(self.progress)
                await self._clock.sleep(wait_ns)
            else:
                self.progress.waiting = ""
                self._backoff.reset()
                return bars
        raise DependencyAway(f"venue {self._adapter.venue}", why=why)
