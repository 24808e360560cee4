"""Recorded and documented answers about an account, as messages."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connectors.binance.private_rest import RestParser
from connectors.binance.symbols import Market, Symbols
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, PositionSide, Side
from engine.domain.values import round_money
from tests.connectors.binance.recorded import http, quoted


def a_parser(market: Market) -> RestParser:
    return RestParser(venue="binance", account_id=AccountId(UUID(int=7)), symbols=Symbols(market))


def body(exchange: dict[str, Any]) -> bytes:
    return json.dumps(exchange["data"]).encode()


def test_recorded_spot_orders_keep_their_numbers(fixtures_dir: Path) -> None:
    lists = [exchange["data"] for exchange in http(fixtures_dir, "/api/v3/openOrders") if exchange["data"]]
    lists += [exchange["data"] for exchange in http(fixtures_dir, "/api/v3/allOrders") if exchange["data"]]
    seen = 0
    for listed in lists:
        orders = a_parser("spot").orders(json.dumps(listed).encode())
        for order, wire in zip(orders, listed, strict=True):
            seen += 1
            assert (f"{order.quantity:f}", f"{order.filled_quantity:f}") == (wire["origQty"], wire["executedQty"])
            assert order.price is None or f"{order.price:f}" == wire["price"]
            assert order.external_order_id == str(wire["orderId"])
            assert order.is_open == (wire["status"] in ("NEW", "PARTIALLY_FILLED"))
    assert seen > 0


def test_recorded_accounts_give_what_is_owned(fixtures_dir: Path) -> None:
    for exchange in http(fixtures_dir, "/api/v3/account"):
        balances = a_parser("spot").balances(body(exchange))
        wire = [asset for asset in exchange["data"]["balances"] if Decimal(asset["free"]) or Decimal(asset["locked"])]
        assert [(b.asset, f"{b.free:f}", f"{b.locked:f}") for b in balances] == [
            (asset["asset"], asset["free"], asset["locked"]) for asset in wire
        ]


def test_a_filled_market_order_knows_its_average(fixtures_dir: Path) -> None:
    raw = (fixtures_dir / "xchange/binance_spot/filled-market-order.json").read_bytes()
    order = a_parser("spot").order(raw)
    assert (order.type, order.side, order.done_reason) == (OrderType.MARKET, Side.SELL, DoneReason.FILLED)
    assert order.average_price == round_money(Decimal("0.00198847") / Decimal("0.10700000"))
    assert order.price is None


def test_quoted_acknowledgements_are_read_though_they_hold_numbers_as_text(fixtures_dir: Path) -> None:
    # ccxt printed them, and it prints integers as texts; the venue sends numbers.
    for file, market in (
        ("binance_spot/ccxt_threads_binance_spot_dev.jsonl", "spot"),
        ("binance_usdm/ccxt_threads_binance_usdm_dev.jsonl", "usdm"),
    ):
        (payload,) = [json.loads(raw) for kind, raw in quoted(fixtures_dir, file) if "ack" in kind]
        numbers = {name: int(payload[name]) for name in ("orderId", "transactTime", "updateTime") if name in payload}
        order = a_parser(market).order(json.dumps({**payload, **numbers}).encode())  # type: ignore[arg-type]
        assert order.done_reason is DoneReason.FILLED
        assert f"{order.filled_quantity:f}" == payload["executedQty"]


# --- By hand ----------------------------------------------------------------------------------------------------------

TRADE = {
    "symbol": "BTCUSDT", "id": 9, "orderId": 42, "price": "100.50", "qty": "0.010", "commission": "0.00000100",
    "commissionAsset": "BNB", "time": 1_700_000_000_000,
}  # fmt: skip


def test_trades_of_both_markets_become_fills_oldest_first() -> None:
    spot = [{**TRADE, "isBuyer": True, "isMaker": False, "id": number} for number in (11, 9)]
    usdm = [{**TRADE, "side": "SELL", "maker": True, "positionSide": "SHORT"}]
    first, second = a_parser("spot").fills(json.dumps(spot).encode(), {"42": "cv-1"}.__getitem__)
    assert (first.external_trade_id, second.external_trade_id, first.cursor) == ("9", "11", "BTCUSDT:9")
    assert (first.side, first.liquidity, first.venue_client_id) == (Side.BUY, Liquidity.TAKER, "cv-1")
    (fill,) = a_parser("usdm").fills(json.dumps(usdm).encode(), lambda _: "")
    assert (fill.side, fill.liquidity, fill.position_side) == (Side.SELL, Liquidity.MAKER, PositionSide.SHORT)
    assert f"{fill.fee:f}" == "0.00000100"


def test_a_wallet_is_free_and_margin() -> None:
    raw = b'{"assets":[{"asset":"USDT","walletBalance":"100.5","initialMargin":"20.25"},{"asset":"BNB",'
    raw += b'"walletBalance":"0","initialMargin":"0"}],"positions":[]}'
    (balance,) = a_parser("usdm").balances(raw)
    assert (str(balance.free), str(balance.locked)) == ("80.25", "20.25")


def test_flat_positions_are_left_out() -> None:
    rows = [
        {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": amount, "entryPrice": "100.1"}
        for amount in ("0", "-2.5")
    ]
    (position,) = a_parser("usdm").positions(json.dumps(rows).encode())
    assert (position.symbol, str(position.size)) == ("BTC/USDT:USDT", "-2.5")


ALGO = {
    "algoId": 77, "clientAlgoId": "cv-1", "symbol": "BTCUSDT", "side": "SELL", "orderType": "STOP_MARKET",
    "timeInForce": "GTC", "quantity": "0.5", "algoStatus": "NEW", "triggerPrice": "90.5", "price": "0",
    "createTime": 1_700_000_000_000, "updateTime": 0, "actualOrderId": "",
}  # fmt: skip


def test_a_conditional_order_is_one_until_it_has_become_another() -> None:
    parser = a_parser("usdm")
    order, _ = parser.algo_order(json.dumps(ALGO).encode())
    assert order is not None
    assert (order.external_order_id, order.type, order.stop_price) == ("algo:77", OrderType.STOP, Decimal("90.5"))
    assert parser.algo_order(json.dumps({**ALGO, "actualOrderId": "5"}).encode()) == (None, "5")
    closing = {**ALGO, "quantity": "0", "closePosition": True}
    assert parser.algo_orders(json.dumps([closing, ALGO]).encode()) == (order,)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"<html>", b'{"code":-1,"msg":""}', b'{"orderId":null}'])
def test_an_answer_that_is_something_else_proves_nothing(raw: bytes) -> None:
    for read in (a_parser("spot").order, a_parser("usdm").order, a_parser("usdm").algo_order):
        with pytest.raises(BadInput):
            read(raw)
