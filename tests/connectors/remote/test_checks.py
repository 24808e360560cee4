"""What the types do not say about a venue's messages."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.remote.checks import check_body, check_welcome
from connectors.remote.frames import BadFrame
from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    VenueAccount,
    VenueBalance,
    VenueFill,
    VenueOrder,
    VenueOrderDone,
    VenueOrders,
    VenuePosition,
)
from tests.connectors.remote.support import ACCOUNT, NOW_NS, a_submit, a_welcome, accepted
from tests.support.messages import instances

D = Decimal
replace = msgspec.structs.replace


def an_order(**changes: Any) -> VenueOrder:
    fields: dict[str, Any] = {
        "venue_client_id": "c", "external_order_id": "1", "symbol": "BTC/USDT", "side": Side.BUY,
        "type": OrderType.LIMIT, "quantity": D(1), "price": D(5), "stop_price": None, "filled_quantity": D(0),
        "time_in_force": TimeInForce.GTC, "is_open": True, "done_reason": None, "venue_time_ns": NOW_NS,
    }  # fmt: skip
    return VenueOrder(**fields | changes)


@pytest.mark.parametrize(
    "number", ["NaN", "sNaN", "Infinity", "1E+400", "1E-30", "100000000000000000000", "1." + "1" * 40]
)
def test_a_number_that_no_column_holds_is_refused_wherever_it_is(number: str) -> None:
    balance = VenueBalance(asset="USDT", free=D(1), locked=D(number))
    account = VenueAccount(balances=(balance,), positions=(), cursor=None, venue_time_ns=NOW_NS)
    with pytest.raises(BadFrame, match="locked: expected"):
        check_body(account)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": D(0)}, "quantity"), ({"price": D(-1)}, "price"), ({"filled_quantity": D(-1)}, "filled_quantity"),
        ({"external_order_id": ""}, "external_order_id"), ({"symbol": ""}, "symbol"), ({"venue_time_ns": -1}, "time"),
        ({"venue_time_ns": 2**63}, "time"), ({"venue_client_id": "x" * 256}, "venue_client_id"),
        ({"symbol": "a\nb"}, "symbol"), ({"done_reason": DoneReason.FILLED}, "done_reason"),
        ({"is_open": False}, "done_reason"), ({"is_open": False, "done_reason": DoneReason.DENIED}, "done_reason"),
        ({"is_open": False, "done_reason": DoneReason.NEVER_EXISTED}, "done_reason"), ({"fee": D("NaN")}, "fee"),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_refused(changes: dict[str, Any], field: str) -> None:
    check_body(VenueOrders(orders=(an_order(),)))
    with pytest.raises(BadFrame, match=field):
        check_body(VenueOrders(orders=(an_order(**changes),)))


def test_orders_with_and_without_an_end_pass() -> None:
    for reason in (DoneReason.FILLED, DoneReason.CANCELLED, DoneReason.EXPIRED, DoneReason.REJECTED):
        check_body(an_order(is_open=False, done_reason=reason))
    check_body(an_order(venue_client_id="", fee=D(-1), fee_asset="USDT"))
    short = VenuePosition(symbol="X", position_side="short", size=D(-3), entry_price=D(0))  # type: ignore[arg-type]
    check_body(VenueAccount(balances=(), positions=(short,), cursor="5", venue_time_ns=0))


@pytest.mark.parametrize("field", ["external_trade_id", "external_order_id", "symbol", "fee_asset", "cursor"])
@given(st.data())
def test_a_fill_without_a_name_is_refused(field: str, data: st.DataObject) -> None:
    fill = replace(data.draw(instances(VenueFill)), **{field: ""})
    with pytest.raises(BadFrame):
        check_body(fill)


def test_an_end_that_is_ours_to_say_is_refused() -> None:
    done = VenueOrderDone(
        account_id=ACCOUNT, venue_client_id="c", external_order_id="1", symbol="X", reason=DoneReason.DENIED,
        filled_quantity=D(0), venue_time_ns=1,
    )  # fmt: skip
    with pytest.raises(BadFrame, match="done_reason"):
        check_body(done)


def test_words_for_people_may_be_long_but_not_endless() -> None:
    check_body(RemoteRefused(code="x", message="two\nlines"))
    for refusal in (
        RemoteRefused(code="x", message="y" * 1_001),
        RemoteRefused(code="x\ny"),
        RemoteRefused(code="x", message="zero \0"),
        RemoteRefused(code="x", retry_after_ns=-1),
    ):
        with pytest.raises(BadFrame):
            check_body(refusal)


def test_a_good_message_passes() -> None:
    check_body(accepted(a_submit()))
    check_body(a_welcome())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 2}, "welcome.version: expected protocol version 1, was 2"),
        ({"venue": "venus"}, "welcome.venue: expected mars, was 'venus'"),
        (
            {"capabilities": replace(a_welcome().capabilities, venue="venus")},
            "welcome.capabilities.venue: expected mars, was 'venus'",
        ),
    ],
)
def test_a_welcome_of_another_version_or_venue_is_refused(changes: dict[str, Any], says: str) -> None:
    check_welcome(a_welcome(), venue="mars", version=1)
    with pytest.raises(BadFrame) as caught:
        check_welcome(a_welcome(**changes), venue="mars", version=1)
    assert str(caught.value) == says
