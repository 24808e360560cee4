"""Times and venues as people write them."""

from pathlib import Path

import click
import pytest

from engine.cli.live_options import DurationType, TimeType, live_settings
from engine.domain.errors import ConfigError


@pytest.mark.parametrize(("text", "ns"), [("90s", 90 * 10**9), ("10m", 600 * 10**9), ("2h", 7_200 * 10**9)])
def test_durations_are_read(text: str, ns: int) -> None:
    assert DurationType().convert(text, None, None) == ns


@pytest.mark.parametrize("text", ["", "10", "0s", "m", "1w", "-5m", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a duration such as 90s"):
        DurationType().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-02", 86_400), ("1970-01-01T01:00:00Z", 3_600), ("1970-01-01T01:00:00+01:00", 0)],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: int) -> None:
    assert TimeType().convert(text, None, None) == seconds * 10**9


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="expected a date such as 2024-01-31"):
        TimeType().convert("yesterday", None, None)


def test_the_venue_is_put_above_whatever_the_file_follows(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[market]\nvenues = ["mars"]\n[venues.binance]\nrest_url = "http://127.0.0.1:1"\nsymbols = ["ETH/USDT"]\n'
        '[[accounts]]\nname = "a"\nuser = "b"\nvenue = "mars"\n'
    )
    settings = live_settings(file, "binance", "BTC/USDT, SOL/USDT,")
    assert (settings.market.source, settings.market.venues) == ("live", ("binance",))
    assert settings.venues["binance"].symbols == ("BTC/USDT", "SOL/USDT")
    assert settings.venues["binance"].rest_url == "http://127.0.0.1:1"
    assert settings.accounts == ()
    with pytest.raises(ConfigError, match="--symbols"):
        live_settings(None, "binance", "btcusdt")
