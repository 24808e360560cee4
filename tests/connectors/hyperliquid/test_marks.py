"""Contexts of markets as mark prices and funding."""

from pathlib import Path

from connectors.hyperliquid.parse import FrameParser
from engine.messages.market_live import FundingRate, MarkPrice
from tests.support.hyperliquid import some_symbols

DATA = Path(__file__).parents[2] / "data/hyperliquid/frames.txt"
AT = 1_700_000_000_000_000_000


def context(number: int) -> list[object]:
    line = DATA.read_bytes().splitlines()[number].partition(b" ")[2]
    return list(FrameParser(venue="hyperliquid", symbols=some_symbols()).parse(line, AT))


def test_a_perpetual_has_a_mark_and_funding_at_the_next_full_hour() -> None:
    mark, funding = context(8)
    assert isinstance(mark, MarkPrice)
    assert (str(mark.price), str(mark.index_price), mark.symbol) == ("100.3", "100.2", "BTC/USDC:USDC")
    assert isinstance(funding, FundingRate)
    assert (str(funding.rate), funding.next_funding_ns) == ("0.0000125", 1_700_002_800_000_000_000)


def test_a_spot_pair_has_a_mark_only() -> None:
    (mark,) = context(9)
    assert isinstance(mark, MarkPrice)
    assert (str(mark.price), mark.index_price, mark.symbol) == ("21.5", None, "HYPE/USDC")
