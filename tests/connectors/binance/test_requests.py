"""Commands as requests of Binance's: exactly these parameters, in this order."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from connectors.binance import requests
from connectors.binance.requests import timestamp_ms
from connectors.bridge.errors import Refused
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import OrderType, PositionSide, Side, TimeInForce
from engine.messages.venues import VenueAmend, VenueCancel, VenueOrder, VenueSubmit

ORDER = OrderId(UUID("0192a000-0000-7000-8000-000000000001"))
CLIENT_ID = f"cv-{ORDER.hex}"


def a_submit(**changes: Any) -> VenueSubmit:
    usual: dict[str, Any] = {
        "order_id": ORDER,
        "account_id": AccountId(UUID(int=7)),
        "venue_client_id": CLIENT_ID,
        "venue": "binance",
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.01234"),
        "price": Decimal("60000.10"),
        "valid_until_ns": 10**18,
    }
    return VenueSubmit(**{**usual, **changes})


def line(request: requests.Request) -> str:
    named = "&".join(f"{name}={value}" for name, value in request.params.items())
    return f"{request.method} {request.api}/{request.path} {named}"


ENDS = f"newClientOrderId={CLIENT_ID}&newOrderRespType=RESULT&recvWindow=5000&timestamp=17"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "quantity=0.01234&type=LIMIT&price=60000.1&timeInForce=GTC"),
        ({"time_in_force": TimeInForce.FOK}, "quantity=0.01234&type=LIMIT&price=60000.1&timeInForce=FOK"),
        ({"post_only": True}, "quantity=0.01234&type=LIMIT_MAKER&price=60000.1"),
        ({"type": OrderType.MARKET, "price": None, "quantity": Decimal("1E+2")}, "quantity=100&type=MARKET"),
        (
            {"type": OrderType.STOP, "price": None, "stop_price": Decimal(59000)},
            "quantity=0.01234&type=STOP_LOSS&stopPrice=59000",
        ),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal("5.9E+4")},
            "quantity=0.01234&type=STOP_LOSS_LIMIT&price=60000.1&timeInForce=GTC&stopPrice=59000",
        ),
        (
            {"type": OrderType.TAKE_PROFIT, "price": None, "stop_price": Decimal(59000)},
            "quantity=0.01234&type=TAKE_PROFIT&stopPrice=59000",
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(59000), "time_in_force": TimeInForce.IOC},
            "quantity=0.01234&type=TAKE_PROFIT_LIMIT&price=60000.1&timeInForce=IOC&stopPrice=59000",
        ),
        ({"quantity": Decimal("1E-7")}, "quantity=0.0000001&type=LIMIT&price=60000.1&timeInForce=GTC"),
    ],
)
def test_a_spot_order(changes: dict[str, Any], expected: str) -> None:
    request = requests.submit(a_submit(**changes), "spot", timestamp=17)
    assert line(request) == f"POST private/order symbol=BTCUSDT&side=BUY&{expected}&{ENDS}"
    assert (request.weight, request.orders) == (1, 1)


ALGO = "algoOrder symbol=BTCUSDT&side=SELL&quantity=0.01234"
TRIGGER = f"triggerPrice=59000&workingType=CONTRACT_PRICE&clientAlgoId={CLIENT_ID}"
WINDOW = "recvWindow=5000&timestamp=17"
PERPETUAL = {"symbol": "BTC/USDT:USDT", "side": Side.SELL}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"order symbol=BTCUSDT&side=SELL&quantity=0.01234&type=LIMIT&price=60000.1&timeInForce=GTC&{ENDS}"),
        (
            {"post_only": True},
            f"order symbol=BTCUSDT&side=SELL&quantity=0.01234&type=LIMIT&price=60000.1&timeInForce=GTX&{ENDS}",
        ),
        (
            {"type": OrderType.MARKET, "price": None, "reduce_only": True},
            f"order symbol=BTCUSDT&side=SELL&quantity=0.01234&reduceOnly=true&type=MARKET&{ENDS}",
        ),
        (
            {"type": OrderType.STOP, "price": None, "stop_price": Decimal(59000), "reduce_only": True},
            f"{ALGO}&reduceOnly=true&algoType=CONDITIONAL&type=STOP_MARKET&{TRIGGER}&recvWindow=5000&timestamp=17",
        ),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(59000)},
            f"{ALGO}&algoType=CONDITIONAL&type=STOP&{TRIGGER}&price=60000.1&timeInForce=GTC&recvWindow=5000&timestamp=17",
        ),
        (
            {"type": OrderType.TAKE_PROFIT, "price": None, "stop_price": Decimal(59000), "reduce_only": True},
            f"{ALGO}&reduceOnly=true&algoType=CONDITIONAL&type=TAKE_PROFIT_MARKET&{TRIGGER}&recvWindow=5000&timestamp=17",
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(59000), "time_in_force": TimeInForce.IOC},
            f"{ALGO}&algoType=CONDITIONAL&type=TAKE_PROFIT&{TRIGGER}&price=60000.1&timeInForce=IOC&{WINDOW}",
        ),
    ],
)
def test_a_usdm_order(changes: dict[str, Any], expected: str) -> None:
    request = requests.submit(a_submit(**{**PERPETUAL, **changes}), "usdm", timestamp=17)
    assert line(request) == f"POST fapiPrivate/{expected}"


def test_in_hedge_mode_the_position_is_named_and_reduce_only_is_not() -> None:
    order = a_submit(**PERPETUAL, position_side=PositionSide.LONG, reduce_only=True)
    params = requests.submit(order, "usdm", timestamp=17, is_hedged=True).params
    assert params["positionSide"] == "LONG"
    assert "reduceOnly" not in params


@pytest.mark.parametrize(
    ("changes", "market", "is_hedged", "code"),
    [
        ({"reduce_only": True}, "spot", False, "reduce_only_unsupported"),
        ({"price": None}, "spot", False, "bad_price"),
        ({"type": OrderType.STOP, "price": None}, "spot", False, "bad_price"),
        ({"type": OrderType.TAKE_PROFIT, "price": None}, "spot", False, "bad_price"),
        ({"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(1), "price": None}, "spot", False, "bad_price"),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(1), "post_only": True},
            "spot",
            False,
            "post_only_would_take",
        ),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "spot", False, "post_only_would_take"),
        (PERPETUAL, "usdm", True, "position_side"),
        ({**PERPETUAL, "position_side": PositionSide.SHORT}, "usdm", False, "position_side"),
        (
            {**PERPETUAL, "position_side": PositionSide.SHORT, "reduce_only": True},
            "usdm",
            True,
            "reduce_only_would_not_reduce",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_before_it_leaves(
    changes: dict[str, Any], market: Any, is_hedged: bool, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        requests.submit(a_submit(**changes), market, timestamp=17, is_hedged=is_hedged)
    assert (refused.value.code, refused.value.is_definite) == (code, True)


def a_cancel(external: str | None) -> VenueCancel:
    return VenueCancel(
        order_id=ORDER,
        account_id=AccountId(UUID(int=7)),
        venue_client_id=CLIENT_ID,
        external_order_id=external,
        symbol="BTC/USDT:USDT",
    )


@pytest.mark.parametrize(
    ("external", "is_algo", "expected"),
    [
        (None, False, f"order symbol=BTCUSDT&origClientOrderId={CLIENT_ID}"),
        ("42", False, "order symbol=BTCUSDT&orderId=42"),
        ("algo:77", True, "algoOrder algoId=77"),
        (None, True, f"algoOrder clientAlgoId={CLIENT_ID}"),
    ],
)
def test_a_cancel_names_the_order_as_exactly_as_it_can(external: str | None, is_algo: bool, expected: str) -> None:
    request = requests.cancel(a_cancel(external), "usdm", timestamp=17, is_algo=is_algo)
    assert line(request) == f"DELETE fapiPrivate/{expected}&recvWindow=5000&timestamp=17"


def an_amend(**values: Any) -> VenueAmend:
    return VenueAmend(
        request_id=UUID(int=1),
        order_id=ORDER,
        account_id=AccountId(UUID(int=7)),
        venue_client_id=CLIENT_ID,
        external_order_id="42",
        symbol="BTC/USDT",
        valid_until_ns=10**18,
        **values,
    )


def a_known(external: str = "42") -> VenueOrder:
    return VenueOrder(
        venue_client_id=CLIENT_ID,
        external_order_id=external,
        symbol="BTC/USDT:USDT",
        side=Side.SELL,
        type=OrderType.LIMIT,
        quantity=Decimal(2),
        price=Decimal(100),
        stop_price=None,
        time_in_force=TimeInForce.GTC,
        filled_quantity=Decimal(0),
        is_open=True,
        done_reason=None,
        venue_time_ns=1,
    )


def test_a_spot_amend_is_another_order_with_one_more_letter() -> None:
    known = msgspec.structs.replace(a_known(), symbol="BTC/USDT")
    request = requests.replace_spot(an_amend(price=Decimal(101)), known, CLIENT_ID, timestamp=17)
    assert line(request) == (
        "POST private/order/cancelReplace symbol=BTCUSDT&side=SELL&quantity=2&type=LIMIT&price=101&timeInForce=GTC"
        f"&newClientOrderId={CLIENT_ID}a&newOrderRespType=RESULT&recvWindow=5000&timestamp=17"
        "&cancelReplaceMode=STOP_ON_FAILURE&cancelRestrictions=ONLY_NEW&cancelOrderId=42"
        f"&cancelNewClientOrderId=cr-{ORDER.hex}a"
    )
    target = msgspec.structs.replace(known, type=OrderType.TAKE_PROFIT_LIMIT, stop_price=Decimal(99))
    params = requests.replace_spot(an_amend(price=Decimal(101)), target, CLIENT_ID, timestamp=17).params
    assert (params["type"], params["stopPrice"], params["price"]) == ("TAKE_PROFIT_LIMIT", "99", "101")
    partly = msgspec.structs.replace(known, filled_quantity=Decimal(1))
    with pytest.raises(Refused, match="partially_filled"):
        requests.replace_spot(an_amend(price=Decimal(101)), partly, CLIENT_ID, timestamp=17)


def test_a_usdm_amend_repeats_what_stays() -> None:
    request = requests.amend_usdm(an_amend(price=Decimal("101.5")), a_known(), timestamp=17)
    assert line(request) == (
        "PUT fapiPrivate/order symbol=BTCUSDT&orderId=42&side=SELL&quantity=2&price=101.5&recvWindow=5000&timestamp=17"
    )
    with pytest.raises(Refused, match="amend_unsupported"):
        requests.amend_usdm(an_amend(price=Decimal(1)), a_known("algo:1"), timestamp=17)


@pytest.mark.parametrize(
    ("valid_until_ms", "now_ms", "expected"),
    [(10_000, 6_000, 5_000), (10_000, 5_000, 5_000), (20_000, 6_000, 6_000)],
)
def test_the_window_ends_with_the_intents_validity_and_never_begins_ahead(
    valid_until_ms: int, now_ms: int, expected: int
) -> None:
    timestamp = timestamp_ms(valid_until_ms, now_ms)
    assert timestamp == expected
    assert timestamp + requests.RECEIVE_WINDOW_MS <= valid_until_ms
