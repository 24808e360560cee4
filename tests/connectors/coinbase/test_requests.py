"""Orders as Coinbase's request bodies."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connectors.bridge.errors import Refused
from connectors.coinbase.instruments import parse_products
from connectors.coinbase.requests import cancel_orders, edit_order, new_order
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.messages.venues import VenueSubmit
from tests.connectors.coinbase.support import DATA

CLIENT = "01890a5d-ac96-774b-bcce-b302099a8057"


def an_order(**changes: Any) -> VenueSubmit:
    fields: dict[str, Any] = {
        "order_id": OrderId(UUID(CLIENT)),
        "account_id": AccountId(UUID(int=7)),
        "venue_client_id": CLIENT,
        "venue": "coinbase",
        "symbol": "BTC/USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.50"),
        "price": Decimal("1E+2"),
        "valid_until_ns": 1,
    }
    return VenueSubmit(**{**fields, **changes})


def configuration(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = new_order(an_order(**changes))["order_configuration"]
    return found


def test_the_body_names_everything_in_plain_numbers() -> None:
    assert new_order(an_order()) == {
        "client_order_id": CLIENT,
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.5", "limit_price": "100", "post_only": False}},
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"post_only": True}, {"limit_limit_gtc": {"base_size": "0.5", "limit_price": "100", "post_only": True}}),
        ({"time_in_force": TimeInForce.IOC}, {"sor_limit_ioc": {"base_size": "0.5", "limit_price": "100"}}),
        ({"time_in_force": TimeInForce.FOK}, {"limit_limit_fok": {"base_size": "0.5", "limit_price": "100"}}),
        ({"type": OrderType.MARKET, "price": None}, {"market_market_ioc": {"base_size": "0.5"}}),
        (
            {"type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.FOK},
            {"market_market_fok": {"base_size": "0.5"}},
        ),
    ],
)
def test_each_kind_has_its_configuration(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert configuration(**changes) == expected


@pytest.mark.parametrize(
    ("side", "direction"), [(Side.BUY, "STOP_DIRECTION_STOP_UP"), (Side.SELL, "STOP_DIRECTION_STOP_DOWN")]
)
def test_a_stop_waits_for_a_rise_when_it_buys_and_for_a_fall_when_it_sells(side: Side, direction: str) -> None:
    assert configuration(type=OrderType.STOP_LIMIT, stop_price=Decimal(101), side=side) == {
        "stop_limit_stop_limit_gtc": {
            "base_size": "0.5",
            "limit_price": "100",
            "stop_price": "101",
            "stop_direction": direction,
        }
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"reduce_only": True},
        {"type": OrderType.STOP, "stop_price": Decimal(1), "price": None},
        {"price": None},
        {"type": OrderType.STOP_LIMIT},
        {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(1)},
        {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(1), "time_in_force": TimeInForce.IOC},
        {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(1), "post_only": True},
        {"post_only": True, "time_in_force": TimeInForce.IOC},
    ],
)
def test_what_coinbase_cannot_do_is_refused_before_the_wire(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        new_order(an_order(**changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": Decimal("0.000000001")}, "bad_quantity"),
        ({"price": Decimal("100.001")}, "bad_price"),
        ({"type": OrderType.STOP_LIMIT, "stop_price": Decimal("99.999")}, "bad_price"),
    ],
)
def test_what_fits_no_step_is_refused_before_the_wire(changes: dict[str, Any], code: str) -> None:
    instrument = parse_products((DATA / "products.json").read_bytes(), venue="coinbase").listing.instruments[0]
    new_order(an_order(), instrument)
    with pytest.raises(Refused) as refused:
        new_order(an_order(**changes), instrument)
    assert refused.value.code == code


def test_an_edit_always_names_size_and_price() -> None:
    assert edit_order("x", quantity=Decimal("0.50"), price=Decimal("100.10")) == {
        "order_id": "x",
        "size": "0.5",
        "price": "100.1",
    }
    assert edit_order("x", quantity=Decimal(1), price=None, stop_price=Decimal(2))["stop_price"] == "2"


def test_a_cancel_names_coinbases_ids() -> None:
    assert cancel_orders("a", "b") == {"order_ids": ["a", "b"]}
