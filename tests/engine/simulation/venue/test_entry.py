from typing import Any

import pytest

from engine.domain.capabilities import DuplicateRule
from engine.domain.kinds import OrderType, PositionSide, Side, TimeInForce
from engine.messages.venues import VenueAccepted, VenueRejected
from engine.simulation.venue import entry
from tests.engine.simulation.venue.support import PERP, START_NS, D, Rig, rules

STOP, MARKET, STOP_LIMIT = OrderType.STOP, OrderType.MARKET, OrderType.STOP_LIMIT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "DOGE/USDT"}, entry.UNKNOWN_SYMBOL),
        ({"venue_client_id": "no blanks"}, entry.MALFORMED),
        ({"quantity": D("NaN")}, entry.MALFORMED),
        ({"position_side": PositionSide.LONG}, entry.HEDGE_MODE),
        ({"quantity": D("0.00001")}, "min_quantity"),
        ({"price": D("59000.001")}, "tick_size"),
        ({"valid_until_ns": START_NS - 1}, entry.LATE),
        ({"post_only": True, "price": D(60_000)}, entry.POST_ONLY_TAKES),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, entry.POST_ONLY_TYPE),
        ({"type": STOP, "stop_price": D(60_000)}, entry.STOP_TRIGGERS),
        ({"type": STOP_LIMIT, "side": Side.SELL, "stop_price": D(60_000)}, entry.STOP_TRIGGERS),
        ({"reduce_only": True}, entry.REDUCE_ONLY),
        ({"symbol": PERP, "reduce_only": True}, entry.REDUCE_ONLY),
        ({"quantity": D(2)}, entry.BALANCE_SHORT),
        ({"side": Side.SELL, "quantity": D(11)}, entry.BALANCE_SHORT),
        ({"symbol": PERP, "quantity": D(20)}, entry.MARGIN_SHORT),
    ],
)
def test_the_venue_refuses(changes: dict[str, Any], code: str) -> None:
    rig = Rig()
    rig.dial()
    answer = rig.submit(**changes)

    assert isinstance(answer, VenueRejected)
    assert answer.code == code
    assert rig.venue.truth.orders == {}


def test_without_a_market_no_market_order_is_taken() -> None:
    rig = Rig(rules(prices={}))
    rig.dial()

    assert rig.submit(type=MARKET).code == entry.NO_MARKET


@pytest.mark.parametrize(
    ("rule", "is_open", "answer", "orders"),
    [
        (DuplicateRule.REFUSES, True, VenueRejected, 1),
        (DuplicateRule.REFUSES, False, VenueRejected, 1),
        (DuplicateRule.REFUSES_WHILE_OPEN, True, VenueRejected, 1),
        (DuplicateRule.REFUSES_WHILE_OPEN, False, VenueAccepted, 2),
        (DuplicateRule.RETURNS_FIRST, False, VenueAccepted, 1),
        (DuplicateRule.IGNORES, True, VenueAccepted, 2),
    ],
)
def test_a_client_id_that_comes_again(rule: DuplicateRule, is_open: bool, answer: type, orders: int) -> None:
    rig = Rig(rules(duplicates=rule))
    rig.dial()
    first = rig.placed(venue_client_id="again")
    if not is_open:
        rig.cancel(first)

    assert isinstance(rig.submit(venue_client_id="again"), answer)
    assert len(rig.venue.truth.orders) == orders


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": D("0.05")}, entry.BELOW_FILLED),
        ({"stop_price": D(70_000)}, entry.WRONG_PRICE),
        ({"price": D("1.001")}, "tick_size"),
        ({"quantity": D(90)}, entry.BALANCE_SHORT),
        ({"price": D(60_000)}, entry.POST_ONLY_TAKES),
        ({"price": D(58_000), "valid_until_ns": START_NS - 1}, entry.LATE),
    ],
)
def test_the_venue_refuses_to_amend(changes: dict[str, Any], code: str) -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed(post_only=True)
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.05")))

    assert rig.amend(order, **changes).code == code
    assert (order.quantity, order.price) == (D("0.1"), D(59_000))


def test_what_an_order_holds_already_pays_for_its_amend() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed(quantity=D("1.6"))

    assert rig.amend(order, quantity=D("1.69")).quantity == D("1.69")
