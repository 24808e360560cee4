import pytest

from engine.domain.capabilities import AmendKind, DuplicateRule
from engine.domain.errors import InvariantBroken
from engine.simulation.venue.audit import snapshot
from engine.simulation.venue.facts import ClockSet, OrderEnded, TradeTakenBack
from engine.simulation.venue.truth import Truth
from tests.engine.simulation.venue.support import ACCOUNT, BTC, PERP, START_NS, D, Rig, instruments, rules


def test_order_and_trade_numbers_count_per_symbol() -> None:
    rig = Rig()
    rig.dial()
    orders = [rig.placed(symbol=symbol, price=D(61_000)) for symbol in (BTC, PERP, BTC)]

    assert [(order.symbol, order.external_id) for order in orders] == [(BTC, "1"), (PERP, "1"), (BTC, "2")]
    assert [(trade.symbol, trade.number) for trade in rig.venue.truth.trades] == [(BTC, 1), (PERP, 1), (BTC, 2)]
    assert [trade.cursor for trade in rig.venue.truth.trades] == [1, 2, 3]


def test_a_fact_about_an_unknown_order_is_refused() -> None:
    with pytest.raises(InvariantBroken):
        Truth(instruments()).apply(OrderEnded(at_ns=1, symbol=BTC, number=7, reason="cancelled"))  # type: ignore[arg-type]


def test_a_trade_is_taken_back_once() -> None:
    rig = Rig()
    rig.dial()
    rig.placed(price=D(61_000))
    fact = TradeTakenBack(at_ns=START_NS, symbol=BTC, trade=1)
    rig.venue.truth.apply(fact)

    with pytest.raises(InvariantBroken):
        rig.venue.truth.apply(fact)


def test_the_clock_may_go_back_but_no_stamp_does() -> None:
    truth = Truth(instruments())
    truth.apply(ClockSet(at_ns=100, skew_ns=50))
    before = truth.stamp_ns(110)
    truth.apply(ClockSet(at_ns=120, skew_ns=-50))

    assert truth.venue_time_ns(130) == 80
    assert truth.stamp_ns(130) == 170 > before


def test_a_replaced_order_is_found_under_each_of_its_numbers() -> None:
    rig = Rig(rules(amend=AmendKind.REPLACE))
    rig.dial()
    order = rig.placed()
    rig.amend(order, price=D(58_000))

    assert rig.venue.truth.order(BTC, 1) is rig.venue.truth.order(BTC, 2) is order
    assert list(rig.venue.truth.accounts[ACCOUNT].open_orders) == [(BTC, 2)]


def test_the_newest_order_of_a_client_id_is_found() -> None:
    rig = Rig(rules(duplicates=DuplicateRule.IGNORES))
    rig.dial()
    rig.submit(venue_client_id="again")
    second = rig.placed(venue_client_id="again")

    assert rig.venue.truth.find(ACCOUNT, "again") is second
    assert second.number == 2


def test_the_journal_makes_the_same_truth() -> None:
    rig = Rig(rules(amend=AmendKind.REPLACE))
    rig.dial()
    rig.amend(rig.placed(), price=D(58_000))
    rig.cancel(rig.placed())
    rig.submit(price=D(61_000))
    rig.by_hand(lambda: rig.venue.hand.void(rig.venue.truth.trades[0]))
    again = Rig(rules(amend=AmendKind.REPLACE), journal=rig.journal)

    assert snapshot(again.venue.truth, "lying") == snapshot(rig.venue.truth, "lying")
    assert again.venue.truth.starts == 2
