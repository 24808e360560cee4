"""Builders of market messages, and a stage on which a market is played into `MarketData`."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

from actors.market_data import MarketData
from actors.marks import MarkTable
from connectors.replay.session import ReplaySession
from connectors.replay.source import ReplaySource
from engine.domain.errors import DependencyAway
from engine.domain.kinds import Side
from engine.messages.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    BookStatus,
    BookTop,
    InstrumentsLoaded,
    MarketMessage,
    QuoteTick,
    SourceFinished,
    Ticker,
    TradePrint,
)
from engine.messages.rows import Row
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

R = TypeVar("R", bound=Row)
M = TypeVar("M")

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 1_700_049_600 * SECOND
"""A midday, and so the start of every timeframe up to 12 h."""
VENUE = "binance"
SYMBOL = "BTC/USDT"


def decimals(*values: int | str) -> tuple[Decimal, ...]:
    """Write numbers that are compared with decimals."""
    return tuple(map(Decimal, values))


def a_quote(
    bid: str = "100", ask: str = "101", *, at_ns: int = NOON, symbol: str = SYMBOL, **changes: Any
) -> QuoteTick:
    fields: dict[str, Any] = {"venue": VENUE, "ts_event_ns": at_ns, "ts_init_ns": at_ns, "bid_size": Decimal(1)}
    fields |= {"ask_size": Decimal(1)} | changes
    return QuoteTick(symbol=symbol, bid=Decimal(bid), ask=Decimal(ask), **fields)


def a_trade(
    price: str = "100", quantity: str = "1", *, at_ns: int = NOON, symbol: str = SYMBOL, **changes: Any
) -> TradePrint:
    fields: dict[str, Any] = {"venue": VENUE, "ts_event_ns": at_ns, "ts_init_ns": at_ns, "trade_id": "1"}
    fields |= {"aggressor": Side.BUY} | changes
    return TradePrint(symbol=symbol, price=Decimal(price), quantity=Decimal(quantity), **fields)


def levels(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def a_snapshot(
    last_id: int = 10,
    *,
    bids: Any = (("100", "1"),),
    asks: Any = (("101", "1"),),
    at_ns: int = NOON,
    symbol: str = SYMBOL,
) -> BookSnapshot:
    return BookSnapshot(
        venue=VENUE,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=at_ns,
        last_update_id=last_id,
        bids=levels(*bids),
        asks=levels(*asks),
    )


def a_delta(
    first_id: int,
    last_id: int,
    *,
    bids: Any = (),
    asks: Any = (),
    at_ns: int = NOON,
    symbol: str = SYMBOL,
    frame: int = 0,
) -> BookDelta:
    return BookDelta(
        venue=VENUE,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=at_ns,
        frame=frame,
        first_update_id=first_id,
        last_update_id=last_id,
        bids=levels(*bids),
        asks=levels(*asks),
    )


class FakeBulk:
    """Keeps what is written; goes away while `is_away`."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.batches: list[int] = []
        self.is_away = False

    async def write(self, rows: Sequence[Row]) -> None:
        await asyncio.sleep(0)
        if self.is_away:
            raise DependencyAway("database", why="the test says so")
        self.rows += rows
        self.batches.append(len(rows))

    def of(self, kind: type[R]) -> list[R]:
        return [row for row in self.rows if isinstance(row, kind)]


class MarketStage:
    """`MarketData` on clocks that are turned by hand, and everything that it publishes."""

    def __init__(self, start_ns: int = NOON) -> None:
        self.market = VirtualClock(start_ns)
        self.wall = VirtualClock(start_ns)
        self.bus = Bus()
        self.system = ActorSystem(clock=self.wall)
        self.marks = MarkTable(self.market)
        self.bulk = FakeBulk()
        self.heard: list[Any] = []
        for kind in (Bar, Ticker, BookTop, BookStatus, InstrumentsLoaded, SourceFinished):
            self.bus.subscribe(kind, self.heard.append)

    async def start(self, **settings: Any) -> Ref[MarketData]:
        fields: dict[str, Any] = {"venue": VENUE, "bus": self.bus, "market_clock": self.market, "marks": self.marks}
        fields |= {"wall_clock": self.wall, "bulk": self.bulk} | settings
        return await self.system.start(MarketData, name="market_data/binance", **fields)

    async def start_replay(self, session: ReplaySession, **settings: Any) -> Ref[ReplaySource]:
        fields: dict[str, Any] = {"session": session, "bus": self.bus, "market_clock": self.market, "speed": None}
        fields |= {"wall_clock": self.wall, "settled": self.system.drain, "wait_settled": self.system.idle}
        return await self.system.start(ReplaySource, name="replay", **(fields | settings))

    async def say(self, *events: MarketMessage) -> None:
        """Publish raw events, turning the market clock to each, and come to rest."""
        for event in events:
            await self.system.advance(self.market, max(event.ts_init_ns, self.market.now_ns()))
            self.bus.publish(event, (event.venue, event.symbol))
        await self.system.idle()

    async def flush(self, times: int = 1) -> None:
        """Let wall time pass, so that rows are written."""
        for _ in range(times):
            await self.system.advance(self.wall, self.wall.now_ns() + 250_000_000)
            for _ in range(10):
                await asyncio.sleep(0)

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.heard if isinstance(message, kind)]

    async def stop(self) -> None:
        await self.system.stop_all(timeout_s=5)
