import pytest

from engine.domain.errors import InvariantBroken
from engine.domain.kinds import DoneReason, OrderType
from engine.messages.base import Message
from engine.messages.remote import RemoteFrame
from engine.messages.venues import (
    FillsQuery,
    VenueAccepted,
    VenueFill,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueTradeVoided,
)
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.reports import done_report
from tests.engine.simulation.venue.support import ACCOUNT, D, Rig

MARKET = OrderType.MARKET


def kinds(frames: list[RemoteFrame]) -> list[type[Message]]:
    return [type(frame.body) for frame in frames]


def test_the_answer_comes_first_then_the_order_its_trades_and_its_end() -> None:
    rig = Rig()
    rig.dial()
    before = len(rig.frames())
    rig.submit(type=MARKET)

    assert kinds(rig.frames()[before:]) == [VenueAccepted, VenueOrderUpdate, VenueFill, VenueOrderDone]


def test_a_cancel_is_reported_on_every_link_that_opened_the_account() -> None:
    rig = Rig()
    first, second = rig.dial(), rig.dial()
    order = rig.placed()
    rig.cancel(order)

    assert rig.told(VenueOrderDone, first) == rig.told(VenueOrderDone, second) == [done_report(order)]


def test_a_part_is_reported_with_the_order_as_it_stands() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.by_hand(lambda: rig.venue.hand.fill(order, D("0.04")))
    newest = rig.told(VenueOrderUpdate)[-1].order

    assert (newest.filled_quantity, newest.is_open, newest.sequence) == (D("0.04"), True, 2)


def test_a_void_is_reported_and_again_to_whoever_comes_back() -> None:
    rig = Rig()
    rig.dial()
    rig.submit(type=MARKET)
    rig.by_hand(lambda: rig.venue.hand.void(rig.venue.truth.trades[0]))
    again = rig.dial()

    assert [void.external_trade_id for void in rig.told(VenueTradeVoided, again)] == ["1"]
    assert len(rig.told(VenueTradeVoided)) == 2


def test_a_report_may_come_again_later() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.DUPLICATE_PUSH, about="VenueFill")
    rig.submit(type=MARKET)
    assert len(rig.told(VenueFill)) == 1

    rig.wait(10)
    assert len(rig.told(VenueFill)) == 2
    assert rig.told(VenueFill)[0] == rig.told(VenueFill)[1]


def test_a_report_may_be_overtaken() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.REORDERED_PUSH, about="VenueFill")
    before = len(rig.frames())
    rig.submit(type=MARKET)
    rig.wait(2)

    assert kinds(rig.frames()[before:])[2:] == [VenueOrderDone, VenueFill]


@pytest.mark.parametrize(("strength", "later"), [(1, 1), (0, 0)])
def test_a_status_may_come_without_its_trades(strength: int, later: int) -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.STATUS_WITHOUT_TRADES, strength=strength)
    rig.submit(type=MARKET)
    assert rig.told(VenueFill) == []
    assert [done.filled_quantity for done in rig.told(VenueOrderDone)] == [D("0.1")]
    assert len(rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills) == 1

    rig.wait(20)
    assert len(rig.told(VenueFill)) == later


def test_trades_may_come_without_the_status() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.TRADES_WITHOUT_STATUS, about="VenueOrderDone")
    rig.submit(type=MARKET)
    rig.wait(60)

    assert rig.told(VenueOrderDone) == []
    assert len(rig.told(VenueFill)) == 1


def test_a_hidden_trade_is_counted_and_never_shown() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.HIDDEN_TRADE)
    rig.submit(type=MARKET)

    assert rig.told(VenueFill) == []
    assert rig.told(VenueOrderDone)[0].filled_quantity == D("0.1")
    assert rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills == ()


def test_a_slow_trade_is_counted_at_once_and_shown_in_time() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.SLOW_TRADE)
    rig.submit(type=MARKET)
    rig.wait(39)
    assert rig.told(VenueFill) == []
    assert rig.told(VenueOrderDone)[0].filled_quantity == D("0.1")
    assert rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills == ()

    rig.wait(1)
    assert [fill.external_trade_id for fill in rig.told(VenueFill)] == ["1"]
    assert len(rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills) == 1


def test_a_slow_trade_that_is_taken_back_is_never_shown() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.SLOW_TRADE)
    rig.submit(type=MARKET)
    rig.by_hand(lambda: rig.venue.hand.void(rig.venue.truth.trades[0]))
    rig.wait(60)
    assert rig.told(VenueFill) == []


def test_a_second_report_of_a_trade_may_contradict_the_first() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.CONFLICTING_TRADE)
    rig.submit(type=MARKET)
    rig.wait(10)

    assert [(fill.external_trade_id, fill.quantity) for fill in rig.told(VenueFill)] == [
        ("1", D("0.1")),
        ("1", D("0.1001")),
    ]


def test_an_order_may_trade_after_its_end() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.LATE_FILL)
    order = rig.placed()
    rig.cancel(order)
    rig.wait(61)

    assert (order.filled, order.reason) == (D("0.1"), DoneReason.CANCELLED)
    assert len(rig.told(VenueFill)) == 1


def test_only_an_order_that_ended_is_reported_so() -> None:
    rig = Rig()
    rig.dial()

    with pytest.raises(InvariantBroken):
        done_report(rig.placed())
