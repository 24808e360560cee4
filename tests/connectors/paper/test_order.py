"""An order and its row say the same."""

from decimal import Decimal

import pytest

from connectors.paper.order import PaperOrder, venue_order_of, venue_order_of_row
from engine.domain.kinds import DoneReason
from tests.connectors.paper.support import PERPETUAL, SPOT, Desk

D = Decimal


@pytest.mark.parametrize(
    "order",
    [
        "buy 3 @ 100",
        "sell 1 @ 102 post",
        "buy 1 stop 105",
        "sell 2 @ 80 stop 90",
        "sell 1 target 110",
        "buy 1",
        "buy 0.000001",
    ],
)
def test_an_order_comes_back_from_its_row(order: str) -> None:
    desk = Desk()
    desk.quote("100", "101", "1 2")
    sent = desk.send(order)
    row = sent.row()
    back = PaperOrder.from_row(sent.account, row)
    back.reserved, back.is_waiting = sent.reserved, sent.is_waiting
    slots = PaperOrder.__slots__
    assert {slot: getattr(back, slot) for slot in slots} == {slot: getattr(sent, slot) for slot in slots}
    assert back.is_open is sent.is_open
    assert venue_order_of_row(row) == venue_order_of(sent)


def test_the_states_of_the_venue_have_their_reasons() -> None:
    desk = Desk()
    desk.quote("100", "101", "1 1")
    open_order = desk.send("buy 1 @ 99")
    assert venue_order_of(open_order).done_reason is None
    desk.cancel(open_order)
    orders = [open_order, desk.send("buy 1"), desk.send("buy 1"), desk.send("buy 0.000001")]
    assert [venue_order_of(order).done_reason for order in orders] == [
        DoneReason.CANCELLED, DoneReason.FILLED, DoneReason.EXPIRED, DoneReason.REJECTED,
    ]  # fmt: skip


def test_reduce_only_caps_an_order_on_a_perpetual_and_not_a_spot_sale() -> None:
    spot = Desk(SPOT)
    spot.quote("100", "101")
    assert spot.send("sell 5 reduce").filled == D(5)
    perpetual = Desk(PERPETUAL)
    perpetual.quote("100", "101")
    perpetual.send("buy 2")
    order = perpetual.send("sell 5 @ 200 reduce")
    assert (order.remaining, order.fillable()) == (D(5), D(2))
