"""Public data of a simulated Hyperliquid, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Self

import pytest
import pytest_asyncio

from connectors.bridge.errors import NotSent
from connectors.bridge.exchange import Bridge
from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.public import HyperliquidPublic
from connectors.live.adapter import Channel, PublicSetup
from engine.messages.market import BookSnapshot, QuoteTick, TradePrint
from engine.messages.market_live import FundingRate, InstrumentStatus, MarkPrice
from engine.runtime.clock import NS_PER_S, WallClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from tests.support.venues.hyperliquid import HyperliquidSimulator

BTC, HYPE = "BTC/USDC:USDC", "HYPE/USDC"
LOG = get_logger("hyperliquid")


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[HyperliquidSimulator]:
    async with HyperliquidSimulator() as server:
        yield server


def a_public(venue: HyperliquidSimulator, market: str = "perp") -> HyperliquidPublic:
    setup = PublicSetup(venue="hyperliquid", market=market, urls=venue.urls())
    return HyperliquidPublic(setup, Bridge(Hyperliquid.limits, WallClock()), LOG)


@pytest.mark.asyncio
async def test_each_market_lists_its_own(venue: HyperliquidSimulator) -> None:
    venue.exchange.markets["ETH"].status = "DELISTED"
    for market, symbols, closed in (("perp", [BTC], ("ETH/USDC:USDC",)), ("spot", [HYPE], ())):
        public = a_public(venue, market)
        await public.open()
        listing = await public.instruments()
        assert ([each.symbol for each in listing.instruments], listing.closed) == (symbols, closed)
        assert public.channels == {Channel.BOOK, Channel.QUOTES, Channel.TRADES, Channel.MARKS}
        await public.close()


@pytest.mark.asyncio
async def test_bars_and_time_are_answered_and_books_come_by_the_stream(venue: HyperliquidSimulator) -> None:
    public = a_public(venue)
    assert await public.snapshot(BTC) is None
    since_ns = 1_700_000_040 * NS_PER_S
    bars = await public.bars(BTC, "1m", since_ns, since_ns + 3 * 60 * NS_PER_S)
    assert [each.open_time_ns for each in bars] == [since_ns + each * 60 * NS_PER_S for each in range(3)]
    with pytest.raises(NotSent, match="7m"):
        await public.bars(BTC, "7m", 0, 1)
    assert abs(await public.server_time_ns() - venue.clock.now_ns()) < NS_PER_S
    await public.close()


class Listener:
    """Runs the streams of a public adapter and keeps what they say."""

    def __init__(self, public: HyperliquidPublic, symbols: list[str], channels: frozenset[Channel]) -> None:
        self.told: list[Any] = []
        self.states: list[tuple[bool, str]] = []
        self.unread: list[str] = []
        self._tasks: list[asyncio.Task[Any]] = []
        owner = StreamOwner(
            on_message=self.told.append,
            on_state=lambda is_ready, why: self.states.append((is_ready, why)),
            on_unread=lambda kind, _why: self.unread.append(kind),
            on_refused=lambda error: self.unread.append(str(error)),
            spawn=self._spawn,
        )
        self.streams = [
            VenueStream(plan, public.wire, owner, clock=WallClock(), rng=seeded_rng(1), log=LOG)
            for plan in public.streams(symbols, channels)
        ]

    def _spawn(self, coroutine: Any, name: str) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> Self:
        for stream in self.streams:
            self._spawn(stream.run(), stream.plan.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self.streams:
            await stream.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, holds: Any) -> None:
        for _ in range(1_000):
            if holds():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"not in 5 s; told {self.told[-5:]}, states {self.states}")

    def of(self, kind: type[Any], symbol: str = BTC) -> list[Any]:
        return [each for each in self.told if isinstance(each, kind) and each.symbol == symbol]


@pytest.mark.asyncio
async def test_the_market_is_told_and_comes_back_after_a_break(venue: HyperliquidSimulator) -> None:
    venue.exchange.print_trade("BTC", "60000")
    public = a_public(venue)
    await asyncio.sleep(0.01)
    await public.open()
    await public.instruments()
    async with Listener(public, [BTC], public.channels) as listener:
        await listener.until(lambda: (True, "") in listener.states)
        venue.exchange.set_levels("BTC", bids=[("60000", "3")])
        venue.exchange.print_trade("BTC", "60001")
        await listener.until(lambda: listener.of(TradePrint))
        (trade,) = listener.of(TradePrint)
        assert trade.price == Decimal(60001)
        assert listener.of(BookSnapshot)[-1].bids[0] == (Decimal(60000), Decimal(3))
        assert listener.of(QuoteTick)[-1].bid == Decimal(60000)
        assert (listener.of(MarkPrice)[0].price, listener.of(FundingRate)[0].rate) == (
            Decimal(60000), Decimal("0.0000125"),
        )  # fmt: skip
        venue.sockets.abort()
        await listener.until(lambda: listener.states.count((True, "")) == 2)
        venue.exchange.print_trade("BTC", "60002")
        await listener.until(lambda: len(listener.of(TradePrint)) == 2)
        assert listener.unread == []
    await public.close()


@pytest.mark.asyncio
async def test_a_delisted_symbol_leaves_the_others_alone(venue: HyperliquidSimulator) -> None:
    venue.exchange.markets["ETH"].status = "DELISTED"
    public = a_public(venue)
    async with Listener(public, [BTC, "ETH/USDC:USDC"], frozenset({Channel.BOOK})) as listener:
        await listener.until(lambda: (True, "") in listener.states)
        (closed,) = listener.of(InstrumentStatus, "ETH/USDC:USDC")
        assert not closed.is_trading
        await listener.until(lambda: listener.of(BookSnapshot))
    await public.close()


@pytest.mark.asyncio
async def test_many_symbols_share_a_few_sockets(venue: HyperliquidSimulator) -> None:
    public = a_public(venue)
    plans = public.streams([f"C{number}/USDC:USDC" for number in range(250)], frozenset({Channel.BOOK}))
    assert [len(await plan.opening()) for plan in plans] == [100, 100, 50]
    assert len({plan.name for plan in plans}) == 3
    many = public.streams([f"C{number}/USDC:USDC" for number in range(500)], public.channels)
    assert sum([len(await plan.opening()) for plan in many]) == 948
    await public.close()
