"""Hyperliquid as the source of a market: whole books in each frame, lost ones come with the next."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from actors.market_data import MarketData
from actors.marks import MarkTable
from connectors.live.market import LiveMarket
from engine.domain.book import UNCHECKED
from engine.domain.kinds import BookState
from engine.messages.market import BookStatus
from engine.messages.market_live import FundingRate, InstrumentStatus, MarkPrice
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from tests.support.market import FakeBulk
from tests.support.venues.hyperliquid_rig import VENUE, HyperliquidRig, HyperliquidSpotRig

KINDS = (BookStatus, InstrumentStatus, VenueConnection, MarkPrice, FundingRate)


class Street:
    """One Hyperliquid, and what is said of it."""

    def __init__(self, rig: HyperliquidRig) -> None:
        self.rig = rig
        self.bus = Bus()
        self.wall = WallClock()
        self.rng = seeded_rng(5)
        self.system = ActorSystem(clock=self.wall, ids=Ids(self.wall, self.rng), rng=self.rng)
        self.marks = MarkTable(self.wall)
        self.heard: list[Any] = []
        for kind in KINDS:
            self.bus.subscribe(kind, self.heard.append)
        self.public = rig.public(self.wall)

    async def start(self, *symbols: str) -> None:
        await self.public.open()
        listing = await self.public.instruments()
        await self.system.start(
            MarketData, name="books", venue=VENUE, bus=self.bus, market_clock=self.wall, wall_clock=self.wall,
            marks=self.marks, bulk=FakeBulk(), needs_book=True, rule_of=lambda _symbol: UNCHECKED,
        )  # fmt: skip
        await self.system.start(
            LiveMarket, name="source", venue=VENUE, adapter=self.public, listing=listing, symbols=symbols,
            instruments={each.symbol: each for each in listing.instruments}, learn=self._learn, bus=self.bus,
            wall=self.wall, rng=self.rng,
        )  # fmt: skip

    async def _learn(self, _instruments: object) -> None:
        return

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.heard if isinstance(each, kind)]

    def is_connected(self) -> bool:
        said = self.of(VenueConnection)
        return bool(said) and said[-1].connected

    def is_synced(self) -> bool:
        said = [each for each in self.of(BookStatus) if each.symbol == self.rig.symbol]
        return bool(said) and said[-1].state is BookState.SYNCED

    async def until(self, holds: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, f"no {what}: {self.heard[-5:]}"
            await asyncio.sleep(0.005)


@asynccontextmanager
async def a_street(rig: HyperliquidRig, *symbols: str) -> AsyncIterator[Street]:
    async with rig:
        street = Street(rig)
        await street.start(*(symbols or (rig.symbol,)))
        try:
            await street.until(lambda: street.is_connected() and street.is_synced(), "book")
            yield street
        finally:
            await street.system.stop_all()
            await street.public.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [HyperliquidRig, HyperliquidSpotRig])
async def test_the_book_of_the_subscription_gives_a_price(kind: type[HyperliquidRig]) -> None:
    async with a_street(kind()) as street:
        market = street.rig.market
        bid, ask = market.best("bid"), market.best("ask")
        await street.until(lambda: street.marks.quote(VENUE, street.rig.symbol) == (bid, ask), "quote")
        assert not street.marks.is_stale(VENUE, street.rig.symbol)
        assert not street.rig.server.log.requests("POST /info#l2Book")


@pytest.mark.asyncio
async def test_marks_and_funding_are_told() -> None:
    async with a_street(HyperliquidRig()) as street:
        await street.until(lambda: street.of(MarkPrice) and street.of(FundingRate), "mark and funding")
        assert street.of(MarkPrice)[0].price == Decimal(60000)


@pytest.mark.asyncio
async def test_a_crossed_book_is_not_believed_and_the_next_frame_heals_it() -> None:
    async with a_street(HyperliquidRig()) as street:
        exchange = street.rig.server.exchange
        exchange.set_levels("BTC", bids=[("60005", "1")])
        await street.until(lambda: not street.is_synced(), "stale book")
        assert street.marks.is_stale(VENUE, street.rig.symbol)
        exchange.set_levels("BTC", bids=[("60005", "0")])
        await street.until(street.is_synced, "book")


@pytest.mark.asyncio
async def test_a_lost_connection_comes_back_with_its_books() -> None:
    async with a_street(HyperliquidRig()) as street:
        for dials in (2, 3):
            street.rig.server.sockets.abort()
            await street.until(lambda: not street.is_connected(), "loss")
            await street.until(lambda: street.is_connected() and street.is_synced(), "return")
            assert len(street.rig.server.log.dials()) == dials


@pytest.mark.asyncio
async def test_a_frame_that_cannot_be_read_costs_that_frame_only() -> None:
    async with a_street(HyperliquidRig()) as street:
        street.rig.server.sockets.send('{"channel":"l2Book","data":{"coin":"BTC","levels":7}}')
        street.rig.server.sockets.send("[")
        street.rig.server.exchange.set_levels("BTC", bids=[("60000", "2")])
        await street.until(lambda: (street.marks.quote(VENUE, "BTC/USDC:USDC") or (0,))[0] == Decimal(60000), "quote")
        assert len(street.rig.server.log.dials()) == 1
