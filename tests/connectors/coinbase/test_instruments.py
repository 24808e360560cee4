"""Coinbase's listing as instruments."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.coinbase.instruments import parse_products
from engine.domain.errors import BadInput
from engine.domain.kinds import InstrumentKind

DATA = Path(__file__).parents[2] / "data/coinbase"
PRODUCTS = (DATA / "products.json").read_bytes()


def test_products_that_trade_become_instruments() -> None:
    found = parse_products(PRODUCTS, venue="coinbase").listing
    assert [instrument.symbol for instrument in found.instruments] == ["BTC/USD", "BTC/USDC", "ETH/USD"]
    bitcoin = found.instruments[0]
    assert (bitcoin.kind, bitcoin.base, bitcoin.quote, bitcoin.settle) == (InstrumentKind.SPOT, "BTC", "USD", "USD")
    assert (bitcoin.tick_size, bitcoin.step_size) == (Decimal("0.01"), Decimal("0.00000001"))
    assert (bitcoin.min_quantity, bitcoin.max_quantity) == (Decimal("0.000016"), Decimal(2600))
    assert (bitcoin.min_notional, bitcoin.maker_fee, bitcoin.taker_fee) == (
        Decimal(1),
        Decimal("0.006"),
        Decimal("0.012"),
    )


def test_the_price_step_outranks_the_quote_step_and_sizes_round_up_to_what_can_be_ordered() -> None:
    ether = parse_products(PRODUCTS, venue="coinbase").listing.instruments[2]
    assert ether.tick_size == Decimal("0.01")
    assert ether.min_quantity == Decimal("0.003")


def test_what_cannot_be_traded_is_named_and_counted() -> None:
    found = parse_products(PRODUCTS, venue="coinbase")
    assert found.listing.closed == ("OLD/USD", "NEW/USD", "HALT/USD")
    assert found.listing.skipped == {
        "delisted": 1,
        "post_only": 1,
        "trading_disabled": 1,
        "unreadable": 1,
        "future": 1,
    }
    assert len(found.unreadable) == 1
    assert "BAD-USD" in found.unreadable[0]


def test_aliases_are_told() -> None:
    assert parse_products(PRODUCTS, venue="coinbase").aliases == {"BTC-USDC": "BTC-USD"}


@pytest.mark.parametrize("flag", ["is_disabled", "cancel_only", "limit_only", "auction_mode", "view_only"])
def test_each_flag_that_stops_ordinary_orders_closes_a_product(flag: str) -> None:
    product: dict[str, Any] = json.loads(PRODUCTS)["products"][0]
    found = parse_products(json.dumps({"products": [{**product, flag: True}]}).encode(), venue="coinbase").listing
    assert (found.instruments, found.closed, found.skipped) == ((), ("BTC/USD",), {flag: 1})


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"products": 1}', b'{"products": [', b'{"error":"x"}'])
def test_what_is_no_listing_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        parse_products(raw, venue="coinbase")


@pytest.mark.parametrize("entry", [{}, 7, {"product_id": "BTC-USD"}, {"product_id": None}])
def test_an_unreadable_product_does_not_hide_the_others(entry: object) -> None:
    good = json.loads(PRODUCTS)["products"][0]
    found = parse_products(json.dumps({"products": [entry, good]}).encode(), venue="coinbase")
    assert [instrument.symbol for instrument in found.listing.instruments] == ["BTC/USD"]
    assert len(found.unreadable) == 1


def test_recorded_products_give_the_exact_texts(fixtures_dir: Path) -> None:
    folder = fixtures_dir / "kmiq/coinbase_advanced"
    raw = (folder / "list_products_success_response.json").read_bytes()
    single = json.loads((folder / "get_product_success_response.json").read_bytes())
    entries = [*json.loads(raw)["products"], single]
    found = parse_products(json.dumps({"products": entries}).encode(), venue="coinbase")
    assert found.unreadable == ()
    assert len(found.listing.instruments) == len(entries) == 6
    for entry, instrument in zip(entries, found.listing.instruments, strict=True):
        assert instrument.symbol == entry["product_id"].replace("-", "/")
        assert str(instrument.tick_size) == str(Decimal(entry["quote_increment"]))
        assert str(instrument.step_size) == str(Decimal(entry["base_increment"]))
        assert str(instrument.min_quantity) == str(Decimal(entry["base_min_size"]))
        assert str(instrument.max_quantity) == str(Decimal(entry["base_max_size"]))
        assert str(instrument.min_notional) == entry["quote_min_size"]
