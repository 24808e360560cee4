"""The made-up listings are as long as real ones, and our parsers read every pair."""

from connectors.binance.instruments import parse_exchange_info
from connectors.coinbase.instruments import parse_products
from engine.benchmarks.venue_listings import binance_listing, coinbase_listing


def test_binance_lists_pairs_of_3_kb_that_all_trade() -> None:
    raw = binance_listing(20)
    assert 2_500 < len(raw) / 20 < 5_000
    found = parse_exchange_info(raw, venue="binance", market="spot")
    assert [each.symbol for each in found.instruments[:2]] == ["COIN0/USDT", "COIN1/USDT"]
    assert (len(found.instruments), found.refused, found.closed) == (20, (), ())


def test_coinbase_lists_products_of_1_kb_that_all_trade() -> None:
    raw = coinbase_listing(20)
    assert 900 < len(raw) / 20 < 2_000
    found = parse_products(raw, venue="coinbase")
    assert [each.symbol for each in found.listing.instruments[:2]] == ["COIN0/USD", "COIN1/USD"]
    assert (len(found.listing.instruments), found.unreadable) == (20, ())
