"""What orders set aside and what fills change, by hand."""

from decimal import Decimal

from engine.domain.kinds import PositionSide
from engine.messages.venues import VenueBalance, VenueFill, VenuePosition
from tests.connectors.paper.support import PERPETUAL, Desk
from tests.support.domain import a_perpetual, a_spot

D = Decimal


# --- Spot ------------------------------------------------------------------------------------------------------------


def test_a_resting_buy_locks_its_value_and_one_fee() -> None:
    desk = Desk(balances={"USDT": "1000"})
    desk.quote("100", "102")
    order = desk.send("buy 2 @ 101")
    assert (desk.free("USDT"), desk.locked("USDT")) == (D("797.798"), D("202.202"))
    desk.trade("101", "0.5")
    # 50.5 and a fee of 0.0505 are gone; 1.5 * 101 * 1.001 stays locked.
    assert desk.total("USDT") == D("949.4495")
    assert desk.locked("USDT") == D("151.6515")
    assert desk.free("BTC") == D("0.5")
    desk.cancel(order)
    assert (desk.free("USDT"), desk.locked("USDT")) == (D("949.4495"), D(0))


def test_a_resting_sell_locks_the_asset_and_earns_its_value_less_the_fee() -> None:
    desk = Desk(balances={"BTC": "3"})
    desk.quote("100", "102")
    desk.send("sell 2 @ 101")
    assert (desk.free("BTC"), desk.locked("BTC")) == (D(1), D(2))
    desk.trade("101", "1", "buy")
    assert (desk.free("BTC"), desk.locked("BTC"), desk.free("USDT")) == (D(1), D(1), D("100.899"))


def test_a_buy_below_its_limit_gives_the_difference_back() -> None:
    desk = Desk(balances={"USDT": "1000"})
    desk.book("99x1", "100x1 101x1")
    desk.send("buy 3 @ 105")
    assert desk.total("USDT") == D("798.799")  # 201 and 0.201.
    assert desk.locked("USDT") == D("105.105")


def test_many_partial_fills_of_all_the_money_never_go_below_zero() -> None:
    spot = a_spot(taker_fee="0.001", maker_fee="0.001", min_notional="0", fee_decimals=2)
    desk = Desk(spot, {"USDT": "100.10"})
    desk.quote("99", "101")
    order = desk.send("buy 1 @ 100")
    for _ in range(19):
        desk.trade("99.99", "0.05")  # 5.00, whose fee of 0.005 rounds to 0.00 ...
    desk.trade("99.99", "0.05")
    assert not order.is_open
    assert desk.free("USDT") >= 0
    dear = a_spot(taker_fee="0.0011", maker_fee="0.0011", min_notional="0", fee_decimals=2)
    desk = Desk(dear, {"USDT": "100.11"})
    desk.quote("99", "101")
    order = desk.send("buy 1 @ 100")
    for _ in range(20):
        desk.trade("99.99", "0.05")  # ... and one of 0.0055 to 0.01, as long as there is money.
    assert not order.is_open
    assert desk.free("USDT") == 0
    assert sum(fill.fee for fill in desk.said(VenueFill)) == D("0.11")


# --- Perpetuals ------------------------------------------------------------------------------------------------------


def test_margin_covers_whichever_way_the_orders_fill() -> None:
    desk = Desk(PERPETUAL, {"USDT": "1000"})
    desk.quote("100", "102")
    desk.send("buy 4 @ 101")
    assert desk.locked("USDT") == D("20.2")  # 5 % of 404.
    desk.send("sell 3 @ 110")
    assert desk.locked("USDT") == D("20.2")
    desk.send("sell 1 @ 110")
    assert desk.locked("USDT") == D("22")
    desk.trade("101", "1")
    # Long 101 and 303 more to buy.
    assert desk.locked("USDT") == D("20.2")
    desk.trade("101", "3")
    # Long 404; the sells of 440 would turn it to 36 short.
    assert desk.locked("USDT") == D("20.2")
    assert desk.account.venue_positions() == (
        VenuePosition(symbol=PERPETUAL.symbol, position_side=PositionSide.NET, size=D(4), entry_price=D(101)),
    )


def test_profit_is_realised_on_the_average_price_and_fees_are_apart() -> None:
    desk = Desk(a_perpetual(taker_fee="0.001"), {"USDT": "1000"})
    desk.quote("99", "100")
    desk.send("buy 1")
    desk.quote("109", "110")
    desk.send("buy 1")
    desk.quote("120", "121")
    desk.send("sell 3")
    holding = desk.account.holdings[PERPETUAL.symbol]
    assert (holding.position.size, holding.position.realized_pnl) == (D(-1), D(30))  # 2 * (120 - 105).
    assert desk.total("USDT") == D("1029.43")  # Fees 0.1, 0.11 and 0.36.
    assert desk.locked("USDT") == D("6")  # 5 % of a short of 120.


def test_reduce_only_orders_set_nothing_aside_and_never_turn_a_position() -> None:
    desk = Desk(PERPETUAL, {"USDT": "1000"})
    desk.quote("99", "100")
    desk.send("buy 2")
    locked = desk.locked("USDT")
    order = desk.send("sell 5 @ 105 reduce")
    assert desk.locked("USDT") == locked
    desk.trade("106", "9", "buy")
    assert order.filled == D(2)
    assert desk.reasons() == ["filled", "cancelled"]
    assert desk.account.venue_positions() == ()
    assert desk.locked("USDT") == 0


def test_reduce_only_orders_that_one_event_fills_share_the_position() -> None:
    desk = Desk(PERPETUAL, {"USDT": "1000"})
    desk.quote("99", "100")
    desk.send("buy 3")
    orders = [desk.send(order) for order in ("sell 2 @ 105 reduce", "sell 2 @ 106 reduce", "sell 2 @ 107 reduce")]
    desk.trade("108", "9", "buy")
    assert [order.filled for order in orders] == [D(2), D(1), D(0)]
    assert not any(order.is_open for order in orders)
    assert desk.account.venue_positions() == ()


def test_closing_by_another_order_cancels_reduce_only_orders() -> None:
    desk = Desk(PERPETUAL)
    desk.quote("99", "100")
    desk.send("buy 2")
    stop = desk.send("sell 2 stop 90 reduce")
    limit = desk.send("sell 2 @ 110 reduce")
    desk.send("sell 1")
    assert (stop.is_open, limit.is_open) == (True, True)
    desk.send("sell 1")
    assert (stop.is_open, limit.is_open) == (False, False)
    assert desk.account.reducers == {}


def test_losses_beyond_everything_leave_nothing_locked() -> None:
    desk = Desk(PERPETUAL, {"USDT": "100"})
    desk.quote("99.9", "100", "50 50")
    desk.send("buy 19")
    desk.quote("90", "90.1", "50 50")
    desk.send("sell 18")
    # 100 - 180 - 0.342 - 0.2916
    assert (desk.total("USDT"), desk.locked("USDT")) == (D("-80.6336"), D(0))


def test_all_balances_are_shown_zeros_included() -> None:
    desk = Desk(balances={"USDT": "10", "BTC": "0"})
    assert desk.account.venue_balances() == (
        VenueBalance(asset="USDT", free=D(10), locked=D(0)),
        VenueBalance(asset="BTC", free=D(0), locked=D(0)),
    )


def test_only_losses_of_the_same_settle_asset_count_and_profits_do_not() -> None:
    desk = Desk(PERPETUAL)
    desk.quote("99", "100")
    desk.send("buy 2")
    assert desk.account.unrealized_loss(lambda _, is_long: D(90) if is_long else None, "USDT") == D(-20)
    assert desk.account.unrealized_loss(lambda *_: D(90), "USDC") == 0
    assert desk.account.unrealized_loss(lambda *_: D(110), "USDT") == 0
    assert desk.account.unrealized_loss(lambda *_: None, "USDT") == 0
