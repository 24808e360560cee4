"""Binance's names and ours."""

import pytest

from connectors.binance.symbols import Symbols, raw_name, split_pair
from engine.domain.errors import BadInput
from tests.support.domain import a_perpetual, a_spot


@pytest.mark.parametrize(
    ("name", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("ETHBTC", "ETH", "BTC"),
        ("NKNUSDT", "NKN", "USDT"),
        ("BLZETH", "BLZ", "ETH"),
        ("RUNEEUR", "RUNE", "EUR"),
        ("BTCFDUSD", "BTC", "FDUSD"),
        ("1000PEPEUSDC", "1000PEPE", "USDC"),
    ],
)
def test_a_name_is_cut_at_its_quote_asset(name: str, base: str, quote: str) -> None:
    assert split_pair(name) == (base, quote)


@pytest.mark.parametrize("name", ["", "USDT", "BTC", "BTCUSDT_240927", "btc-usdt", "BTCXYZ", "币安USDT"])
def test_what_cannot_be_cut_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="expected a base asset"):
        split_pair(name)


def test_the_same_name_means_another_instrument_on_each_market() -> None:
    assert Symbols("spot").unified("btcusdt") == "BTC/USDT"
    assert Symbols("usdm").unified("btcusdt") == "BTC/USDT:USDT"


def test_names_of_listed_instruments_win_over_the_guess() -> None:
    listed = a_spot(symbol="ABT/CUSDT", base="ABT", quote="CUSDT", settle="CUSDT")
    symbols = Symbols("spot", [listed])
    assert symbols.unified("ABTCUSDT") == "ABT/CUSDT"


def test_instruments_of_the_other_market_are_left_alone() -> None:
    symbols = Symbols("spot", [a_perpetual()])
    assert symbols.unified("BTCUSDT") == "BTC/USDT"


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_our_name_goes_back_to_the_venues(symbol: str) -> None:
    assert raw_name(symbol) == "BTCUSDT"
