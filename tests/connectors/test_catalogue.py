"""The live venues that this build can reach."""

import subprocess
import sys

import pytest

from connectors.catalogue import VENUES, entry_of, kit_of, market_of
from engine.domain.errors import ConfigError


def test_an_exchange_that_nobody_knows_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"market\.venues: expected exchanges of binance, .*, was 'nowhere'"):
        entry_of("nowhere")


@pytest.mark.parametrize(
    ("venue", "market", "meant"),
    [
        ("binance", None, "spot"),
        ("binance", "usdm", "usdm"),
        ("hyperliquid", None, "perp"),
        ("coinbase", None, "spot"),
        ("kraken", None, "spot"),
    ],
)
def test_a_venue_without_a_market_means_its_first(venue: str, market: str | None, meant: str) -> None:
    assert market_of(venue, market) == meant


def test_a_market_that_a_venue_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"venues\.coinbase\.market: expected spot, was 'usdm'"):
        market_of("coinbase", "usdm")


@pytest.mark.parametrize("venue", VENUES)
def test_every_entry_has_its_parts(venue: str) -> None:
    for market in VENUES[venue].markets:
        kit = kit_of(venue, market)
        assert kit.market == market
        assert kit.limits
        assert callable(kit.public)
        assert callable(kit.private)


@pytest.mark.parametrize("venue", VENUES)
def test_addresses_are_overridden_one_by_one(venue: str) -> None:
    urls = entry_of(venue).urls
    assert urls("", "") == {}
    rest, stream = urls("http://h:1", ""), urls("", "ws://h:2")
    assert "http://h:1" in str(rest)
    assert "ws://h:2/ws" in str(stream)
    assert "ws://" not in str(rest)
    assert "http://" not in str(stream)
    assert set(urls("http://h:1", "ws://h:2")["api"]) == {*rest["api"], *stream["api"]}


def test_looking_it_up_imports_no_exchange() -> None:
    code = "import connectors.catalogue, sys; sys.exit('ccxt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
