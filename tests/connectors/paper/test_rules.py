"""Every refusal of the venue has its code, and a refused order changes nothing but the list of orders."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper.order import FILLED, REJECTED
from engine.domain.kinds import OrderType, PositionSide
from engine.messages.venues import VenueRejected
from tests.connectors.paper.support import PERPETUAL, SPOT, Desk, a_submit

D = Decimal


def a_desk(perpetual: bool) -> Desk:
    desk = Desk(PERPETUAL if perpetual else SPOT, {"USDT": "1000"} if perpetual else {"USDT": "1000", "BTC": "2"})
    desk.quote("100", "101", "5000 5000")
    return desk


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ("buy 0.000001", "min_quantity"),
        ("buy 0.000015", "step_size"),
        ("buy 9001", "max_quantity"),
        ("buy 1 @ 99.001", "tick_size"),
        ("buy 1 stop 102.001", "tick_size"),
        ("buy 0.01 @ 99", "min_notional"),
        ("buy 0.01", "min_notional"),
        ("buy 1 @ 101 post", "post_only_would_take"),
        ("sell 1 @ 100 post", "post_only_would_take"),
        ("buy 1 @ 99 post ioc", "post_only_not_allowed"),
        ("buy 1 post", "post_only_not_allowed"),
        ("buy 1 stop 101", "stop_would_trigger"),
        ("sell 1 stop 100", "stop_would_trigger"),
        ("buy 1 reduce", "reduce_only_would_not_reduce"),
        ("buy 10 @ 100", "insufficient_balance"),
        ("buy 9.90 @ 101", "insufficient_balance"),  # 999.90, but not its fee.
        ("buy 9.90", "insufficient_balance"),
        ("buy 10 stop 102", "insufficient_balance"),
        ("sell 2.1", "insufficient_balance"),
        ("sell 2.1 @ 110", "insufficient_balance"),
    ],
)
def test_a_spot_order_is_refused_with_its_code(order: str, code: str) -> None:
    desk = a_desk(perpetual=False)
    before = desk.account.venue_balances()
    refused = desk.send(order)
    assert [answer.code for answer in desk.said(VenueRejected)] == [code]
    assert (refused.state, refused.reject_code) == (REJECTED, code)
    assert desk.account.venue_balances() == before
    assert desk.account.open_orders == {}
    assert desk.market.is_idle


@pytest.mark.parametrize("order", ["buy 1 @ 100.99 post", "sell 1 @ 100.01 post", "buy 9.89 @ 101", "sell 2 reduce"])
def test_a_spot_order_at_the_edge_of_a_rule_is_taken(order: str) -> None:
    assert a_desk(perpetual=False).refusal(order) == ""


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ("sell 1 reduce", "reduce_only_would_not_reduce"),
        ("buy 200", "insufficient_margin"),
        ("buy 200 @ 100", "insufficient_margin"),
        ("sell 201 @ 110", "insufficient_margin"),
        ("buy 198 stop 102", "insufficient_margin"),
        ("buy 1000.001", "max_quantity"),
    ],
)
def test_an_order_on_a_perpetual_is_refused_with_its_code(order: str, code: str) -> None:
    assert a_desk(perpetual=True).refusal(order) == code


def test_reduce_only_needs_a_position_of_the_other_side() -> None:
    desk = a_desk(perpetual=True)
    desk.send("buy 1")
    assert desk.refusal("buy 1 reduce") == "reduce_only_would_not_reduce"
    assert desk.send("sell 0.001 reduce").state is FILLED  # The minimum notional does not count for it.


def test_what_shrinks_a_position_passes_without_any_money() -> None:
    desk = a_desk(perpetual=True)
    desk.send("buy 190")
    desk.quote("97", "98", "5000 5000")
    assert desk.refusal("buy 1") == "insufficient_margin"
    assert len(desk.said(VenueRejected)) == 1
    desk.send("sell 100")
    desk.send("sell 150 @ 99")
    assert len(desk.said(VenueRejected)) == 1


def test_open_losses_lower_what_a_new_order_may_use_and_open_profits_do_not_raise_it() -> None:
    desk = a_desk(perpetual=True)
    desk.send("buy 100")  # Margin 505, fee 1.818: 493.182 left.
    desk.quote("99", "99.2", "5000 5000")  # A loss of 190: 303.182 left.
    assert desk.refusal("buy 70 @ 90") == "insufficient_margin"  # 315 and its fee.
    desk.quote("150", "151", "5000 5000")
    desk.send("buy 105 @ 90")  # 472.5 and its fee.
    assert len(desk.said(VenueRejected)) == 1
    assert desk.refusal("buy 10 @ 90") == "insufficient_margin"


def test_a_market_order_needs_a_market() -> None:
    assert Desk().refusal("buy 1") == "no_market"


def test_perpetuals_need_a_margin_account_and_positions_are_netted() -> None:
    desk = a_desk(perpetual=True)
    assert desk.refusal("buy 1", position_side=PositionSide.LONG) == "position_side_not_supported"
    desk.account.kind = "spot"
    assert desk.refusal("buy 1") == "margin_account_needed"


@pytest.mark.parametrize(
    ("order", "changes"),
    [
        ("buy 1 @ 99", {"quantity": D("NaN")}),
        ("buy 1 @ 99", {"quantity": D("Infinity")}),
        ("buy 1 @ 99", {"price": D("NaN")}),
        ("buy 1 stop 102", {"stop_price": D("-Infinity")}),
    ],
)
def test_a_number_that_is_none_is_refused_and_not_stored(order: str, changes: dict[str, Any]) -> None:
    desk = a_desk(perpetual=False)
    desk.exchange.submit(a_submit(order, number=1, **changes), 0)
    assert [answer.code for answer in desk.said(VenueRejected)] == ["malformed"]
    assert not desk.changed_orders()


@pytest.mark.parametrize(
    "changes",
    [{"quantity": D(0)}, {"quantity": D(-1)}, {"quantity": D("1E30")}, {"price": D("1E-30")}, {"symbol": "X" * 51}],
)
def test_what_no_column_holds_is_refused_and_not_stored(changes: dict[str, Any]) -> None:
    desk = a_desk(perpetual=False)
    desk.exchange.submit(a_submit("buy 1 @ 99", number=1, **changes), 0)
    assert len(desk.said(VenueRejected)) == 1
    assert not desk.changed_orders()
    assert desk.account.client_ids.is_known("cv-1")


def test_an_unknown_symbol_is_refused() -> None:
    desk = Desk()
    desk.symbol = "DOGE/USDT"
    assert desk.refusal("buy 1 @ 1") == "unknown_symbol"


def test_prices_that_do_not_belong_to_the_type_are_refused() -> None:
    desk = a_desk(perpetual=False)
    assert desk.refusal("buy 1 @ 99", type=OrderType.MARKET) == "price_not_allowed"
    assert desk.refusal("buy 1", type=OrderType.LIMIT) == "price_missing"
