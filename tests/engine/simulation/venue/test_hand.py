import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderType, Side
from engine.messages.venues import VenueOrderDone, VenueOrderUpdate
from engine.simulation.venue.audit import problems
from engine.simulation.venue.faults import Strike
from engine.simulation.venue.kinds import FaultKind
from tests.engine.simulation.venue.support import ACCOUNT, BTC, PERP, D, Rig, rules


def strike(kind: FaultKind, strength: int = 0) -> Strike:
    return Strike("test", kind, 0, strength, "")


def test_an_order_may_be_filled_by_hand_at_any_price() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.04"), D(1_000)))
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.06")))

    assert [(trade.price, trade.quantity) for trade in order.trades] == [
        (D(1_000), D("0.04")),
        (D(59_000), D("0.06")),
    ]
    assert order.reason is DoneReason.FILLED


def test_nothing_is_filled_without_a_price() -> None:
    rig = Rig(rules(prices={}))
    rig.dial()
    stop = rig.placed(type=OrderType.STOP, stop_price=D(60_000))

    with pytest.raises(BadInput):
        rig.venue.hand.fill(stop, D("0.1"))


def test_an_order_placed_by_hand_is_reported_and_is_nobodys() -> None:
    rig = Rig()
    rig.dial()
    rig.by_hand(lambda: rig.venue.hand.place(ACCOUNT, BTC, Side.BUY, D("0.1"), price=D(50_000)))
    rig.by_hand(lambda: rig.venue.hand.place(ACCOUNT, BTC, Side.BUY, D("0.1"), client_id="mine"))

    assert [order.is_external for order in rig.venue.truth.orders.values()] == [True, True]
    assert rig.told(VenueOrderUpdate)[0].order.price == D(50_000)
    assert rig.told(VenueOrderDone)[0].venue_client_id == "mine"


def test_an_order_ends_by_hand() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.by_hand(lambda: rig.venue.hand.end(order, DoneReason.EXPIRED))
    rig.by_hand(lambda: rig.venue.hand.end(order))

    assert order.reason is DoneReason.EXPIRED


def test_money_comes_and_goes() -> None:
    rig = Rig()
    rig.dial()
    rig.by_hand(lambda: rig.venue.hand.transfer(ACCOUNT, "ETH", D(3)))
    rig.by_hand(lambda: rig.venue.hand.transfer(ACCOUNT, "ETH", D(-1)))

    assert rig.venue.truth.accounts[ACCOUNT].totals["ETH"] == D(2)
    with pytest.raises(BadInput):
        rig.venue.hand.transfer(ACCOUNT, "ETH", D("NaN"))


def test_an_unlisted_symbol_has_no_price() -> None:
    with pytest.raises(BadInput):
        Rig().price("1", "DOGE/USDT")


@given(st.lists(st.tuples(st.sampled_from(["order", "money", "void"]), st.integers(0, 999_999)), max_size=20))
def test_whatever_chance_does_by_hand_the_books_add_up(acts: list[tuple[str, int]]) -> None:
    rig = Rig()
    rig.dial()
    rig.submit(type=OrderType.MARKET)
    rig.submit(symbol=PERP, type=OrderType.MARKET)
    hand = rig.venue.hand
    effects = {"order": hand.place_some, "money": hand.transfer_some, "void": hand.void_some}
    for name, strength in acts:
        effects[name](strike(FaultKind.VOID, strength))

    assert problems(rig.venue.truth) == []
    assert all(total >= 0 for total in rig.venue.truth.accounts[ACCOUNT].totals.values())


def test_without_accounts_chance_does_nothing() -> None:
    rig = Rig()
    records = len(rig.journal.records)
    for effect in (rig.venue.hand.place_some, rig.venue.hand.transfer_some, rig.venue.hand.void_some):
        effect(strike(FaultKind.VOID))

    assert len(rig.journal.records) == records
