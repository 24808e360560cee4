"""A smaller order keeps its place in the queue; any other change loses it; what cannot be is refused by name."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper.amended import Amended
from connectors.paper.order import PaperOrder
from engine.messages.venues import VenueAmend
from tests.connectors.paper.support import ACCOUNT, NOW_NS, Desk
from tests.support.cell_builders import an_id, decimals

D = Decimal


def an_amend(order: PaperOrder, **changes: Any) -> VenueAmend:
    fields: dict[str, Any] = {
        "request_id": an_id(9), "order_id": an_id(1), "account_id": ACCOUNT, "venue_client_id": order.client_id,
        "external_order_id": None, "symbol": order.symbol, "valid_until_ns": NOW_NS,
    }  # fmt: skip
    return VenueAmend(**decimals(VenueAmend, fields | changes))


def changed(desk: Desk, order: PaperOrder, **changes: Any) -> str | None:
    return desk.exchange.amend(order, an_amend(order, **changes), NOW_NS)


def a_desk() -> Desk:
    desk = Desk()
    desk.book("99x5 98x7", "101x5")
    return desk


def test_a_smaller_order_keeps_its_place_and_gives_money_back() -> None:
    desk = a_desk()
    order = desk.send("buy 2 @ 99")
    order.queue_ahead = D(3)
    locked = desk.locked("USDT")
    assert changed(desk, order, quantity="1") is None
    assert (order.remaining, order.queue_ahead) == (D(1), D(3))
    assert desk.locked("USDT") < locked


@pytest.mark.parametrize("change", [{"quantity": "3"}, {"price": "98"}])
def test_any_other_change_goes_to_the_end_of_the_queue(change: dict[str, str]) -> None:
    desk = a_desk()
    order = desk.send("buy 2 @ 99")
    order.queue_ahead = D(0)
    assert changed(desk, order, **change) is None
    assert order.queue_ahead == (D(7) if "price" in change else D(5))


def test_it_cannot_be_less_than_what_is_filled() -> None:
    desk = a_desk()
    order = desk.send("buy 8 @ 101")
    assert order.filled == D(5)
    assert changed(desk, order, quantity="5") == "amend_below_filled"
    assert changed(desk, order, quantity="6") is None
    assert order.remaining == D(1)


def test_a_stop_moves_until_it_has_triggered() -> None:
    desk = a_desk()
    stop = desk.send("sell 1 stop 90")
    assert changed(desk, stop, stop_price="95") is None
    assert changed(desk, stop, stop_price="99") == "stop_would_trigger"
    assert Amended.now(stop) == (D(1), None, D(95))


def test_a_take_profit_moves_until_it_has_triggered() -> None:
    desk = a_desk()
    order = desk.send("sell 1 target 110")
    assert changed(desk, order, stop_price="105") is None
    assert changed(desk, order, stop_price="90") == "stop_would_trigger"
    assert Amended.now(order) == (D(1), None, D(105))


def test_what_the_account_cannot_pay_stays_as_it_was() -> None:
    desk = a_desk()
    order = desk.send("buy 2 @ 99")
    before, locked = Amended.now(order), desk.locked("USDT")
    assert changed(desk, order, quantity="5000") == "insufficient_balance"
    assert (Amended.now(order), desk.locked("USDT"), order.is_waiting) == (before, locked, True)
