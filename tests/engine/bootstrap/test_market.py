"""The market that a configuration names: its venue, clock, instruments and source."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from connectors.replay.source import ReplaySource
from connectors.simulated.source import SimulatedSource
from engine.bootstrap.market import Market, SourcePorts, open_market, paper_latency, prepare_market, venue_of
from engine.domain.book import BINANCE_SPOT, UNCHECKED
from engine.domain.errors import ConfigError
from engine.messages.market import QuoteTick, SourceFinished
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from tests.support.host import settings_of

START_NS = 1_700_000_000_000_000_000
CANDLES = "open_time_ms,open,high,low,close,volume\n" + "".join(
    f"{1_600_560_000_000 + n * 3_600_000},100,110,95,105,8\n" for n in range(3)
)


def of(folder: Path, text: str) -> Settings:
    return settings_of(folder, text)


def recorded(folder: Path, text: str = CANDLES) -> str:
    """A replay of candles; the configuration that plays it."""
    file = folder / "BTCUSDT-1h.csv"
    file.write_text(text)
    return f'[market]\nsource = "replay"\npath = "{file}"\nspeed = "max"\n'


@pytest.mark.parametrize(
    ("text", "venue"),
    [("", "simulated"), ('[market]\nvenues = ["coinbase", "binance"]\n', "coinbase"), ("REPLAY", "binance")],
)
def test_accounts_trade_at_the_venue_of_the_source(text: str, venue: str, tmp_path: Path) -> None:
    assert venue_of(of(tmp_path, recorded(tmp_path) if text == "REPLAY" else text)) == venue


@pytest.mark.asyncio
async def test_the_simulated_market_has_the_wall_clock_and_what_is_asked_for(tmp_path: Path) -> None:
    wall = WallClock()
    everything = await prepare_market(of(tmp_path, ""), wall)
    assert everything.clock is wall
    assert (everything.session_name, everything.candles, everything.sequence_rule) == ("", {}, UNCHECKED)
    assert len(everything.instruments) > 2
    one = await prepare_market(of(tmp_path, '[market]\nsymbols = ["ETH/USDT"]\nstale_after = "3s"\n'), wall)
    assert list(one.by_name) == [("simulated", "ETH/USDT")]
    assert one.stale_after_ns == 3_000_000_000


@pytest.mark.asyncio
async def test_a_symbol_that_is_not_listed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"market\.symbols: expected symbols of .*BTC/USDT.*, was 'NO/NE'"):
        await prepare_market(of(tmp_path, '[market]\nsymbols = ["BTC/USDT", "NO/NE"]\n'), WallClock())


@pytest.mark.asyncio
async def test_a_replay_has_a_clock_of_its_own_and_is_not_stale_within_a_candle(tmp_path: Path) -> None:
    market = await prepare_market(of(tmp_path, recorded(tmp_path)), WallClock())
    assert isinstance(market.clock, VirtualClock)
    assert market.candles == {"BTC/USDT": "1h"}
    assert market.stale_after_ns == 2 * 3_600_000_000_000
    assert market.sequence_rule is BINANCE_SPOT
    assert market.session_name.startswith("BTCUSDT-1h-")


@pytest.mark.asyncio
async def test_a_replay_that_cannot_be_played_keeps_its_whole_reason(tmp_path: Path) -> None:
    text = recorded(tmp_path, "not a recording\n" * 3)
    with pytest.raises(ConfigError) as caught:
        await prepare_market(of(tmp_path, text), WallClock())
    assert str(caught.value).startswith("market.path: expected recorded frames or candles in ")
    assert f"{tmp_path}/BTCUSDT-1h.csv:1: " in str(caught.value)
    assert caught.value.exit_code == 2


def test_latency_is_the_venues_or_none(tmp_path: Path) -> None:
    settings = of(tmp_path, '[venues.simulated]\nsubmit_latency = "50ms"\ncancel_latency = "2s"\n')
    latency = paper_latency(settings, "simulated")
    assert (latency.submit_ns, latency.cancel_ns) == (50_000_000, 2_000_000_000)
    none = paper_latency(settings, "binance")
    assert (none.submit_ns, none.cancel_ns) == (0, 0)


async def opened(
    market: Market, settings: Settings, last_prices: Mapping[str, Decimal] | None = None
) -> tuple[ActorSystem, list[Any], Any]:
    wall = VirtualClock(START_NS)
    rng = seeded_rng(1)
    system, bus = ActorSystem(clock=wall, ids=Ids(wall, rng), rng=rng), Bus()
    heard: list[Any] = []
    for kind in (QuoteTick, SourceFinished):
        bus.subscribe(kind, heard.append)
    ports = SourcePorts(system=system, bus=bus, wall=wall, settled=system.drain, wait_settled=system.idle)
    source = await open_market(market, settings, ports, resume_from=0, last_prices=last_prices or {})
    return system, heard, source


@pytest.mark.asyncio
async def test_the_simulated_source_goes_on_from_the_last_prices(tmp_path: Path) -> None:
    settings = of(tmp_path, "")
    market = await prepare_market(settings, VirtualClock(START_NS))
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
    settings = of(tmp_path, recorded(tmp_path))
    market = await prepare_market(settings, WallClock())
    system, heard, source = await opened(market, settings)
    assert source.actor_class is ReplaySource
    while not any(isinstance(message, SourceFinished) for message in heard):
        await system.idle()
        await WallClock().sleep(1_000_000)
    (finished,) = (message for message in heard if isinstance(message, SourceFinished))
    assert (finished.frames, finished.errors) == (12, 0), "four for each candle"
    await system.stop_all()
