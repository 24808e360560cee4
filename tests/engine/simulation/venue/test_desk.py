from uuid import UUID

from msgspec.structs import replace

from engine.domain.capabilities import AmendKind
from engine.domain.kinds import DoneReason, OrderType, Side
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountOpened,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    OpenAccount,
    VenueAccepted,
    VenueAmended,
    VenueAmendRefused,
    VenueCancelRefused,
    VenueFill,
    VenueOrderDone,
    VenueRejected,
)
from engine.simulation.venue import entry
from engine.simulation.venue.kinds import FaultKind
from tests.engine.simulation.venue.support import ACCOUNT, OTHER, SECOND, USER, D, Rig, cancel_of, rules


def opening(kind: str = "spot", **money: D) -> OpenAccount:
    return OpenAccount(account_id=ACCOUNT, user_id=USER, kind=kind, starting_balances=dict(money))


def test_an_account_gets_its_money_once() -> None:
    rig = Rig()
    rig.dial()
    answer = rig.ask(opening(USDT=D(5)))

    assert answer == AccountOpened(account_id=ACCOUNT, created=False, capabilities=rig.venue.rules.capabilities())
    assert rig.venue.truth.accounts[ACCOUNT].totals["USDT"] == D(100_000)


def test_an_account_that_names_no_money_gets_the_venues() -> None:
    rig = Rig(rules(money={"USDT": D(7)}))
    rig.dial(OTHER)
    rig.ask(opening())

    assert rig.venue.truth.accounts[ACCOUNT].totals == {"USDT": D(7)}


def test_an_account_of_no_kind_is_refused() -> None:
    rig = Rig()
    rig.dial(OTHER)

    assert rig.ask(opening("savings")).code == entry.MALFORMED
    assert rig.ask(opening(USDT=D("NaN"))).code == entry.MALFORMED
    assert ACCOUNT not in rig.venue.truth.accounts


def test_nothing_is_done_for_an_unknown_account() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    order.account_id = OTHER
    answers = [rig.submit(account_id=OTHER), rig.cancel(order), rig.amend(order, quantity=D(1))]
    answers.append(rig.ask(ArmDeadMan(account_id=OTHER, timeout_ns=1)))

    assert answers == [RemoteRefused(code=entry.UNKNOWN_ACCOUNT)] * 4


def test_a_cancel_ends_the_order_it_names() -> None:
    rig = Rig()
    rig.dial()
    first, second = rig.placed(), rig.placed()

    assert isinstance(rig.ask(cancel_of(first)), VenueOrderDone)
    assert isinstance(rig.ask(cancel_of(second, by_client_id=True)), VenueOrderDone)
    assert first.reason is second.reason is DoneReason.CANCELLED


def test_a_cancel_of_nothing_or_of_what_is_done_is_refused() -> None:
    rig = Rig()
    rig.dial()
    done = rig.placed(type=OrderType.MARKET)
    never = cancel_of(done, by_client_id=True)
    answers = [rig.cancel(done), rig.ask(replace(never, venue_client_id="never"))]

    assert [(type(answer), answer.code) for answer in answers] == [
        (VenueCancelRefused, entry.ALREADY_DONE),
        (VenueCancelRefused, entry.UNKNOWN_ORDER),
    ]


def test_one_account_cannot_cancel_the_orders_of_another() -> None:
    rig = Rig()
    rig.dial(ACCOUNT, OTHER)
    order = rig.placed()
    message = cancel_of(order)
    answer = rig.ask(replace(message, account_id=OTHER))

    assert answer.code == entry.UNKNOWN_ORDER
    assert order.is_open


def test_an_order_may_trade_just_before_its_cancel() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.lie(FaultKind.FILL_AFTER_CANCEL, strength=500_000)
    answer = rig.cancel(order)
    assert (answer.filled_quantity, order.filled) == (D("0.05"), D("0.05"))
    assert rig.told(VenueFill) == []

    rig.wait(12)
    assert [fill.quantity for fill in rig.told(VenueFill)] == [D("0.05")]


def test_an_amend_in_place_keeps_the_id() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    answer = rig.amend(order, quantity=D("0.2"), price=D(58_000))

    assert isinstance(answer, VenueAmended)
    assert (answer.external_order_id, answer.quantity, answer.price) == ("1", D("0.2"), D(58_000))
    assert rig.venue.truth.accounts[ACCOUNT].locked("USDT") == D(11_600) + D("23.2")


def test_an_amend_that_replaces_gives_a_new_id() -> None:
    rig = Rig(rules(amend=AmendKind.REPLACE))
    rig.dial()
    order = rig.placed()

    assert rig.amend(order, price=D(58_000)).external_order_id == "2"
    assert isinstance(rig.cancel(order), VenueOrderDone)


def test_an_amend_across_the_market_trades() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.amend(order, price=D(60_500))

    assert [trade.price for trade in order.trades] == [D(60_000)]


def test_an_amend_that_comes_twice_or_too_late_is_refused() -> None:
    rig = Rig()
    rig.dial()
    order, again = rig.placed(), UUID(int=77)
    rig.amend(order, request_id=again, price=D(58_000))
    codes = [rig.amend(order, request_id=again, price=D(57_000)).code]
    rig.cancel(order)
    codes.append(rig.amend(order, price=D(57_000)).code)

    assert codes == [entry.AMEND_TWICE, entry.ALREADY_DONE]


def test_a_venue_without_amends_refuses_them() -> None:
    rig = Rig(rules(amend=AmendKind.NONE))
    rig.dial()
    answer = rig.amend(rig.placed(), price=D(1))

    assert isinstance(answer, VenueAmendRefused)
    assert answer.code == entry.AMEND_UNSUPPORTED


def test_a_dead_man_lets_go_of_everything_in_time() -> None:
    rig = Rig()
    rig.dial(ACCOUNT, OTHER)
    ours, theirs = rig.placed(), rig.placed(account_id=OTHER)
    answer = rig.ask(ArmDeadMan(account_id=ACCOUNT, timeout_ns=10 * SECOND))
    assert answer == DeadManArmed(account_id=ACCOUNT, until_ns=rig.clock.at_ns + 10 * SECOND)
    assert rig.venue.next_due_ns() == answer.until_ns

    rig.wait(9)
    assert ours.is_open
    rig.wait(1)
    assert ours.reason is DoneReason.CANCELLED
    assert theirs.is_open
    assert rig.venue.next_due_ns() is None


def test_a_dead_man_that_is_disarmed_does_nothing() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.ask(ArmDeadMan(account_id=ACCOUNT, timeout_ns=10 * SECOND))
    rig.ask(ArmDeadMan(account_id=ACCOUNT, timeout_ns=0))
    rig.wait(60)

    assert order.is_open


def test_a_venue_without_a_dead_man_says_so() -> None:
    rig = Rig(rules(has_dead_man=False))
    rig.dial()

    assert isinstance(rig.ask(ArmDeadMan(account_id=ACCOUNT, timeout_ns=1)), CannotTell)


def test_a_phantom_reject_has_taken_the_order() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.PHANTOM_REJECT)
    message = rig.submit_of()

    assert isinstance(rig.ask(message), VenueRejected)
    order = rig.venue.truth.find(ACCOUNT, message.venue_client_id)
    assert order is not None
    assert order.is_open
    assert not rig.venue.has_kept_its_word


def test_what_comes_too_late_is_taken_only_by_a_lie() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.LATE_ACCEPT)
    late = rig.clock.at_ns - 1

    assert isinstance(rig.submit(valid_until_ns=late), VenueAccepted)
    assert isinstance(rig.submit(valid_until_ns=late, side=Side.SELL), VenueRejected)
