from engine.domain.kinds import DoneReason
from engine.simulation.venue.orders import cursor_text, listed, reported
from tests.engine.simulation.venue.support import D, Rig


def test_an_order_can_be_seen_as_it_was() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    placed_ns = rig.clock.at_ns
    rig.wait(1)
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.04")))
    filled_ns = rig.clock.at_ns
    rig.wait(1)
    rig.cancel(order)
    views = [listed(order, at_ns) for at_ns in (placed_ns, filled_ns, None)]

    assert [view.filled_quantity for view in views] == [D(0), D("0.04"), D("0.04")]
    assert [view.done_reason for view in views] == [None, None, DoneReason.CANCELLED]
    assert [view.sequence for view in views] == [1, 2, 3]
    assert [view.venue_time_ns for view in views] == [placed_ns, filled_ns, rig.clock.at_ns]


def test_the_average_and_the_fee_are_those_of_its_trades() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.01"), D(58_000)))
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.03"), D(59_000)))
    view = listed(order)

    assert view.average_price == D(58_750)
    assert (view.fee, view.fee_asset) == (D("2.35"), "USDT")


def test_a_trade_taken_back_counts_no_more_but_its_quantity_does_not_come_back() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.04")))
    rig.by_hand(lambda: rig.venue.hand.void(order.trades[0]))

    assert order.filled == 0
    assert order.remaining == D("0.06")


def test_an_overfilled_order_wants_nothing_more() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.4")))

    assert order.remaining == 0
    assert order.reason is DoneReason.FILLED
    assert listed(order).filled_quantity == D("0.4")


def test_a_report_carries_the_number_and_the_cursor_of_its_trade() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed(price=D(61_000))
    fill = reported(order.trades[0], "lying")

    assert (fill.external_trade_id, fill.cursor) == ("1", cursor_text(1))
    assert cursor_text(9) < cursor_text(10)
