from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.kinds import OrderType, Side
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueFill,
    VenueOrder,
)
from engine.simulation.venue.faults import Faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.orders import Order, listed
from tests.engine.simulation.venue.support import ACCOUNT, BTC, OTHER, SECOND, D, Rig, rules


def query_of(order: Order) -> OrderQuery:
    return OrderQuery(account_id=ACCOUNT, symbol=BTC, venue_client_id=order.client_id)


def all_orders(rig: Rig) -> list[VenueOrder]:
    found: list[VenueOrder] = []
    page = rig.ask(OpenOrdersQuery(account_id=ACCOUNT))
    found += page.orders
    while page.next_after is not None:
        page = rig.ask(OpenOrdersQuery(account_id=ACCOUNT, after=page.next_after))
        found += page.orders
    return found


def all_fills(rig: Rig, **query: Any) -> list[VenueFill]:
    found: list[VenueFill] = []
    page = rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None, **query))
    found += page.fills
    while page.has_more:
        page = rig.ask(FillsQuery(account_id=ACCOUNT, cursor=page.cursor, **query))
        found += page.fills
    return found


@given(st.integers(0, 200), st.booleans())
def test_pages_of_any_size_show_everything(seed: int, is_partial: bool) -> None:
    faults = Faults(seed, {FaultKind.PARTIAL_PAGE: 500_000 if is_partial else 0})
    rig = Rig(rules(page_sizes=(2, 5, 50)), faults=faults)
    rig.dial()
    resting = [rig.placed() for _ in range(7)]
    traded = [rig.placed(type=OrderType.MARKET, quantity=D("0.01")) for _ in range(7)]

    ids = [order.external_order_id for order in all_orders(rig)]
    assert list(dict.fromkeys(ids)) == [order.external_id for order in resting]
    assert is_partial or len(ids) == 7
    fills = [fill.external_trade_id for fill in all_fills(rig)]
    assert list(dict.fromkeys(fills)) == [str(trade.number) for order in traded for trade in order.trades]


def test_a_page_behind_the_last_is_empty_and_keeps_its_cursor() -> None:
    rig = Rig()
    rig.dial()
    rig.placed(type=OrderType.MARKET)
    page = rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None))
    again = rig.ask(FillsQuery(account_id=ACCOUNT, cursor=page.cursor))

    assert (len(page.fills), page.has_more) == (1, False)
    assert (again.fills, again.cursor, again.has_more) == ((), page.cursor, False)


def test_fills_of_one_order_are_only_its_own() -> None:
    rig = Rig()
    rig.dial()
    first, second = rig.placed(type=OrderType.MARKET), rig.placed(type=OrderType.MARKET)

    fills = all_fills(rig, venue_client_id=second.client_id)
    assert [fill.venue_client_id for fill in fills] == [second.client_id] != [first.client_id]


def test_a_trade_taken_back_and_a_hidden_one_are_shown_no_more() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.HIDDEN_TRADE)
    for _ in range(3):
        rig.submit(type=OrderType.MARKET)
    rig.by_hand(lambda: rig.venue.hand.void(rig.venue.truth.trades[1]))

    assert [fill.external_trade_id for fill in all_fills(rig)] == ["3"]
    assert rig.told(VenueFill)[0].external_trade_id == "2"


@pytest.mark.parametrize(("strength", "seen"), [(0, 0), (700_000, 1), (999_999, 2)])
def test_a_truncated_page_says_that_nothing_is_behind_it(strength: int, seen: int) -> None:
    rig = Rig()
    rig.dial()
    for _ in range(3):
        rig.submit(type=OrderType.MARKET)
    rig.lie(FaultKind.TRUNCATED_PAGE, strength=strength)
    page = rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None))
    assert (len(page.fills), page.has_more) == (seen, False)
    assert len(all_fills(rig)) == 3


def test_an_empty_page_cannot_be_truncated() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.TRUNCATED_PAGE)
    rig.ask(OpenOrdersQuery(account_id=ACCOUNT))
    assert rig.faults.counts() == {}


def test_an_order_is_found_open_and_done_until_it_is_forgotten() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    assert rig.ask(query_of(order)) == OrderFound(order=listed(order))
    rig.cancel(order)
    assert rig.ask(query_of(order)).order.is_open is False

    rig.wait(1)
    rig.by_hand(lambda: rig.venue.hand.forget(rig.clock.at_ns))
    assert rig.ask(query_of(order)) == OrderAbsent(venue_time_ns=rig.clock.at_ns)
    assert rig.submit(venue_client_id=order.client_id).code == "duplicate_client_order_id"


def test_orders_that_traded_are_not_forgotten_unless_one_insists() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed(type=OrderType.MARKET)
    rig.wait(1)
    rig.by_hand(lambda: rig.venue.hand.forget(rig.clock.at_ns))
    assert isinstance(rig.ask(query_of(order)), OrderFound)

    rig.by_hand(lambda: rig.venue.hand.forget(rig.clock.at_ns, with_trades=True))
    assert isinstance(rig.ask(query_of(order)), OrderAbsent)
    assert len(all_fills(rig)) == 1


def test_a_stale_answer_misses_what_is_new_and_shows_what_is_over() -> None:
    rig = Rig(rules(read_lag_ns=3 * SECOND))
    rig.dial()
    old = rig.placed()
    rig.wait(4)
    new = rig.placed(side=Side.SELL, price=D(60_000))
    rig.cancel(old)
    rig.lie(FaultKind.STALE_LIST, times=4)

    assert [order.external_order_id for order in all_orders(rig)] == [old.external_id]
    assert isinstance(rig.ask(query_of(new)), OrderAbsent)
    assert rig.ask(query_of(old)).order.is_open
    assert all_fills(rig) == []
    assert all_orders(rig) == []
    assert isinstance(rig.ask(query_of(new)), OrderFound)
    assert len(all_fills(rig)) == 1


@given(skew=st.integers(-20, 20), at=st.integers(0, 10), lag=st.integers(0, 999_999))
def test_whoever_believes_an_absence_by_the_declared_limits_is_never_wrong(skew: int, at: int, lag: int) -> None:
    rig = Rig(rules(read_lag_ns=3 * SECOND))
    rig.dial()
    message = rig.submit_of()
    counts_after_ns = rig.venue.rules.capabilities().absence_counts_after_ns(message.valid_until_ns)
    assert counts_after_ns is not None
    rig.wait(at)
    rig.ask(message)
    order = rig.venue.truth.find(ACCOUNT, message.venue_client_id)
    believed = False
    for _ in range(24):
        rig.by_hand(lambda: rig.venue.hand.set_clock(skew * SECOND))
        rig.lie(FaultKind.STALE_LIST, strength=lag)
        answer = rig.ask(
            OrderQuery(account_id=ACCOUNT, symbol=BTC, venue_client_id=message.venue_client_id),
        )
        believed = believed or (isinstance(answer, OrderAbsent) and answer.venue_time_ns >= counts_after_ns)
        rig.wait(0.5)
    # Whether it never came is settled by then, and what was believed is so.
    assert not (believed and order is not None)


@given(skew=st.integers(-20, 20), asked=st.integers(0, 30))
def test_what_was_said_to_be_too_late_stays_too_late_when_the_clock_goes_back(skew: int, asked: int) -> None:
    rig = Rig()
    rig.dial()
    message = rig.submit_of()
    rig.by_hand(lambda: rig.venue.hand.set_clock(asked * SECOND))
    absent = rig.ask(OrderQuery(account_id=ACCOUNT, symbol=BTC, venue_client_id=message.venue_client_id))
    rig.by_hand(lambda: rig.venue.hand.set_clock(skew * SECOND))
    rig.ask(message)

    is_taken = rig.venue.truth.find(ACCOUNT, message.venue_client_id) is not None
    assert not (is_taken and absent.venue_time_ns > message.valid_until_ns)


def test_the_account_shows_what_its_cursor_says() -> None:
    rig = Rig()
    rig.dial()
    rig.submit(type=OrderType.MARKET)
    answer = rig.ask(AccountQuery(account_id=ACCOUNT))

    assert answer.cursor == all_fills(rig)[-1].cursor
    assert {each.asset: each.free for each in answer.balances}["BTC"] == D("10.1")


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "٣"])
def test_a_cursor_that_is_none_of_ours_proves_nothing(cursor: str) -> None:
    rig = Rig()
    rig.dial()

    assert isinstance(rig.ask(FillsQuery(account_id=ACCOUNT, cursor=cursor)), CannotTell)
    assert isinstance(rig.ask(OpenOrdersQuery(account_id=ACCOUNT, after=cursor)), CannotTell)


def test_questions_about_an_unknown_account_are_refused() -> None:
    rig = Rig()
    rig.dial()
    questions = [
        AccountQuery(account_id=OTHER),
        FillsQuery(account_id=OTHER, cursor=None),
        OpenOrdersQuery(account_id=OTHER),
        OrderQuery(account_id=OTHER, symbol=BTC, venue_client_id="x"),
    ]

    assert [rig.ask(question) for question in questions] == [RemoteRefused(code="unknown_account")] * 4
