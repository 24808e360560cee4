"""Live venues before money moves: reachable, clock, keys, permissions; one line each."""

from pathlib import Path

import pytest

from engine.bootstrap.checks import check_venues
from engine.bootstrap.findings import Finding
from engine.bootstrap.venue_checks import check_live_venues
from engine.runtime.clock import WallClock
from tests.engine.bootstrap.test_engine_live import TEXT
from tests.support.host import settings_of
from tests.support.venues.binance import BinanceSimulator

pytestmark = pytest.mark.asyncio


async def checked(
    venue: BinanceSimulator, folder: Path, *, secret: str = "", key: str = "", text: str = TEXT
) -> list[Finding]:
    account = venue.exchange.accounts.get("real") or venue.add_account("real")
    (folder / "secret").write_text(secret or account.secret)
    settings = settings_of(folder, text.format(http=venue.http, ws=venue.ws, folder=folder, decode="hot"))
    return await check_live_venues(settings, {"CIVAL_TEST_KEY": key or account.api_key}, WallClock())


def lines(found: list[Finding]) -> list[str]:
    return [f"{each.level} {each.what}: {each.text}" for each in found]


async def test_all_is_well(tmp_path: Path) -> None:
    async with BinanceSimulator("spot") as venue:
        listed, clock, account = await checked(venue, tmp_path)
    assert lines([listed, account]) == [
        "ok venue binance: 2 instruments, follows BTC/USDT, ETH/USDT",
        "ok account real: the key may trade",
    ]
    assert clock.what == "venue binance clock"
    assert clock.text.endswith(" ms")
    assert clock.level == "ok"


async def test_a_wrong_key_and_a_wrong_secret_are_one_line_each(tmp_path: Path) -> None:
    async with BinanceSimulator("spot") as venue:
        stranger = (await checked(venue, tmp_path, key="nobodys-key"))[-1]
        forged = (await checked(venue, tmp_path, secret="forged-" + "z" * 40))[-1]
    assert (stranger.level, stranger.is_away) == ("error", False)
    assert "does not let this key in" in stranger.text
    assert "the secret does not belong to this key" in forged.text
    assert "zzzz" not in forged.text


async def test_a_clock_that_is_off_is_told(tmp_path: Path) -> None:
    async with BinanceSimulator("spot") as venue:
        venue.clock.skew(600)
        _, clock, _ = await checked(venue, tmp_path)
    assert clock.level == "warning"
    assert clock.text.startswith(("+600", "+599"))


async def test_a_venue_that_is_away_may_be_there_later(tmp_path: Path) -> None:
    venue = BinanceSimulator("spot")
    await venue.start()
    await venue.stop()
    (away,) = await checked(venue, tmp_path)
    assert (away.level, away.is_away) == ("error", True)
    assert away.text.startswith("cannot be reached: ")


async def test_a_symbol_that_is_not_listed_is_named(tmp_path: Path) -> None:
    async with BinanceSimulator("spot") as venue:
        (wrong,) = await checked(venue, tmp_path, text=TEXT.replace("BTC/USDT", "BTK/USDT"))
    assert (wrong.level, wrong.is_away) == ("error", False)
    assert "expected symbols of binance, such as BTC/USDT" in wrong.text


async def test_the_command_asks_live_venues_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with BinanceSimulator("spot") as venue:
        account = venue.add_account("real")
        (tmp_path / "secret").write_text(account.secret)
        monkeypatch.setenv("CIVAL_TEST_KEY", account.api_key)
        text = TEXT.format(http=venue.http, ws=venue.ws, folder=tmp_path, decode="hot")
        found = await check_venues(settings_of(tmp_path, text))
    assert [each.what for each in found] == ["market", "venue binance", "venue binance clock", "account real"]
