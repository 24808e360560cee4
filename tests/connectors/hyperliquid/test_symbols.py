"""Names of Hyperliquid's markets."""

import pytest

from connectors.hyperliquid.symbols import MarketName, Symbols, is_spot
from engine.domain.errors import BadInput
from engine.domain.kinds import InstrumentKind
from tests.support.hyperliquid import HYPE_USDC, some_symbols


@pytest.mark.parametrize(
    ("coin", "symbol"),
    [("BTC", "BTC/USDC:USDC"), ("kPEPE", "KPEPE/USDC:USDC"), ("@107", "HYPE/USDC"), ("PURR/USDC", "PURR/USDC")],
)
def test_a_coin_has_one_name_here(coin: str, symbol: str) -> None:
    symbols = some_symbols()
    assert [symbols.unified(coin), symbols.unified(coin)] == [symbol, symbol]


@pytest.mark.parametrize("coin", ["@5", "unit:ES", "", "A/B/C", "B TC", "Ünit"])
def test_what_no_listing_has_told_of_is_refused(coin: str) -> None:
    with pytest.raises(BadInput, match="coin"):
        some_symbols().unified(coin)


def test_orders_need_the_number_of_a_listed_market() -> None:
    symbols = some_symbols()
    assert symbols.market("HYPE/USDC") == HYPE_USDC
    with pytest.raises(BadInput, match="symbol"):
        symbols.market("BTC/USDC:USDC")


def test_the_spelling_says_what_kind_a_market_is() -> None:
    assert [is_spot(coin) for coin in ("BTC", "@1", "PURR/USDC")] == [False, True, True]
    assert Symbols().kind("@1") is InstrumentKind.SPOT
    assert Symbols().kind("BTC") is InstrumentKind.PERPETUAL


def test_a_perpetual_has_its_coin_without_a_listing_and_a_pair_has_not() -> None:
    symbols = some_symbols()
    assert [symbols.coin(symbol) for symbol in ("BTC/USDC:USDC", "HYPE/USDC")] == ["BTC", "@107"]
    with pytest.raises(BadInput, match="symbol"):
        symbols.coin("PURR/USDC")


def test_only_a_listing_leads_back_to_the_venues_spelling() -> None:
    pepe = MarketName("KPEPE/USDC:USDC", "kPEPE", 2, 0, InstrumentKind.PERPETUAL)
    assert [Symbols([pepe]).coin(pepe.symbol), Symbols().coin(pepe.symbol)] == ["kPEPE", "KPEPE"]
