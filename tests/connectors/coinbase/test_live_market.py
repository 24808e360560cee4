"""Coinbase as the source of a market: books that the stream brings are kept, lost ones come anew."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actors.market_data import MarketData
from actors.marks import MarkTable
from connectors.coinbase.parse import COINBASE
from connectors.live import resync
from connectors.live.market import LiveMarket
from engine.domain.kinds import BookState
from engine.messages.market import BookDelta, BookStatus
from engine.messages.market_live import InstrumentStatus
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from tests.support.market import FakeBulk
from tests.support.venues.coinbase_rig import CoinbaseRig

KEY = ("coinbase", "BTC/USD")


class Street:
    """One Coinbase and what is said of it."""

    def __init__(self, rig: CoinbaseRig) -> None:
        self.rig = rig
        self.bus = Bus()
        self.wall = WallClock()
        self.rng = seeded_rng(5)
        self.system = ActorSystem(clock=self.wall, ids=Ids(self.wall, self.rng), rng=self.rng)
        self.marks = MarkTable(self.wall)
        self.heard: list[Any] = []
        for kind in (BookStatus, BookDelta, InstrumentStatus, VenueConnection):
            self.bus.subscribe(kind, self.heard.append)

    async def start(self, *symbols: str) -> None:
        public = self.rig.public(self.wall)
        await public.open()
        listing = await public.instruments()
        await self.system.start(
            MarketData, name="books", venue="coinbase", bus=self.bus, market_clock=self.wall, wall_clock=self.wall,
            marks=self.marks, bulk=FakeBulk(), needs_book=True, rule_of=lambda _symbol: COINBASE,
        )  # fmt: skip
        await self.system.start(
            LiveMarket, name="source", venue="coinbase", adapter=public, listing=listing, symbols=symbols,
            instruments={each.symbol: each for each in listing.instruments}, learn=self._learn, bus=self.bus,
            wall=self.wall, rng=self.rng,
        )  # fmt: skip
        self.public = public

    async def _learn(self, _instruments: object) -> None:
        return

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.heard if isinstance(each, kind)]

    def is_connected(self) -> bool:
        said = self.of(VenueConnection)
        return bool(said) and said[-1].connected

    def is_synced(self, symbol: str = "BTC/USD") -> bool:
        said = [each for each in self.of(BookStatus) if each.symbol == symbol]
        return bool(said) and said[-1].state is BookState.SYNCED

    async def until(self, holds: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, f"no {what}: {self.heard[-5:]}"
            await asyncio.sleep(0.005)

    @property
    def dials(self) -> int:
        return len(self.rig.server.log.dials("WS /ws$"))


@asynccontextmanager
async def a_street(*symbols: str, ack_after_s: float = 0.0) -> AsyncIterator[Street]:
    async with CoinbaseRig() as rig:
        rig.server.feed.ack_after_s = ack_after_s
        street = Street(rig)
        await street.start(*symbols)
        try:
            yield street
        finally:
            await street.system.stop_all()
            await street.public.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("ack_after_s", [0.0, 0.05])
async def test_a_book_that_came_with_the_subscription_is_kept(
    monkeypatch: pytest.MonkeyPatch, ack_after_s: float
) -> None:
    monkeypatch.setattr(resync, "STREAM_NS", 200_000_000)
    async with a_street("BTC/USD", "ETH/USD", "BTC/USDC", ack_after_s=ack_after_s) as street:
        await street.until(lambda: street.is_connected() and street.is_synced(), "book")
        await asyncio.sleep(1.0)
        assert street.dials == 1
        assert all(street.is_synced(symbol) for symbol in ("BTC/USD", "ETH/USD", "BTC/USDC"))


@pytest.mark.asyncio
async def test_a_lost_frame_makes_the_book_stale_at_the_next_one_and_brings_it_anew() -> None:
    async with a_street("BTC/USD") as street:
        await street.until(lambda: street.is_connected() and street.is_synced(), "book")
        street.rig.server.sockets.gap(1, frames="l2_data")
        exchange = street.rig.server.exchange
        exchange.set_levels("BTC-USD", bids=[("60000.00", "1.25")])
        exchange.set_levels("BTC-USD", bids=[("59999.98", "3")])
        await street.until(lambda: not street.is_synced(), "stale book")
        await street.until(lambda: street.dials == 2 and street.is_connected() and street.is_synced(), "new book")


@pytest.mark.asyncio
async def test_a_frame_of_books_that_cannot_be_read_brings_them_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync, "STREAM_NS", 200_000_000)
    async with a_street("BTC/USD") as street:
        await street.until(lambda: street.is_connected() and street.is_synced(), "book")
        for socket in street.rig.server.sockets.on("^/ws$"):
            street.rig.server.feed.say(socket, "l2_data", [{"type": "update", "product_id": "BTC-USD", "updates": 7}])
        street.rig.server.exchange.set_levels("BTC-USD", bids=[("60000.00", "1.25")])
        await street.until(lambda: not street.is_synced(), "stale book")
        await street.until(lambda: street.dials == 2 and street.is_synced(), "new book")


@pytest.mark.asyncio
async def test_an_unknown_symbol_is_closed_and_the_others_trade() -> None:
    async with a_street("BTC/USD", "NOSUCH/USD") as street:
        await street.until(lambda: street.is_connected() and street.is_synced(), "book")
        (status,) = [each for each in street.of(InstrumentStatus) if each.symbol == "NOSUCH/USD"]
        assert not status.is_trading
        assert not street.marks.is_stale(*KEY)
