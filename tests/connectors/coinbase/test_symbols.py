"""Names of Coinbase's products."""

import pytest

from connectors.coinbase.symbols import Symbols, product_of, symbol_of
from engine.domain.errors import BadInput


@pytest.mark.parametrize(
    ("product", "symbol"),
    [("BTC-USD", "BTC/USD"), ("00-USD", "00/USD"), ("BTC-PERP-INTX", "BTC/USDC:USDC"), ("1INCH-GBP", "1INCH/GBP")],
)
def test_names_translate_both_ways(product: str, symbol: str) -> None:
    assert symbol_of(product) == symbol
    assert product_of(symbol) == product


@pytest.mark.parametrize("product", ["", "BTC", "-USD", "BTC-", "BIT-28JUN24-CDE", "BTC/USD"])
def test_what_is_no_product_is_refused(product: str) -> None:
    with pytest.raises(BadInput):
        symbol_of(product)


def test_a_product_feeds_every_symbol_whose_alias_it_is() -> None:
    symbols = Symbols()
    symbols.follow(["BTC/USDC", "BTC/USD", "ETH/USD"])
    assert symbols.fed("BTC-USD") == ("BTC/USD",)
    symbols.learn({"BTC-USDC": "BTC-USD"})
    assert symbols.fed("BTC-USD") == ("BTC/USDC", "BTC/USD")
    assert symbols.feed("BTC/USDC") == "BTC-USD"
    assert symbols.feed("ETH/USD") == "ETH-USD"


def test_a_product_that_nobody_asked_for_feeds_its_own_name() -> None:
    assert Symbols({"BTC-USDC": "BTC-USD"}).fed("SOL-USD") == ("SOL/USD",)


def test_a_symbol_asked_for_twice_is_fed_once() -> None:
    symbols = Symbols()
    symbols.follow(["BTC/USD", "BTC/USD"])
    assert symbols.fed("BTC-USD") == ("BTC/USD",)
