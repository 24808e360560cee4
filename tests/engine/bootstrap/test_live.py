"""Live venues before anything else starts: reached, or as they were known."""

from pathlib import Path

import pytest

from config.settings import Settings
from connectors.bridge.errors import Limited, Unknown
from connectors.live.adapter import Listing
from connectors.live.known_instruments import keep, known
from engine.bootstrap.live import LiveVenues
from engine.domain.errors import ConfigError, DependencyAway
from tests.support.host import settings_of
from tests.support.live_market import FakePublic, a_pair

pytestmark = pytest.mark.asyncio
BTC, ETH, OLD = a_pair("BTC/USDT"), a_pair("ETH/USDT"), a_pair("OLD/USDT")
TEXT = '[market]\nsource = "live"\nvenues = ["binance"]\nsymbols = ["BTC/USDT"]\n'


def venues(folder: Path, adapter: FakePublic, text: str = TEXT) -> tuple[LiveVenues, list[str]]:
    made: list[str] = []

    def make(venue: str) -> FakePublic:
        made.append(venue)
        return adapter

    settings: Settings = settings_of(folder, text)
    return LiveVenues(settings, data_dir=folder, make=make), made


async def test_everything_that_trades_is_known_and_what_is_wanted_is_followed(tmp_path: Path) -> None:
    adapter = FakePublic(BTC, ETH)
    live, made = venues(tmp_path, adapter, TEXT + '[venues.binance]\nmarket = "usdm"\n')
    feed = await live.open("binance")
    assert (feed.instruments, feed.symbols) == ((BTC, ETH), ("BTC/USDT",))
    assert feed.by_symbol == {"BTC/USDT": BTC, "ETH/USDT": ETH}
    assert made == ["binance"]
    assert known(tmp_path, "binance") == (BTC, ETH), "for a start without the venue"
    await live.close()
    assert (adapter.is_open, adapter.closed) == (True, 1)


@pytest.mark.parametrize("error", [Unknown("timeout", "no answer"), Limited(1), OSError("no route"), TimeoutError()])
async def test_a_venue_that_is_away_is_taken_as_it_was_known(error: Exception, tmp_path: Path) -> None:
    adapter = FakePublic()
    adapter.error = error
    live, _ = venues(tmp_path, adapter)
    with pytest.raises(DependencyAway, match="venue binance") as caught:
        await live.open("binance")
    assert caught.value.exit_code == 75
    keep(tmp_path, "binance", [BTC])
    feed = await live.open("binance")
    assert (feed.instruments, feed.listing.instruments) == ((BTC,), (BTC,))


async def test_a_symbol_that_was_delisted_is_still_known_but_one_that_never_was_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, "binance", [BTC, OLD])
    live, _ = venues(tmp_path, FakePublic(BTC, ETH), TEXT.replace('"BTC/USDT"', '"BTC/USDT", "OLD/USDT"'))
    feed = await live.open("binance")
    assert (feed.symbols, feed.listing.instruments) == (("BTC/USDT", "OLD/USDT"), (BTC, ETH))
    assert set(feed.by_symbol) == {"BTC/USDT", "ETH/USDT", "OLD/USDT"}

    typo, _ = venues(tmp_path, FakePublic(BTC, ETH), TEXT.replace("BTC/USDT", "BTCC/USDT"))
    with pytest.raises(ConfigError, match=r"market\.symbols: expected symbols of binance, such as BTC/USDT"):
        await typo.open("binance")
    own = TEXT + '[venues.binance]\nsymbols = ["NO/NE"]\n'
    with pytest.raises(ConfigError, match=r"venues\.binance\.symbols: expected symbols of binance, .*, was 'NO/NE'"):
        await venues(tmp_path, FakePublic(BTC), own)[0].open("binance")


async def test_a_symbol_that_is_closed_and_was_never_followed_is_named_as_closed(tmp_path: Path) -> None:
    adapter = FakePublic()
    adapter.listing = Listing(instruments=(ETH,), closed=("BTC/USDT",))
    live, _ = venues(tmp_path, adapter)
    with pytest.raises(ConfigError, match="expected symbols that binance trades now, was 'BTC/USDT, which is closed"):
        await live.open("binance")


async def test_a_folder_that_cannot_be_written_to_keeps_nobody_from_trading(tmp_path: Path) -> None:
    live, _ = venues(tmp_path, FakePublic(BTC))
    (tmp_path / "instruments-binance.new").mkdir()
    assert (await live.open("binance")).symbols == ("BTC/USDT",)
