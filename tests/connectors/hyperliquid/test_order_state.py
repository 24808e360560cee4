"""What Hyperliquid's words about an order mean."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.order_state import done_reason, venue_order
from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from engine.messages.venues import VenueOrder
from tests.support.hyperliquid import answer_of, captured, cassette

DECODE = msgspec.json.Decoder(tuple[wire.Order, ...]).decode


def shown(update: wire.OrderUpdate, **more: Any) -> VenueOrder:
    return venue_order(update, f"{update.order.coin}/USDC:USDC", client_id=update.order.cloid or "", **more)


def an_update(status: str = "open", **changes: Any) -> wire.OrderUpdate:
    order = {
        "coin": "BTC", "side": "B", "limitPx": Decimal(60000), "sz": Decimal("0.3"), "oid": 7, "timestamp": 1,
        "origSz": Decimal("0.5"), "cloid": "0xa",
    }  # fmt: skip
    return wire.OrderUpdate(order=wire.Order(**{**order, **changes}), status=status, statusTimestamp=5)


@pytest.mark.parametrize(
    ("status", "left", "reason"),
    [
        ("open", 1, None), ("triggered", 1, None), ("accepted", 1, None), ("filled", 0, DoneReason.FILLED),
        ("filled", 1, DoneReason.CANCELLED), ("canceled", 1, DoneReason.CANCELLED),
        ("marginCanceled", 1, DoneReason.CANCELLED), ("scheduledCancel", 1, DoneReason.CANCELLED),
        ("reduceOnlyCanceled", 0, DoneReason.CANCELLED), ("rejected", 1, DoneReason.REJECTED),
        ("badAloPxRejected", 1, DoneReason.REJECTED), ("iocCancelRejected", 1, DoneReason.REJECTED),
        ("aWordOfNextYearRejected", 1, DoneReason.REJECTED), ("anotherCanceled", 1, DoneReason.CANCELLED),
    ],
)  # fmt: skip
def test_each_word_says_whether_the_order_has_ended(status: str, left: int, reason: DoneReason | None) -> None:
    assert done_reason(status, Decimal(left)) is reason


def test_a_word_of_no_known_kind_is_refused() -> None:
    with pytest.raises(BadInput, match="status"):
        done_reason("levitating", Decimal(1))


def test_what_is_filled_is_what_is_not_left() -> None:
    order = shown(an_update("canceled"), filled_before=Decimal("0.1"))
    assert (order.quantity, order.filled_quantity) == (Decimal("0.6"), Decimal("0.3"))
    assert (order.is_open, order.done_reason, order.venue_time_ns) == (False, DoneReason.CANCELLED, 5_000_000)


def test_the_long_form_tells_type_and_time_in_force() -> None:
    stop = shown(an_update(orderType="Stop Market", isTrigger=True, triggerPx=Decimal(61000), reduceOnly=True))
    assert (stop.type, stop.price, stop.stop_price, stop.reduce_only) == (OrderType.STOP, None, Decimal(61000), True)
    target = shown(an_update(orderType="Take Profit Market", isTrigger=True, triggerPx=Decimal(61000)))
    assert (target.type, target.price, target.stop_price) == (OrderType.TAKE_PROFIT, None, Decimal(61000))
    limited = shown(an_update(orderType="Take Profit Limit", isTrigger=True, triggerPx=Decimal(61000)))
    assert (limited.type, limited.price is None) == (OrderType.TAKE_PROFIT_LIMIT, False)
    resting = shown(an_update(tif="Alo"))
    assert (resting.post_only, resting.time_in_force) == (True, TimeInForce.GTC)
    assert shown(an_update(tif="Ioc")).time_in_force is TimeInForce.IOC
    assert shown(an_update(orderType="Market", tif="FrontendMarket")).price is None


def test_recorded_open_orders_are_read_to_the_digit(fixtures_dir: Path) -> None:
    body = cassette(fixtures_dir, "test_get_open_orders.yaml")
    orders = [
        shown(wire.OrderUpdate(order=each, status="open", statusTimestamp=each.timestamp)) for each in DECODE(body)
    ]
    raw = msgspec.json.decode(body)
    assert len(raw) == 196
    assert [
        (each.external_order_id, each.side, str(each.price), str(each.quantity), each.filled_quantity)
        for each in orders
    ] == [
        (str(each["oid"]), Side.BUY if each["side"] == "B" else Side.SELL, each["limitPx"], each["sz"], Decimal(0))
        for each in raw
    ]  # fmt: skip


def test_captured_orders_are_read_to_the_digit(fixtures_dir: Path) -> None:
    trigger, status = captured(fixtures_dir, "ccxt_threads_hyperliquid_dev.jsonl")
    # There the numbers were written as text by whoever printed them.
    order = msgspec.convert({**trigger, "oid": 8670685324, "timestamp": 1715524233290}, wire.Order)
    stop = shown(wire.OrderUpdate(order=order, status="open", statusTimestamp=order.timestamp))
    assert (stop.type, str(stop.stop_price), str(stop.price)) == (OrderType.STOP_LIMIT, "0.6", "0.4")
    resting = shown(msgspec.convert(status, wire.OrderUpdate))
    assert (resting.venue_client_id, str(resting.price), str(resting.quantity)) == (
        "0xd42326cb0e4ebb4aa5bff817ef3a98e9", "0.58552", "25.0",
    )  # fmt: skip
    (listed,) = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "rest frontendOpenOrders")[0]
    order = msgspec.convert(listed, wire.Order)
    assert (str(order.limitPx), str(order.size), order.cloid) == (
        "31795.0", "0.00037", "0xa1f0cddc17303d07f3fd128d5b35071d",
    )  # fmt: skip


def test_the_documented_lists_are_read(fixtures_dir: Path) -> None:
    for name in ("GetOpenOrders", "GetOpenOrdersExtended"):
        (order,) = DECODE(answer_of(fixtures_dir, f"Spot.Trading.{name}"))
        assert order.oid
