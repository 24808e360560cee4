"""Which venues a configuration runs, and on whose prices."""

import msgspec
import pytest

from config.settings import Settings
from config.venues import is_live, is_remote, source_of, symbols_of, venues_of

SETTINGS = msgspec.convert(
    {
        "market": {"source": "live", "venues": ["binance", "mars"], "symbols": ["BTC/USDT"]},
        "venues": {
            "binance": {"symbols": ["ETH/USDT"]},
            "mars": {"kind": "remote", "source": "simulated"},
            "coinbase": {},
        },
    },
    Settings,
)


@pytest.mark.parametrize(("source", "venue"), [("simulated", "simulated"), ("replay", "binance")])
def test_a_market_without_a_name_has_one_venue(source: str, venue: str) -> None:
    settings = msgspec.convert({"market": {"source": source}}, Settings)
    assert venues_of(settings) == (venue,)
    assert source_of(settings, venue) == source
    assert not is_live(settings, None)
    assert not is_remote(settings, None)


def test_a_venue_may_say_for_itself_what_the_market_says_for_all() -> None:
    assert venues_of(SETTINGS) == ("binance", "mars")
    assert [source_of(SETTINGS, name) for name in ("binance", "mars", "coinbase")] == ["live", "simulated", "live"]
    assert symbols_of(SETTINGS, "binance") == ("ETH/USDT",)
    assert symbols_of(SETTINGS, "mars") == ("BTC/USDT",)


def test_real_money_is_where_the_prices_are_real_and_the_venue_runs() -> None:
    assert [is_live(SETTINGS, name) for name in (None, "binance", "mars", "coinbase")] == [True, True, False, False]
    assert [is_remote(SETTINGS, name) for name in (None, "binance", "mars")] == [False, False, True]
