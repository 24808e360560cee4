"""exchangeInfo as instruments."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.binance.instruments import Fees, parse_exchange_info
from engine.domain.errors import BadInput
from engine.domain.kinds import InstrumentKind

DATA = Path(__file__).parents[2] / "data/binance"


def test_spot_rules_are_read_exactly() -> None:
    listing = parse_exchange_info((DATA / "spot_exchange_info.json").read_bytes(), venue="binance", market="spot")
    btc = next(each for each in listing.instruments if each.symbol == "BTC/USDT")
    assert (btc.kind, btc.base, btc.quote, btc.settle) == (InstrumentKind.SPOT, "BTC", "USDT", "USDT")
    assert (btc.tick_size, btc.step_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert (btc.min_quantity, btc.max_quantity, btc.min_notional) == (Decimal("0.00001"), Decimal(9000), Decimal(5))
    assert (btc.maker_fee, btc.taker_fee, btc.maintenance_margin) == (Decimal("0.001"), Decimal("0.001"), Decimal(0))


def test_the_older_name_of_the_notional_filter_is_read_too() -> None:
    listing = parse_exchange_info((DATA / "spot_exchange_info.json").read_bytes(), venue="binance", market="spot")
    eth = next(each for each in listing.instruments if each.symbol == "ETH/BTC")
    assert eth.min_notional == Decimal("0.0001")


def test_halted_pairs_are_left_out_and_impossible_ones_refused_by_name() -> None:
    listing = parse_exchange_info((DATA / "spot_exchange_info.json").read_bytes(), venue="binance", market="spot")
    assert {each.symbol for each in listing.instruments} == {"BTC/USDT", "ETH/BTC"}
    ((name, why),) = listing.refused
    assert name == "ODDUSDT"
    assert "min_quantity: expected a multiple of step_size" in why


def test_perpetuals_have_margins_and_dated_futures_are_left_out() -> None:
    raw = (DATA / "usdm_exchange_info.json").read_bytes()
    listing = parse_exchange_info(raw, venue="binance", market="usdm", fees=Fees(Decimal(0), Decimal("0.0004")))
    (btc,) = listing.instruments
    assert (btc.symbol, btc.kind, btc.settle) == ("BTC/USDT:USDT", InstrumentKind.PERPETUAL, "USDT")
    assert (btc.initial_margin, btc.maintenance_margin) == (Decimal("0.05"), Decimal("0.025"))
    assert (btc.tick_size, btc.min_notional, btc.taker_fee) == (Decimal("0.1"), Decimal(100), Decimal("0.0004"))
    assert [name for name, _ in listing.refused] == ["ETHUSDT"]


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"symbols":[{"symbol":"BTCUSDT"}]}'])
def test_what_is_no_exchange_info_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput, match="exchangeInfo: expected a list of symbols"):
        parse_exchange_info(raw, venue="binance", market="spot")


@pytest.mark.parametrize(
    ("file", "market", "least", "some"),
    [
        ("binance_spot/BINANCE.0.gz", "spot", 1_000, "NKN/USDT"),
        ("binance_usdm/BINANCE_FUTURES.0.gz", "usdm", 100, "SUSHI/USDT:USDT"),
    ],
)
def test_recorded_answers_list_every_trading_pair(
    fixtures_dir: Path, file: str, market: str, least: int, some: str
) -> None:
    with gzip.open(fixtures_dir / "cryptofeed" / file, "rb") as lines:
        raw = next(lines).split(b": ", 1)[1]
    listing = parse_exchange_info(raw, venue="binance", market="spot" if market == "spot" else "usdm")
    assert len(listing.instruments) >= least
    assert listing.refused == ()
    assert some in {each.symbol for each in listing.instruments}
