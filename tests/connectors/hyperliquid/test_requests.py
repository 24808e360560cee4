"""Our commands as Hyperliquid's actions."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from connectors.bridge.errors import NotSent
from connectors.hyperliquid.instruments import parse_meta
from connectors.hyperliquid.private_wire import Order
from connectors.hyperliquid.requests import (
    amend_action,
    cancel_action,
    dead_man_action,
    expires_ms,
    order_action,
    worst_price,
)
from connectors.hyperliquid.symbols import MarketName
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import InstrumentKind, OrderType, Side, TimeInForce
from engine.messages.venues import VenueAmend, VenueSubmit

ID = UUID("018f0000-0000-7000-8000-00000000000a")
CLOID = f"0x{ID.hex}"
BTC = MarketName("BTC/USDC:USDC", "BTC", 3, 5, InstrumentKind.PERPETUAL)
META = {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]}
RULES = parse_meta(json.dumps(META).encode(), venue="hyperliquid").instruments[0]
LISTED = Order(
    coin="BTC", side="B", limitPx=Decimal("60000.0"), sz=Decimal("0.3"), oid=77, timestamp=1, origSz=Decimal("0.5"),
    cloid=CLOID, tif="Alo",
)  # fmt: skip


def a_submit(**changes: Any) -> VenueSubmit:
    wish = {
        "order_id": OrderId(ID), "account_id": AccountId(ID), "venue_client_id": CLOID, "venue": "hyperliquid",
        "symbol": BTC.symbol, "side": Side.BUY, "type": OrderType.LIMIT, "quantity": Decimal("0.10"),
        "price": Decimal("60000.0"), "valid_until_ns": 5_999_999,
    }  # fmt: skip
    return VenueSubmit(**{**wish, **changes})


def order_of(**changes: Any) -> dict[str, Any]:
    action = order_action(a_submit(**changes), BTC, RULES, best=Decimal("60000.0"))
    assert list(action) == ["type", "orders", "grouping"]
    (order,) = action["orders"]
    assert isinstance(order, dict)
    return order


def an_amend(**changes: Any) -> VenueAmend:
    wish = {
        "request_id": ID, "order_id": OrderId(ID), "account_id": AccountId(ID), "venue_client_id": CLOID,
        "external_order_id": "77", "symbol": BTC.symbol, "valid_until_ns": 1,
    }  # fmt: skip
    return VenueAmend(**{**wish, **changes})


def test_a_limit_order_has_its_keys_in_the_order_that_is_signed() -> None:
    order = order_of()
    assert list(order) == ["a", "b", "p", "s", "r", "t", "c"]
    assert order == {
        "a": 3, "b": True, "p": "60000", "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}, "c": CLOID,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "tif"),
    [({"post_only": True}, "Alo"), ({"time_in_force": TimeInForce.IOC}, "Ioc"), ({"type": OrderType.MARKET}, "Ioc")],
)
def test_how_long_it_may_rest(changes: dict[str, Any], tif: str) -> None:
    assert order_of(**changes)["t"] == {"limit": {"tif": tif}}


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "60300"), (Side.SELL, "59700")])
def test_a_market_order_is_an_immediate_one_at_a_worst_price(side: Side, limit: str) -> None:
    order = order_of(type=OrderType.MARKET, price=None, side=side)
    assert (order["p"], order["b"], order["t"]) == (limit, side is Side.BUY, {"limit": {"tif": "Ioc"}})


def test_a_worst_price_is_never_beyond_the_slippage() -> None:
    slippage = Decimal("0.005")
    assert worst_price(Decimal(63461), Side.BUY, slippage, RULES) == Decimal(63778)
    assert worst_price(Decimal(63461), Side.SELL, slippage, RULES) == Decimal(63144)


def test_a_stop_waits_for_its_trigger() -> None:
    stop = order_of(type=OrderType.STOP, price=None, stop_price=Decimal(61000), reduce_only=True)
    assert (stop["p"], stop["r"]) == ("67100", True)
    assert stop["t"] == {"trigger": {"isMarket": True, "triggerPx": "61000", "tpsl": "sl"}}
    limit = order_of(type=OrderType.STOP_LIMIT, stop_price=Decimal(61000))
    assert (limit["p"], limit["t"]["trigger"]["isMarket"]) == ("60000", False)


def test_a_take_profit_waits_for_the_other_side() -> None:
    target = order_of(type=OrderType.TAKE_PROFIT, price=None, stop_price=Decimal(59000), reduce_only=True)
    assert (target["p"], target["r"]) == ("64900", True)
    assert target["t"] == {"trigger": {"isMarket": True, "triggerPx": "59000", "tpsl": "tp"}}
    limit = order_of(type=OrderType.TAKE_PROFIT_LIMIT, stop_price=Decimal(59000))
    assert (limit["p"], limit["t"]["trigger"]) == ("60000", {"isMarket": False, "triggerPx": "59000", "tpsl": "tp"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": Decimal("60000.5")}, "bad_price"), ({"quantity": Decimal("0.000001")}, "bad_quantity"),
        ({"time_in_force": TimeInForce.FOK}, "unsupported"), ({"price": None}, "bad_price"),
        ({"type": OrderType.STOP, "price": None}, "bad_price"),
        ({"type": OrderType.TAKE_PROFIT, "price": None}, "bad_price"),
        ({"type": OrderType.TAKE_PROFIT_LIMIT}, "bad_price"),
        ({"type": OrderType.STOP_LIMIT, "stop_price": Decimal("0.01")}, "bad_price"),
    ],
)  # fmt: skip
def test_what_the_venue_cannot_take_is_not_sent(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(NotSent) as caught:
        order_of(**changes)
    assert caught.value.code == code


def test_a_market_order_without_a_market_is_not_sent() -> None:
    with pytest.raises(NotSent, match="bad_price"):
        order_action(a_submit(type=OrderType.MARKET, price=None), BTC, RULES)


def test_a_cancel_names_the_order_by_cloid_or_else_by_number() -> None:
    assert cancel_action(BTC, cloid=CLOID, oid=5) == {
        "type": "cancelByCloid",
        "cancels": [{"asset": 3, "cloid": CLOID}],
    }
    assert cancel_action(BTC, cloid="", oid=5) == {"type": "cancel", "cancels": [{"a": 3, "o": 5}]}
    with pytest.raises(NotSent):
        cancel_action(BTC, cloid="", oid=None)


def test_an_amend_replaces_what_is_left_and_keeps_the_rest() -> None:
    action = amend_action(an_amend(quantity=Decimal(1)), LISTED, Decimal("0.1"), BTC, RULES)
    (modify,) = action["modifies"]
    assert (action["type"], modify["oid"]) == ("batchModify", 77)
    assert modify["order"] == {
        "a": 3, "b": True, "p": "60000", "s": "0.7", "r": False, "t": {"limit": {"tif": "Alo"}}, "c": CLOID,
    }  # fmt: skip
    (moved,) = amend_action(an_amend(price=Decimal(61000)), LISTED, Decimal(0), BTC, RULES)["modifies"]
    assert (moved["order"]["p"], moved["order"]["s"]) == ("61000", "0.3")


def test_an_amend_moves_a_trigger_and_its_worst_price_with_it() -> None:
    stop = msgspec.structs.replace(
        LISTED, isTrigger=True, triggerPx=Decimal(61000), orderType="Stop Market", tif=None, reduceOnly=True
    )
    (modify,) = amend_action(an_amend(stop_price=Decimal(62000)), stop, Decimal(0), BTC, RULES)["modifies"]
    assert modify["order"]["t"] == {"trigger": {"isMarket": True, "triggerPx": "62000", "tpsl": "sl"}}
    assert (modify["order"]["p"], modify["order"]["r"]) == ("68200", True)
    taking = msgspec.structs.replace(stop, orderType="Take Profit Limit")
    (modify,) = amend_action(an_amend(price=Decimal(59000)), taking, Decimal(0), BTC, RULES)["modifies"]
    assert modify["order"]["t"] == {"trigger": {"isMarket": False, "triggerPx": "61000", "tpsl": "tp"}}


@pytest.mark.parametrize("quantity", ["0.2", "0.1", "0.200001"])
def test_an_amend_that_would_leave_nothing_is_not_sent(quantity: str) -> None:
    with pytest.raises(NotSent, match="bad_quantity"):
        amend_action(an_amend(quantity=Decimal(quantity)), LISTED, Decimal(0), BTC, RULES)


def test_the_dead_mans_switch_and_the_last_moment() -> None:
    assert dead_man_action(None) == {"type": "scheduleCancel"}
    assert dead_man_action(5) == {"type": "scheduleCancel", "time": 5}
    assert expires_ms(5_999_999) == 5
