"""What everybody may read at every venue: its listing, time, quotes, trades and books."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from actors.market_data import MarketData
from actors.marks import MarkTable
from connectors.bridge.exchange import Bridge
from connectors.catalogue import kit_of
from connectors.live.adapter import Listing, PublicAdapter, PublicSetup
from connectors.live.market import LiveMarket
from engine.domain.instrument import Instrument
from engine.domain.kinds import BookState
from engine.messages.market import BookStatus, QuoteTick, TradePrint
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.log import get_logger
from engine.runtime.system import ActorSystem
from tests.support.market import FakeBulk
from tests.support.venue_levels import CATALOGUED, row_of
from tests.support.venues.rig import VenueRig

pytestmark = [pytest.mark.asyncio, pytest.mark.venue_level("bronze")]


@pytest_asyncio.fixture(params=CATALOGUED, ids=lambda kind: kind.name)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[VenueRig]:
    """Take the venues of the catalogue: the made-up one has no public data."""
    async with request.param() as rig:
        yield rig


@pytest_asyncio.fixture
async def public(rig: VenueRig) -> AsyncIterator[PublicAdapter]:
    """Make the public adapter that the catalogue names."""
    row = row_of(rig.name)
    kit = kit_of(row.venue, row.market)
    urls: Any = getattr(rig, "urls", None) or rig.server.urls()  # type: ignore[attr-defined]  # Whoever has them.
    setup = PublicSetup(venue=row.venue, market=row.market, urls=urls)
    adapter = kit.public(setup, Bridge(kit.limits, WallClock()), get_logger("test"))
    await adapter.open()
    yield adapter
    await adapter.close()


class Street:
    """One public adapter, run by the engine's actors."""

    def __init__(self, adapter: PublicAdapter, listing: Listing) -> None:
        self.adapter, self.listing = adapter, listing
        self.heard: list[Any] = []
        self.bus = Bus()
        for kind in (QuoteTick, TradePrint, BookStatus):
            self.bus.subscribe(kind, self.heard.append)
        wall, rng = WallClock(), seeded_rng(3)
        self.wall, self.rng = wall, rng
        self.marks = MarkTable(wall)
        self.system = ActorSystem(clock=wall, ids=Ids(wall, rng), rng=rng)

    async def start(self, symbol: str) -> None:
        await self.system.start(
            MarketData, name="books", venue=self.adapter.venue, bus=self.bus, market_clock=self.wall,
            wall_clock=self.wall, marks=self.marks, bulk=FakeBulk(), needs_book=True,
            rule_of=lambda _symbol: self.adapter.sequence_rule,
        )  # fmt: skip
        await self.system.start(
            LiveMarket, name="source", venue=self.adapter.venue, adapter=self.adapter, listing=self.listing,
            symbols=[symbol], instruments={each.symbol: each for each in self.listing.instruments}, learn=_learn,
            bus=self.bus, wall=self.wall, rng=self.rng,
        )  # fmt: skip

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.heard if isinstance(each, kind)]

    def states(self) -> list[BookState]:
        return [each.state for each in self.of(BookStatus)]

    async def until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < deadline, f"no {what}: {self.heard[-5:]}"
            await asyncio.sleep(0.01)


async def _learn(_instruments: Sequence[Instrument]) -> None:
    """Nothing is kept here."""


async def test_the_listing_has_the_rules_of_the_pair(rig: VenueRig, public: PublicAdapter) -> None:
    listing = await public.instruments()
    (instrument,) = [each for each in listing.instruments if each.symbol == rig.symbol]
    assert instrument.step_size == rig.market.step
    # Hyperliquid's ticks grow with the price; what is listed is the finest.
    assert rig.market.tick % instrument.tick_size == 0
    assert instrument.venue == public.venue


async def test_the_venue_tells_its_time(rig: VenueRig, public: PublicAdapter) -> None:
    rig.server.clock.skew(7)
    told_ns = await public.server_time_ns()
    assert abs(told_ns - rig.server.clock.now_ns()) < 5_000_000_000


async def test_quotes_trades_and_the_book_are_read_exactly(rig: VenueRig, public: PublicAdapter) -> None:
    street = Street(public, await public.instruments())
    market, key = rig.market, (public.venue, rig.symbol)
    await street.start(rig.symbol)
    try:
        await street.until(lambda: street.of(BookStatus) or not street.marks.is_stale(*key), "stream")
        price, size = market.last, Decimal("0.125")
        best = market.best("bid")
        assert best is not None
        for number in range(3):
            rig.server.exchange.set_levels(market.symbol, bids=[(best, Decimal(number + 1))])
        await street.until(lambda: street.states()[-1:] == [BookState.SYNCED], "book in sync")
        rig.server.exchange.set_levels(market.symbol, bids=[(best, size)])
        rig.server.exchange.print_trade(market.symbol, price, size)
        await street.until(lambda: street.of(TradePrint), "trade")
        trade = street.of(TradePrint)[-1]
        assert (trade.price, trade.quantity) == (price, size)
        await street.until(lambda: street.of(QuoteTick) and street.of(QuoteTick)[-1].bid_size == size, "quote")
        quote = street.of(QuoteTick)[-1]
        assert (quote.bid, quote.ask) == (best, market.best("ask"))
    finally:
        await street.system.stop_all()
