"""The market that a configuration names: its venue, clock, instruments and source."""

from pathlib import Path

import pytest

from config.settings import Settings
from engine.bootstrap.market import Market, Markets, paper_latency, prepare_markets
from engine.domain.book import BINANCE_SPOT, UNCHECKED
from engine.domain.errors import ConfigError
from engine.runtime.clock import Clock, VirtualClock, WallClock
from tests.support.host import live_venues, settings_of

CANDLES = "open_time_ms,open,high,low,close,volume\n" + "".join(
    f"{1_600_560_000_000 + n * 3_600_000},100,110,95,105,8\n" for n in range(3)
)


def of(folder: Path, text: str) -> Settings:
    return settings_of(folder, text)


async def markets_of(folder: Path, text: str, wall: Clock) -> Markets:
    settings = of(folder, text)
    return await prepare_markets(settings, wall, live_venues(settings, folder))


async def market_of(folder: Path, text: str, wall: Clock) -> Market:
    return (await markets_of(folder, text, wall)).each[0]


def recorded(folder: Path, text: str = CANDLES) -> str:
    """A replay of candles; the configuration that plays it."""
    file = folder / "BTCUSDT-1h.csv"
    file.write_text(text)
    return f'[market]\nsource = "replay"\npath = "{file}"\nspeed = "max"\n'


@pytest.mark.asyncio
async def test_the_simulated_market_has_the_wall_clock_and_what_is_asked_for(tmp_path: Path) -> None:
    wall = WallClock()
    everything = await market_of(tmp_path, "", wall)
    assert everything.clock is wall
    assert (everything.session_name, everything.candles, everything.sequence_rule) == ("", {}, UNCHECKED)
    assert len(everything.instruments) > 2
    one = await market_of(tmp_path, '[market]\nsymbols = ["ETH/USDT"]\nstale_after = "3s"\n', wall)
    assert list(one.by_name) == [("simulated", "ETH/USDT")]
    assert one.stale_after_ns == 3_000_000_000


@pytest.mark.asyncio
async def test_a_symbol_that_is_not_listed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"market\.symbols: expected symbols of .*BTC/USDT.*, was 'NO/NE'"):
        await market_of(tmp_path, '[market]\nsymbols = ["BTC/USDT", "NO/NE"]\n', WallClock())


@pytest.mark.asyncio
async def test_a_replay_has_a_clock_of_its_own_and_is_not_stale_within_a_candle(tmp_path: Path) -> None:
    market = await market_of(tmp_path, recorded(tmp_path), WallClock())
    assert isinstance(market.clock, VirtualClock)
    assert market.candles == {"BTC/USDT": "1h"}
    assert market.stale_after_ns == 2 * 3_600_000_000_000
    assert market.sequence_rule is BINANCE_SPOT
    assert market.session_name.startswith("BTCUSDT-1h-")


@pytest.mark.asyncio
async def test_a_replay_that_cannot_be_played_keeps_its_whole_reason(tmp_path: Path) -> None:
    text = recorded(tmp_path, "not a recording\n" * 3)
    with pytest.raises(ConfigError) as caught:
        await market_of(tmp_path, text, WallClock())
    assert str(caught.value).startswith("market.path: expected recorded frames or candles in ")
    assert f"{tmp_path}/BTCUSDT-1h.csv:1: " in str(caught.value)
    assert caught.value.exit_code == 2


def test_latency_is_the_venues_or_none(tmp_path: Path) -> None:
    settings = of(tmp_path, '[venues.simulated]\nsubmit_latency = "50ms"\ncancel_latency = "2s"\n')
    latency = paper_latency(settings, "simulated")
    assert (latency.submit_ns, latency.cancel_ns) == (50_000_000, 2_000_000_000)
    none = paper_latency(settings, "binance")
    assert (none.submit_ns, none.cancel_ns) == (0, 0)


TWO = """
[market]
venues = ["mars", "venus"]
symbols = ["BTC/USDT"]

[venues.mars]
kind = "remote"
url = "unix:/run/mars.sock"

[venues.venus]
symbols = ["BTC/USDT", "ETH/USDT"]
"""


@pytest.mark.asyncio
async def test_several_venues_have_one_clock_and_each_its_instruments(tmp_path: Path) -> None:
    wall = WallClock()
    markets = await markets_of(tmp_path, TWO, wall)
    assert (markets.default, markets.clock, markets.session, markets.session_name) == ("mars", wall, None, "")
    assert [(each.venue, each.symbols) for each in markets.each] == [
        ("mars", ("BTC/USDT",)),
        ("venus", ("BTC/USDT", "ETH/USDT")),
    ]
    assert set(markets.instruments) == {("mars", "BTC/USDT"), ("venus", "BTC/USDT"), ("venus", "ETH/USDT")}


@pytest.mark.asyncio
async def test_an_exchange_that_nobody_knows_is_named(tmp_path: Path) -> None:
    text = '[market]\nsource = "live"\nvenues = ["nowhere"]\nsymbols = ["BTC/USDT"]\n'
    with pytest.raises(ConfigError, match=r"market\.venues: expected .*, was 'nowhere'"):
        await markets_of(tmp_path, text, WallClock())
