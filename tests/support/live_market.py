"""A public adapter whose venue is a test: what it lists and answers is said by hand, no socket is opened."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.bridge.plan import StreamPlan
from connectors.live.adapter import Channel, Listing
from engine.domain.book import BINANCE_SPOT, SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.messages.market import Bar, BookSnapshot


def a_pair(symbol: str = "BTC/USDT", venue: Venue = "binance", **changes: Any) -> Instrument:
    """A spot pair of a live venue."""
    base, _, quote = symbol.partition("/")
    fields: dict[str, Any] = {
        "venue": venue, "symbol": symbol, "base": base, "quote": quote, "settle": quote, "kind": InstrumentKind.SPOT,
        "tick_size": Decimal("0.01"), "step_size": Decimal("0.00001"), "min_quantity": Decimal("0.00001"),
        "max_quantity": Decimal(9_000),
    }  # fmt: skip
    return Instrument(**fields | changes)


class FakePublic:
    """Implements `PublicAdapter`."""

    def __init__(self, *instruments: Instrument, venue: Venue = "binance", plans: Sequence[StreamPlan] = ()) -> None:
        self.venue = venue
        self.sequence_rule: SequenceRule = BINANCE_SPOT
        self.channels = frozenset({Channel.QUOTES, Channel.TRADES, Channel.BOOK})
        self.listing = Listing(instruments=instruments)
        self.plans = list(plans)
        self.snapshots: list[BookSnapshot | Exception] = []
        """What the next questions for a book are answered with; None once they are used up."""
        self.asked: list[Symbol] = []
        self.history: list[Bar] = []
        self.time_ns: int | Exception = 0
        self.error: Exception | None = None
        """Raised by `instruments`."""
        self.is_open = False
        self.closed = 0

    async def open(self) -> None:
        self.is_open = True

    async def instruments(self) -> Listing:
        if self.error is not None:
            raise self.error
        return self.listing

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        del symbols, channels
        return self.plans

    async def snapshot(self, symbol: Symbol) -> BookSnapshot | None:
        self.asked.append(symbol)
        answer = self.snapshots.pop(0) if self.snapshots else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        return [
            each
            for each in self.history
            if (each.symbol, each.timeframe) == (symbol, timeframe) and since_ns <= each.open_time_ns < until_ns
        ]

    async def server_time_ns(self) -> int:
        if isinstance(self.time_ns, Exception):
            raise self.time_ns
        return self.time_ns

    async def close(self) -> None:
        self.closed += 1
