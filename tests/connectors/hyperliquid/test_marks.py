"""Contexts of markets as mark prices and funding."""

import json
from pathlib import Path

import pytest

from connectors.hyperliquid.marks import parse_funding_history
from connectors.hyperliquid.parse import FrameParser
from engine.domain.errors import BadInput
from engine.messages.market_live import FundingRate, MarkPrice
from tests.support.hyperliquid import answer_of, cassette, some_symbols

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


def test_recorded_funding_is_read_to_the_digit(fixtures_dir: Path) -> None:
    body = cassette(fixtures_dir, "test_get_funding_history_1684811870000_.yaml")
    told = parse_funding_history(body, venue="hyperliquid", symbols=some_symbols(), received_ns=AT)
    raw = json.loads(body)
    assert len(told) == 34
    assert [(str(each.rate), each.ts_event_ns // 10**6) for each in told] == [
        (each["fundingRate"], each["time"]) for each in raw
    ]
    documented = answer_of(fixtures_dir, "Futures.ExchangeData.GetFundingRateHistory")
    (paid,) = parse_funding_history(documented, venue="hyperliquid", symbols=some_symbols(), received_ns=AT)
    assert (paid.symbol, str(paid.rate)) == ("ETH/USDC:USDC", "-0.00022196")


def test_what_is_no_funding_is_refused() -> None:
    for bad in (b"null", b'[{"coin":"BTC","fundingRate":"NaN","time":1}]', b"<html>"):
        with pytest.raises(BadInput, match="fundingHistory"):
            parse_funding_history(bad, venue="hyperliquid", symbols=some_symbols(), received_ns=AT)
