"""Orders meet the market's quotes, books and trades as the rules in `matching.py` say; every number by hand."""

from decimal import Decimal

import pytest

from connectors.paper.matching import FillModel, Market
from connectors.paper.order import CANCELLED, EXPIRED, FILLED, OPEN, PENDING
from engine.domain.kinds import Liquidity, OrderType
from engine.messages.venues import VenueFill, VenueRejected
from tests.connectors.paper.support import OTHER, SPOT, Desk, a_print, a_quote

D = Decimal


# --- Takers ----------------------------------------------------------------------------------------------------------


def test_a_market_order_takes_the_best_quote_and_what_is_not_there_expires() -> None:
    desk = Desk()
    desk.quote("100", "101", "5 2")
    order = desk.send("buy 3")
    assert desk.fills() == "101x2"
    assert (order.state, order.filled, order.remaining) == (EXPIRED, D(2), D(1))
    assert desk.reasons() == ["expired"]


def test_a_market_order_walks_the_book_best_level_first() -> None:
    desk = Desk()
    desk.book("99x1 98x1 97x5", "100x1 101x2 103x5")
    assert desk.send("buy 4").state is FILLED
    assert desk.send("sell 2.5").state is FILLED
    assert desk.fills() == "100x1 101x2 103x1 99x1 98x1 97x0.5"


def test_a_limit_order_takes_up_to_its_price_and_rests_with_the_remainder() -> None:
    desk = Desk()
    desk.book("99x1", "100x1 101x2 103x5")
    order = desk.send("buy 4 @ 101")
    assert desk.fills() == "100x1 101x2"
    assert (order.state, order.remaining, order.queue_ahead) == (OPEN, D(1), D(0))
    assert [fill.liquidity for fill in desk.said(VenueFill)] == [Liquidity.TAKER, Liquidity.TAKER]


def test_what_is_left_of_an_immediate_order_expires() -> None:
    desk = Desk()
    desk.book("99x1", "100x1 101x2")
    assert desk.send("buy 4 @ 100 ioc").state is EXPIRED
    assert desk.fills() == "100x1"


def test_fill_or_kill_trades_whole_or_not_at_all() -> None:
    desk = Desk()
    desk.book("99x1", "100x1 101x2 102x1")
    assert desk.send("buy 3.5 @ 101 fok").state is EXPIRED
    assert desk.fills() == ""
    assert desk.send("buy 3 @ 101 fok").state is FILLED
    assert desk.fills() == "100x1 101x2"


def test_depth_that_we_took_is_not_there_again_until_the_market_states_it_anew() -> None:
    desk = Desk()
    desk.book("99x1", "100x1 101x2")
    desk.send("buy 1.5")
    desk.send("buy 1")
    assert desk.fills() == "100x1 101x0.5 101x1"
    desk.delta(2, bids="98x1")  # Says nothing about the asks.
    assert desk.send("buy 1").filled == D("0.5")
    desk.delta(3, asks="100x1")
    assert desk.send("buy 2").filled == D(1)


def test_a_quote_states_its_side_anew_only_if_price_or_size_differ() -> None:
    desk = Desk()
    desk.quote("100", "101", "5 2")
    desk.send("buy 2")
    desk.quote("100.5", "101", "5 2")
    assert desk.send("buy 1").filled == D(0)
    desk.quote("100.5", "101", "5 1.5")
    assert desk.send("buy 2").filled == D("1.5")


def test_accounts_do_not_take_from_each_other() -> None:
    desk = Desk()
    desk.open(OTHER, {"USDT": "1000"})
    desk.quote("100", "101", "5 2")
    assert desk.send("buy 2").state is FILLED
    assert desk.send("buy 2", account=OTHER).state is FILLED


def test_a_quote_after_the_book_overlays_it() -> None:
    desk = Desk()
    desk.book("99x1", "100x1 101x2 102x1")
    desk.quote("100", "101", "5 0.5")  # 100 is gone; at 101 the quote is newer.
    desk.send("buy 1")
    assert desk.fills() == "101x0.5 102x0.5"
    desk.delta(2, asks="101x3")  # Now the book is newer, and 100 is still in it.
    desk.send("buy 1.5")
    assert desk.fills().endswith("100x1 101x0.5")


def test_a_book_that_lost_its_place_gives_way_to_the_quote() -> None:
    desk = Desk()
    desk.book("99x1", "100x1")
    desk.quote("99", "100.5", "1 1")
    desk.delta(2, bids="101x1")  # Crosses the book, which is then stale.
    desk.send("buy 1")
    assert desk.fills() == "100.5x1"


def test_parts_of_a_level_below_the_step_are_left() -> None:
    desk = Desk()
    desk.book("99x1", "100x0.000001 101x0.500001 102x1")
    desk.send("buy 1")
    assert desk.fills() == "101x0.5 102x0.5"


def test_at_the_top_a_market_order_fills_whole_whatever_the_size() -> None:
    desk = Desk(fill_model=FillModel.TOP)
    desk.quote("100", "101", "0.1 0.1")
    assert desk.send("buy 50").state is FILLED
    assert desk.send("sell 50").state is FILLED
    assert desk.fills() == "101x50 100x50"
    resting = desk.send("buy 10 @ 99")
    desk.trade("99", "5")
    assert resting.is_open
    desk.quote("98", "99", "0.1 0.1")
    assert resting.state is FILLED


# --- Resting ---------------------------------------------------------------------------------------------------------


def test_a_resting_order_waits_for_everybody_ahead_in_the_queue() -> None:
    desk = Desk()
    desk.book("100x3 99x1", "101x1")
    order = desk.send("buy 2 @ 100")
    assert order.queue_ahead == D(3)
    desk.trade("100", "2")
    assert (order.queue_ahead, order.filled) == (D(1), D(0))
    desk.trade("100", "2")
    assert (order.queue_ahead, order.filled) == (D(0), D(1))
    desk.trade("100", "0.4", "buy")  # A buyer took an ask at 100: nobody sold into the bids.
    assert order.filled == D(1)
    desk.trade("100", "5")
    assert order.state is FILLED
    assert desk.fills() == "100x1 100x1"
    assert {fill.liquidity for fill in desk.said(VenueFill)} == {Liquidity.MAKER}


def test_a_queue_shrinks_to_what_is_displayed_and_never_grows() -> None:
    desk = Desk()
    desk.book("100x3", "101x1")
    order = desk.send("buy 2 @ 100")
    desk.delta(2, bids="100x7")
    assert order.queue_ahead == D(3)
    desk.delta(3, bids="100x1")
    assert order.queue_ahead == D(1)
    desk.delta(4, bids="100x9")
    desk.book("100x0.5 99x1", "101x1", number=5)
    assert order.queue_ahead == D("0.5")
    desk.delta(6, bids="100x0")
    assert order.queue_ahead == D(0)


def test_a_price_better_than_the_best_has_no_queue() -> None:
    desk = Desk()
    desk.quote("100", "102")
    assert desk.send("buy 1 @ 101").queue_ahead == D(0)
    order = desk.send("sell 1 @ 102.5")
    assert order.queue_ahead is None
    desk.quote("100", "102.5", "10 4")
    assert order.queue_ahead == D(4)
    desk.quote("100", "103", "10 4")
    assert order.queue_ahead == D(0)


def test_nobody_fills_at_a_price_of_which_nothing_is_known() -> None:
    desk = Desk()
    desk.quote("100", "102")
    order = desk.send("buy 1 @ 99")
    desk.trade("99", "5")
    assert (order.filled, order.queue_ahead) == (D(0), None)
    desk.trade("98.99", "0.3")
    assert order.filled == D("0.3")


def test_a_trade_through_the_price_fills_up_to_its_quantity_best_price_first() -> None:
    desk = Desk()
    desk.book("100x3 99x3", "101x1")
    worse = desk.send("buy 2 @ 99")
    better = desk.send("buy 2 @ 100")
    desk.trade("98", "3", "buy")
    assert (better.filled, worse.filled) == (D(2), D(1))
    assert desk.fills() == "100x2 99x1"


def test_orders_of_one_account_at_one_price_fill_in_the_order_they_came() -> None:
    desk = Desk()
    desk.book("100x3", "101x1")
    first = desk.send("buy 2 @ 100")
    desk.delta(2, bids="100x4")
    second = desk.send("buy 2 @ 100")
    assert (first.queue_ahead, second.queue_ahead) == (D(3), D(4))
    desk.trade("100", "5")
    # Three stood before both, one between them; our own two take the place of somebody's.
    assert (first.filled, second.filled, second.queue_ahead) == (D(2), D(0), D(1))
    desk.trade("100", "2")
    assert second.filled == D(1)


def test_each_account_meets_a_trade_as_if_it_were_alone() -> None:
    desk = Desk()
    desk.open(OTHER, {"USDT": "1000"})
    desk.quote("100", "102")
    ours, theirs = desk.send("buy 1 @ 101"), desk.send("buy 1 @ 101", account=OTHER)
    desk.trade("101", "1")
    assert (ours.state, theirs.state) == (FILLED, FILLED)


def test_a_market_that_reaches_the_price_fills_at_the_price_up_to_its_size() -> None:
    desk = Desk()
    desk.quote("100", "102", "10 10")
    order = desk.send("buy 3 @ 101")
    desk.quote("100", "101", "10 1")
    assert (order.filled, order.queue_ahead) == (D(1), D(0))
    desk.quote("99", "100.5", "10 9")
    assert order.state is FILLED
    assert desk.fills() == "101x1 101x2"


def test_two_resting_orders_share_what_has_crossed_them() -> None:
    desk = Desk()
    desk.book("90x1", "110x1")
    first, second = desk.send("sell 2 @ 100"), desk.send("sell 2 @ 101")
    # Whoever bids 101 meets our better offer first, and nobody else would pay the second one's price.
    desk.delta(2, bids="101x3 100x2")
    assert (first.filled, second.filled) == (D(2), D(1))
    desk.delta(3, bids="99x1")
    assert second.filled == D(1)


def test_a_cancelled_order_does_not_fill() -> None:
    desk = Desk()
    desk.quote("100", "102")
    order = desk.send("buy 1 @ 101")
    assert desk.cancel(order)
    assert order.state is CANCELLED
    desk.trade("99", "5")
    assert desk.fills() == ""
    assert not desk.cancel(order)
    assert desk.market.is_idle


# --- Stops -----------------------------------------------------------------------------------------------------------


def test_a_stop_becomes_a_market_order_when_the_last_trade_reaches_it() -> None:
    desk = Desk()
    desk.book("99x5 98x5", "100x1")
    desk.trade("100", "1")
    order = desk.send("sell 6 stop 98.5")
    desk.trade("98.51", "1")
    assert desk.fills() == ""
    desk.trade("98.5", "1")
    assert order.state is FILLED
    assert desk.fills() == "99x5 98x1"


def test_a_stop_limit_rests_when_it_cannot_trade_at_once() -> None:
    desk = Desk()
    desk.book("99x5", "100x1 107x1")
    desk.trade("100", "1", "buy")
    order = desk.send("buy 2 @ 106 stop 105")
    desk.trade("105", "1", "buy")
    assert (order.state, order.filled, order.remaining) == (OPEN, D(1), D(1))
    assert desk.locked("USDT") == D("106.106")


def test_before_the_first_trade_the_quote_triggers_stops() -> None:
    desk = Desk()
    desk.quote("100", "101")
    order = desk.send("buy 1 stop 103")
    desk.quote("102", "103")
    assert order.state is FILLED
    desk.trade("102", "1")
    later = desk.send("buy 1 stop 104")
    desk.quote("105", "106")
    assert later.filled == D(0)


def test_stops_trigger_by_price_and_then_in_the_order_they_came() -> None:
    desk = Desk()
    desk.quote("100", "101")
    desk.trade("100", "1")
    orders = [desk.send(order) for order in ("sell 1 stop 98", "sell 2 stop 99", "sell 3 stop 99", "sell 4 stop 90")]
    desk.quote("97", "98", "3 1")
    desk.trade("97", "1")
    assert [order.filled for order in orders] == [D(0), D(2), D(1), D(0)]
    assert orders[3].is_open


@pytest.mark.parametrize(
    ("order", "near", "at"), [("sell 3 target 105", "104.99", "105"), ("buy 3 target 95", "95.01", "95")]
)
def test_a_take_profit_becomes_a_market_order_when_the_last_trade_comes_to_it(order: str, near: str, at: str) -> None:
    desk = Desk()
    desk.book("94x5 93x5", "106x5 107x5")
    desk.trade("100", "1")
    waiting = desk.send(order)
    desk.trade(near, "1")
    assert (waiting.state, waiting.filled) == (PENDING, D(0))
    desk.trade(at, "1")
    assert (waiting.state, waiting.filled) == (FILLED, D(3))
    assert not desk.market.has_triggers


def test_a_take_profit_limit_rests_when_it_cannot_trade_at_once() -> None:
    desk = Desk()
    desk.book("99x5 94x1", "101x5")
    desk.trade("100", "1")
    order = desk.send("sell 2 @ 104 target 105")
    desk.trade("105", "1", "buy")
    assert (order.state, order.filled, order.remaining) == (OPEN, D(0), D(2))
    assert desk.locked("BTC") == D(2)


def test_before_the_first_trade_the_quote_triggers_take_profits() -> None:
    desk = Desk()
    desk.quote("100", "101")
    sale, purchase = desk.send("sell 1 target 103"), desk.send("buy 1 target 98")
    desk.quote("102", "103")
    assert (sale.state, purchase.state) == (PENDING, PENDING)
    desk.quote("103", "104")
    assert (sale.state, purchase.state) == (FILLED, PENDING)
    desk.quote("97", "98")
    assert purchase.state is FILLED


@pytest.mark.parametrize(
    "order", ["sell 1 target 100", "sell 1 target 99", "buy 1 target 100", "buy 1 @ 90 target 101"]
)
def test_a_take_profit_that_would_trigger_at_once_is_refused(order: str) -> None:
    desk = Desk()
    desk.quote("99", "101")
    desk.trade("100", "1")
    desk.send(order)
    assert [refused.code for refused in desk.said(VenueRejected)] == ["stop_would_trigger"]


def test_a_stop_and_a_take_profit_around_the_market_wait_for_opposite_moves() -> None:
    desk = Desk()
    desk.quote("99", "101")
    desk.trade("100", "1")
    stop, target = desk.send("sell 1 stop 95"), desk.send("sell 1 target 105")
    desk.trade("105", "1", "buy")
    assert (stop.is_open, target.state) == (True, FILLED)
    desk.trade("95", "1")
    assert stop.state is FILLED


# --- The fast path ---------------------------------------------------------------------------------------------------


def test_a_market_without_orders_or_taken_depth_is_idle() -> None:
    market = Market(SPOT)
    assert market.is_idle
    desk = Desk()
    desk.quote("100", "101", "5 2")
    desk.send("buy 1")
    assert not desk.market.is_idle
    desk.quote("100", "102", "5 2")
    assert desk.market.is_idle


@pytest.mark.parametrize("fill_model", list(FillModel))
def test_a_market_of_which_nothing_is_known_fills_nothing(fill_model: FillModel) -> None:
    market = Market(SPOT, fill_model=fill_model)
    assert market.on_trade(a_print("100", "1")) == []
    assert not market.is_triggered(OrderType.STOP, D(101), is_buy=True)
    assert market.is_triggered(OrderType.STOP, D(100), is_buy=True)
    assert market.on_quote(a_quote("100", "101")) == []
