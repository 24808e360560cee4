"""What makes a market happen: a replay to its end, a simulated street from where it was."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from connectors.replay.source import ReplaySource
from connectors.simulated.source import SimulatedSource
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.market import Market, prepare_markets
from engine.bootstrap.sources import SourcePorts, source_parts
from engine.messages.market import QuoteTick, SourceFinished
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, VirtualClock, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from tests.support.host import forget, live_venues, settings_of

START_NS = 1_700_000_000_000_000_000
CANDLES = "open_time_ms,open,high,low,close,volume\n" + "".join(
    f"{1_600_560_000_000 + n * 3_600_000},100,110,95,105,8\n" for n in range(3)
)


async def market_of(settings: Settings, folder: Path, wall: Clock) -> Market:
    feeds = live_venues(settings, folder)
    return (await prepare_markets(settings, wall, feeds)).each[0]


async def opened(
    market: Market, settings: Settings, last_prices: Mapping[str, Decimal] | None = None
) -> tuple[ActorSystem, list[Any], Any]:
    wall = VirtualClock(START_NS)
    rng = seeded_rng(1)
    system, bus = ActorSystem(clock=wall, ids=Ids(wall, rng), rng=rng), Bus()
    heard: list[Any] = []
    for kind in (QuoteTick, SourceFinished):
        bus.subscribe(kind, heard.append)
    ports = SourcePorts(
        bus=bus, wall=wall, rng=rng, exchanges=Exchanges(settings, wall), learn=forget, settled=system.drain,
        wait_settled=system.idle,
    )  # fmt: skip
    parts = source_parts(market, settings, ports, resume_from=0, last_prices=last_prices or {})
    source = await system.start(parts.actor_class, name=parts.name, **parts.collaborators)
    return system, heard, source


@pytest.mark.asyncio
async def test_the_simulated_source_goes_on_from_the_last_prices(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")
    market = await market_of(settings, tmp_path, VirtualClock(START_NS))
    system, heard, source = await opened(market, settings, last_prices={"BTC/USDT": Decimal(12_345)})
    assert source.actor_class is SimulatedSource
    clock = market.clock
    assert isinstance(clock, VirtualClock)
    for _ in range(50):
        clock.advance_to(clock.now_ns() + 100_000_000)
        await system.idle()
    prices = [tick.bid for tick in heard if isinstance(tick, QuoteTick) and tick.symbol == "BTC/USDT"]
    assert prices
    assert all(abs(price - 12_345) < 200 for price in prices)
    await system.stop_all()


@pytest.mark.asyncio
async def test_a_replay_is_played_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "BTCUSDT-1h.csv"
    file.write_text(CANDLES)
    settings = settings_of(tmp_path, f'[market]\nsource = "replay"\npath = "{file}"\nspeed = "max"\n')
    market = await market_of(settings, tmp_path, WallClock())
    system, heard, source = await opened(market, settings)
    assert source.actor_class is ReplaySource
    while not any(isinstance(message, SourceFinished) for message in heard):
        await system.idle()
        await WallClock().sleep(1_000_000)
    (finished,) = (message for message in heard if isinstance(message, SourceFinished))
    assert (finished.frames, finished.errors) == (12, 0), "four for each candle"
    await system.stop_all()
