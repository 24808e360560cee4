from engine.domain.kinds import OrderType
from engine.simulation.venue.audit import (
    Arrivals,
    arrivals_by_client_id,
    arrivals_by_order_id,
    position_by_trades,
    problems,
    snapshot,
)
from tests.engine.simulation.venue.support import ACCOUNT, BTC, PERP, D, Rig


def test_every_arrival_is_counted_and_every_acceptance() -> None:
    rig = Rig()
    rig.dial()
    message = rig.submit_of()
    rig.ask(message)
    rig.ask(message)

    assert arrivals_by_client_id(rig.venue.truth) == {(ACCOUNT, message.venue_client_id): Arrivals(2, 1)}
    assert arrivals_by_order_id(rig.venue.truth) == {message.order_id: Arrivals(2, 1)}


def test_a_snapshot_holds_orders_trades_and_accounts() -> None:
    rig = Rig()
    rig.dial()
    resting = rig.placed()
    done = rig.placed(symbol=PERP, type=OrderType.MARKET)
    whole = snapshot(rig.venue.truth, "lying")

    assert [each.order_id for each in whole.orders] == [resting.order_id, done.order_id]
    assert [each.fill.quantity for each in whole.trades] == [D("0.1")]
    assert [each.size for each in whole.accounts[0].positions] == [D("0.1")]
    assert [each.outcome for each in whole.requests] == ["accepted", "accepted"]
    assert position_by_trades(rig.venue.truth, ACCOUNT, PERP) == D("0.1")
    assert position_by_trades(rig.venue.truth, ACCOUNT, BTC) == 0


def test_books_that_do_not_add_up_are_found() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    assert problems(rig.venue.truth) == []

    rig.venue.truth.accounts[ACCOUNT].totals["USDT"] += 1
    rig.venue.truth.accounts[ACCOUNT].held["USDT"] += 1
    rig.venue.truth.accounts[ACCOUNT].open_orders.clear()
    order.executed = D("0.01")
    assert len(problems(rig.venue.truth)) == 4
