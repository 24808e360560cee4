"""Hyperliquid's two listings as instruments."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.hyperliquid.instruments import parse_meta, parse_spot_meta
from engine.domain.errors import BadInput
from engine.domain.kinds import InstrumentKind, OrderType, Side
from tests.support.hyperliquid import answer_of, captured, cassette

META = {
    "universe": [
        {"name": "BTC", "szDecimals": 5, "maxLeverage": 40},
        {"name": "OLD", "szDecimals": 1, "maxLeverage": 3, "isDelisted": True},
        {"name": "kPEPE", "szDecimals": 0, "maxLeverage": 10},
        {"name": "ODD", "szDecimals": 9, "maxLeverage": 3},
        {"name": "FREE", "szDecimals": 1, "maxLeverage": 0},
        {"name": "KPEPE", "szDecimals": 1, "maxLeverage": 3},
    ]
}
SPOT = {
    "universe": [
        {"name": "PURR/USDC", "tokens": [1, 0], "index": 0},
        {"name": "@107", "tokens": [150, 0], "index": 107},
        {"name": "@108", "tokens": [150, 0], "index": 108},
        {"name": "@109", "tokens": [7, 0], "index": 109},
    ],
    "tokens": [
        {"name": "USDC", "szDecimals": 8, "index": 0},
        {"name": "PURR", "szDecimals": 0, "index": 1},
        {"name": "HYPE", "szDecimals": 2, "index": 150},
    ],
}


def raw(answer: object) -> bytes:
    return json.dumps(answer).encode()


def test_a_perpetual_has_its_steps_margin_and_number() -> None:
    listing = parse_meta(raw(META), venue="hyperliquid")
    btc, pepe = listing.instruments
    assert (btc.symbol, btc.base, btc.settle, btc.kind) == ("BTC/USDC:USDC", "BTC", "USDC", InstrumentKind.PERPETUAL)
    assert (btc.tick_size, btc.price_figures, btc.step_size) == (Decimal("0.1"), 5, Decimal("0.00001"))
    assert (btc.initial_margin, btc.maintenance_margin) == (Decimal("0.025"), Decimal("0.0125"))
    assert (btc.min_notional, btc.taker_fee) == (Decimal(10), Decimal("0.00045"))
    assert (pepe.symbol, pepe.tick_size, pepe.step_size) == ("KPEPE/USDC:USDC", Decimal("0.000001"), Decimal(1))
    assert [name.asset for name in listing.names] == [0, 1, 2, 3, 4]
    assert listing.closed == ("OLD/USDC:USDC",)
    assert [name for name, _ in listing.refused] == ["ODD", "FREE", "KPEPE"]


def test_a_spot_pair_has_the_names_of_its_tokens() -> None:
    listing = parse_spot_meta(raw(SPOT), venue="hyperliquid")
    purr, hype = listing.instruments
    assert (purr.symbol, purr.tick_size, purr.step_size) == ("PURR/USDC", Decimal("1E-8"), Decimal(1))
    assert (hype.symbol, hype.tick_size, hype.kind) == ("HYPE/USDC", Decimal("0.000001"), InstrumentKind.SPOT)
    assert [(name.coin, name.asset) for name in listing.names] == [("PURR/USDC", 10_000), ("@107", 10_107)]
    assert [name for name, _ in listing.refused] == ["@108", "@109"]


@pytest.mark.parametrize(
    ("price", "side", "rounded"),
    [
        ("63460.7", Side.BUY, "63460"), ("63460.7", Side.SELL, "63461"), ("9999.97", Side.SELL, "10000"),
        ("1234567", Side.BUY, "1234567"), ("0.99", Side.BUY, "0.9"),
    ],
)  # fmt: skip
def test_a_price_is_rounded_by_its_figures_and_never_to_our_harm(price: str, side: Side, rounded: str) -> None:
    btc = parse_meta(raw(META), venue="hyperliquid").instruments[0]
    assert btc.round_price(Decimal(price), side) == Decimal(rounded)


def test_recorded_prices_are_on_the_steps_of_the_recorded_listing(fixtures_dir: Path) -> None:
    listing = parse_meta(cassette(fixtures_dir, "test_get_info.yaml"), venue="hyperliquid")
    rules = {each.symbol: each for each in listing.instruments}
    known = {name.coin: rules[name.symbol] for name in listing.names}
    orders = json.loads(cassette(fixtures_dir, "test_get_open_orders.yaml"))
    fills = json.loads(cassette(fixtures_dir, "test_get_user_fills.yaml.gz"))
    assert len(known) == 28
    for coin, price, size in [
        *((each["coin"], each["limitPx"], each["sz"]) for each in orders),
        *((each["coin"], each["px"], each["sz"]) for each in fills),
    ]:
        found = known[coin].check_order(
            type=OrderType.LIMIT, quantity=Decimal(size), price=Decimal(price), reduce_only=True
        )
        assert not found, (coin, price, size)


def test_the_captured_listing_is_read(fixtures_dir: Path) -> None:
    payload, _ = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "rest meta")
    listing = parse_meta(raw(payload), venue="hyperliquid")
    assert [(each.base, str(each.step_size), each.initial_margin) for each in listing.instruments] == [
        ("SOL", "0.01", Decimal("0.1")), ("BTC", "0.00001", Decimal("0.025")),
        ("ETH", "0.0001", Decimal("0.04")), ("MATIC", "0.1", Decimal("0.1")),
    ]  # fmt: skip


def test_the_captured_listing_of_another_deployer_is_not_taken_for_ours(fixtures_dir: Path) -> None:
    _, payload = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "rest meta")
    with pytest.raises(BadInput, match="collateralToken"):
        parse_meta(raw(payload), venue="hyperliquid")


def test_the_documented_listings_are_read(fixtures_dir: Path) -> None:
    perps = parse_meta(answer_of(fixtures_dir, "Futures.ExchangeData.GetExchangeInfo"), venue="hyperliquid")
    spot = parse_spot_meta(answer_of(fixtures_dir, "Spot.ExchangeData.GetExchangeInfo"), venue="hyperliquid")
    assert (len(perps.instruments), perps.closed) == (3, ("LOOM/USDC:USDC",))
    assert [each.symbol for each in spot.instruments] == ["PURR/USDC"]


@pytest.mark.parametrize("bad", [b"null", b"{}", b'{"universe":[{}]}', b"<html>"])
def test_what_is_no_listing_is_refused(bad: bytes) -> None:
    with pytest.raises(BadInput, match="meta"):
        parse_meta(bad, venue="hyperliquid")
    with pytest.raises(BadInput, match="spotMeta"):
        parse_spot_meta(bad, venue="hyperliquid")
