"""`LiveMarket` over a real socket: what the venue says, what is said when it is away, books that are fetched anew."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from actors.market_data import MarketData
from actors.marks import MarkTable
from connectors.bridge.errors import Unknown
from connectors.bridge.plan import StreamPlan
from connectors.live.adapter import Listing
from connectors.live.market import LiveMarket, MarketTimes
from engine.domain.book import BINANCE_SPOT
from engine.domain.instrument import Instrument
from engine.domain.kinds import BookState
from engine.messages.market import BookSnapshot, BookStatus, InstrumentsLoaded, QuoteTick, TradePrint
from engine.messages.market_live import InstrumentStatus, VenueHealth
from engine.messages.system import ReadinessChanged
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, system_rng
from engine.runtime.metrics import Metrics
from engine.runtime.system import ActorSystem
from tests.support.live_market import FakePublic, FeedServer, PlayedPlan, a_pair
from tests.support.market import SYMBOL, VENUE, FakeBulk, levels

pytestmark = pytest.mark.asyncio
BTC = a_pair(SYMBOL)
KEY = (VENUE, SYMBOL)
HEARD = (
    QuoteTick, TradePrint, BookStatus, BookSnapshot, InstrumentsLoaded, InstrumentStatus, VenueHealth,
    VenueConnection, ReadinessChanged,
)  # fmt: skip


def a_quote_frame(bid: str = "100", ask: str = "101") -> str:
    data = {"u": 1, "s": "BTCUSDT", "b": bid, "B": "1", "a": ask, "A": "1"}
    return json.dumps({"stream": "btcusdt@bookTicker", "data": data}, separators=(",", ":"))


def a_diff_frame(first: int, last: int, bids: Sequence[tuple[str, str]] = ()) -> str:
    data = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last, "b": bids, "a": []}
    return json.dumps({"stream": "btcusdt@depth@100ms", "data": data}, separators=(",", ":"))


def a_book(last_id: int) -> BookSnapshot:
    now_ns = time.time_ns()
    return BookSnapshot(
        venue=VENUE, symbol=SYMBOL, ts_event_ns=now_ns, ts_init_ns=now_ns, last_update_id=last_id,
        bids=levels(("100", "1")), asks=levels(("101", "1")),
    )  # fmt: skip


class Street:
    """One live venue and everything that it says."""

    def __init__(self, *instruments: Instrument) -> None:
        self.wall = WallClock()
        self.bus = Bus()
        self.metrics = Metrics()
        rng = system_rng()
        self.rng = rng
        self.system = ActorSystem(clock=self.wall, ids=Ids(self.wall, rng), rng=rng, metrics=self.metrics)
        self.marks = MarkTable(self.wall)
        self.adapter = FakePublic(*instruments or (BTC,))
        self.adapter.time_ns = time.time_ns() + 2_000_000_000
        self.instruments = {each.symbol: each for each in self.adapter.listing.instruments}
        self.learned: list[Sequence[Instrument]] = []
        self.heard: list[Any] = []
        for kind in HEARD:
            self.bus.subscribe(kind, self.heard.append)

    async def learn(self, instruments: Sequence[Instrument]) -> None:
        self.learned.append(instruments)

    async def start(self, *plans: StreamPlan, symbols: Sequence[str] = (SYMBOL,), **changes: Any) -> None:
        self.adapter.plans = list(plans)
        await self.system.start(
            MarketData, name="books", venue=VENUE, bus=self.bus, market_clock=self.wall, wall_clock=self.wall,
            marks=self.marks, bulk=FakeBulk(), needs_book=True, rule_of=lambda _symbol: BINANCE_SPOT,
        )  # fmt: skip
        fields: dict[str, Any] = {
            "venue": VENUE, "adapter": self.adapter, "listing": self.adapter.listing, "symbols": symbols,
            "instruments": self.instruments, "learn": self.learn, "bus": self.bus, "wall": self.wall, "rng": self.rng,
        }  # fmt: skip
        await self.system.start(LiveMarket, name="source", **fields | changes)

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.heard if isinstance(each, kind)]

    def states(self) -> list[BookState]:
        return [each.state for each in self.of(BookStatus)]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, f"no {what}: {self.heard[-5:]}"
            await asyncio.sleep(0.005)

    def is_connected(self) -> bool:
        said = self.of(VenueConnection)
        return bool(said) and said[-1].connected


@asynccontextmanager
async def a_street(*instruments: Instrument) -> AsyncIterator[tuple[Street, FeedServer]]:
    server = await FeedServer().start()
    street = Street(*instruments)
    try:
        yield street, server
    finally:
        await street.system.stop_all()
        await street.adapter.close()
        await server.stop()


async def synced(street: Street, server: FeedServer) -> None:
    street.adapter.snapshots = [a_book(10)]
    await street.start(PlayedPlan(server))
    await street.until(street.is_connected, "connection")
    await server.say(a_diff_frame(11, 12), a_quote_frame())
    await street.until(lambda: street.of(QuoteTick) and not street.marks.is_stale(*KEY), "book")


async def test_what_the_venue_says_is_on_the_bus_dated_by_our_clock() -> None:
    async with a_street() as (street, server):
        before_ns = time.time_ns()
        await synced(street, server)
        (quote,) = street.of(QuoteTick)
        assert (quote.bid, quote.ask) == (Decimal(100), Decimal(101))
        assert before_ns <= quote.ts_init_ns <= time.time_ns()
        (loaded,) = street.of(InstrumentsLoaded)
        assert loaded.instruments == (BTC,)
        parts = [(each.part, each.ready) for each in street.of(ReadinessChanged)]
        assert parts == [("feed:binance", False), ("feed:binance", True)]
        assert street.states()[-1] is BookState.SYNCED


async def test_a_gap_is_seen_at_once_and_the_book_is_fetched_anew() -> None:
    async with a_street() as (street, server):
        await synced(street, server)
        street.adapter.snapshots = [Unknown("timeout"), a_book(15), a_book(21)]
        await server.say(a_diff_frame(20, 21))
        await street.until(lambda: BookState.STALE in street.states(), "gap")
        assert street.marks.is_stale(*KEY)
        await street.until(lambda: not street.marks.is_stale(*KEY), "new book")
        assert len(street.adapter.asked) == 4, "the first, the failure, the one that was too old, the good one"
        await server.say(a_diff_frame(22, 22, [("100.5", "2")]))
        await street.until(lambda: street.heard[-1] is not None and not street.marks.is_stale(*KEY), "sync")
        text = street.metrics.render().decode()
        assert 'cival_venue_book_fetches_total{venue="binance"} 4.0' in text


async def test_a_lost_socket_makes_everything_stale_and_is_dialled_again() -> None:
    async with a_street() as (street, server):
        await synced(street, server)
        street.adapter.snapshots = [a_book(30)]
        await server.drop()
        await street.until(lambda: not street.is_connected(), "loss")
        assert street.marks.is_stale(*KEY)
        lost = street.of(VenueConnection)[-1]
        assert lost.reason.startswith("market/0: ")
        await street.until(street.is_connected, "return")
        await street.until(lambda: not street.marks.is_stale(*KEY), "book")
        assert len(server.subscriptions) == 2
        assert street.of(VenueHealth)[-1].reconnects == 1


async def test_a_frame_that_cannot_be_read_costs_nothing_but_itself() -> None:
    async with a_street() as (street, server):
        await synced(street, server)
        await server.say("{", '{"stream":"btcusdt@bookTicker","data":{}}', '{"stream":"x@nonsense","data":{}}', "[]")
        await server.say(a_quote_frame("90", "91"))
        await street.until(lambda: street.of(QuoteTick)[-1].bid == 90, "quote")
        assert street.is_connected()
        assert len(server.sockets) == 1
        text = street.metrics.render().decode()
        assert "cival_venue_frames_unreadable_total" in text


async def test_a_venue_that_does_not_confirm_is_not_ready() -> None:
    async with a_street() as (street, server):
        server.confirms = False
        await street.start(PlayedPlan(server))
        await street.until(lambda: server.subscriptions, "subscription")
        assert not street.is_connected()
        assert street.of(ReadinessChanged)[-1].reason == "connecting"


async def test_how_the_venue_is_gets_measured() -> None:
    async with a_street() as (street, server):
        await synced(street, server)
        await street.until(lambda: street.of(VenueHealth)[-1].response_ns is not None, "answer")
        health = street.of(VenueHealth)[-1]
        assert health.is_online
        assert 1_000_000_000 < health.clock_offset_ns < 3_000_000_000
        assert health.reconnects == 0
    async with a_street() as (street, server):
        street.adapter.time_ns = Unknown("timeout", "no answer")
        await street.start(PlayedPlan(server))
        await street.until(street.is_connected, "connection")
        await street.until(lambda: "no answer" in street.of(VenueHealth)[-1].reason, "trouble")


async def test_what_is_closed_at_the_start_is_said_and_not_followed() -> None:
    asked: list[Sequence[str]] = []
    async with a_street() as (street, server):
        street.instruments["OLD/USDT"] = a_pair("OLD/USDT")
        streams = street.adapter.streams

        def noted(symbols: Sequence[str], channels: Any) -> Sequence[StreamPlan]:
            asked.append(symbols)
            return streams(symbols, channels)

        street.adapter.streams = noted  # type: ignore[method-assign]
        await street.start(PlayedPlan(server), symbols=(SYMBOL, "OLD/USDT"))
        await street.until(street.is_connected, "connection")
        assert asked == [[SYMBOL]]
        await street.until(lambda: street.marks.why_closed(VENUE, "OLD/USDT"), "status")
        assert street.marks.why_closed(VENUE, "OLD/USDT") == "the venue lists it no more"


async def test_the_listing_is_read_again_and_what_has_changed_is_said_once() -> None:
    async with a_street(BTC, a_pair("ETH/USDT")) as (street, server):
        await street.start(PlayedPlan(server), times=MarketTimes(listing_ns=20_000_000))
        await street.until(street.is_connected, "connection")
        coarse = a_pair("ETH/USDT", tick_size=Decimal("0.1"))
        street.adapter.listing = Listing(instruments=(coarse,), closed=(SYMBOL,))
        await street.until(lambda: street.of(InstrumentStatus), "status")
        status = street.of(InstrumentStatus)[0]
        assert (status.symbol, status.is_trading, status.reason) == (SYMBOL, False, "the venue has closed it")
        await street.until(lambda: street.learned, "lesson")
        assert street.instruments == {SYMBOL: BTC, "ETH/USDT": coarse}, "positions in what is closed must be loaded"
        street.adapter.listing = Listing(instruments=())
        await asyncio.sleep(0.1)
        street.adapter.listing = Listing(instruments=(BTC, coarse))
        await street.until(lambda: len(street.of(InstrumentStatus)) > 1, "opening")
        assert [each.is_trading for each in street.of(InstrumentStatus)] == [False, True]
        assert len(street.learned) == 1
