import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.remote.checks import check_body
from engine.domain.capabilities import DuplicateRule
from engine.domain.kinds import DoneReason, OrderType, Side
from engine.messages.remote import RemoteFrame, RemoteHello, RemotePong, RemoteRefused, RemoteWelcome
from engine.messages.venues import (
    AccountQuery,
    FillsQuery,
    OpenOrdersQuery,
    VenueAccepted,
    VenueFill,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueRejected,
)
from engine.simulation.venue.audit import problems, snapshot
from engine.simulation.venue.faults import Faults, drawn_faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.rules import rough_rules
from tests.engine.simulation.venue.support import (
    ACCOUNT,
    BTC,
    PERP,
    PRICES,
    SECOND,
    D,
    Rig,
    cancel_of,
    instruments,
    rules,
)


def test_a_greeting_is_answered_with_what_the_venue_can_do() -> None:
    rig = Rig()
    assert rig.venue.connect(1)

    assert rig.ask(RemoteHello(engine="x"), 1) == RemoteWelcome(
        version=1, venue="lying", capabilities=rig.venue.rules.capabilities(), venue_time_ns=rig.clock.at_ns
    )
    assert rig.ask(RemoteHello(engine="x", version=2), 1).code == "malformed"


def test_nothing_is_done_before_the_greeting() -> None:
    rig = Rig()
    assert rig.venue.connect(1)

    assert rig.ask(AccountQuery(account_id=ACCOUNT), 1).code == "not_ready"


def test_garbage_is_refused_and_ends_the_link() -> None:
    rig = Rig()
    link = rig.dial()
    rig.deliveries += rig.venue.handle(link, b"\xc1 noise")

    assert rig.frames()[-1].body == RemoteRefused(code="malformed")
    assert rig.deliveries[-1].payload is None
    assert rig.submit() is None


def test_a_numbered_frame_with_a_wrong_body_is_refused_and_the_link_lives() -> None:
    rig = Rig()
    link = rig.dial()
    rig.deliveries += rig.venue.handle(link, msgspec.msgpack.encode({"n": 9_000, "body": {"msg": "VenueSubmit"}}))

    assert rig.answer_to(9_000) == RemoteRefused(code="malformed")
    assert isinstance(rig.submit(), VenueAccepted)


def test_what_is_no_request_is_refused() -> None:
    rig = Rig()
    link = rig.dial()

    assert rig.ask(RemotePong(at_ns=1, venue_time_ns=1)).code == "malformed"
    records = len(rig.journal.records)
    rig.deliveries += rig.venue.handle(
        link, msgspec.msgpack.encode(RemoteFrame(body=RemotePong(at_ns=1, venue_time_ns=1)))
    )
    assert len(rig.journal.records) == records


def test_a_lost_request_has_no_effect_and_a_lost_answer_has() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.LOST_REQUEST)
    assert rig.submit() is None
    assert rig.venue.truth.orders == {}

    rig.lie(FaultKind.LOST_ANSWER)
    assert rig.submit() is None
    assert len(rig.venue.truth.orders) == 1
    assert isinstance(rig.submit(), VenueAccepted)


def test_a_request_that_comes_twice_is_answered_the_second_time() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.REPEATED_REQUEST, times=3)
    message = rig.submit_of()
    codes = [rig.ask(message).code]
    order = rig.venue.truth.find(ACCOUNT, message.venue_client_id)
    assert order is not None
    codes += [rig.amend(order, price=D(58_000)).code, rig.cancel(order).code]

    assert codes == ["duplicate_client_order_id", "duplicate_request", "already_done"]
    assert (order.price, order.reason) == (D(58_000), DoneReason.CANCELLED)
    assert rig.venue.has_kept_its_word


@pytest.mark.parametrize("rule", [DuplicateRule.IGNORES, DuplicateRule.REFUSES_WHILE_OPEN])
def test_no_request_comes_twice_where_that_would_make_two_orders(rule: DuplicateRule) -> None:
    rig = Rig(rules(duplicates=rule))
    rig.dial()
    rig.lie(FaultKind.REPEATED_REQUEST)

    assert isinstance(rig.submit(type=OrderType.MARKET), VenueAccepted)
    assert len(rig.venue.truth.orders) == 1


@pytest.mark.parametrize(("strength", "answer"), [(300_000, VenueAccepted), (999_999, VenueRejected)])
def test_a_late_request_is_acted_on_late_or_refused_as_late(strength: int, answer: type) -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.LATE_REQUEST, strength=strength)
    number = rig.say(rig.submit_of())
    assert rig.venue.truth.orders == {}

    rig.wait(12)
    assert isinstance(rig.answer_to(number), answer)


def test_a_late_answer_comes_after_the_reports() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.LATE_ANSWER)
    number = rig.say(rig.submit_of())
    assert len(rig.told(VenueOrderUpdate)) == 1
    assert rig.answer_to(number) is None

    rig.wait(12)
    assert isinstance(rig.answer_to(number), VenueAccepted)


def test_a_fill_may_come_before_the_acknowledgement() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.FILL_BEFORE_ACK)
    number = rig.say(rig.submit_of(type=OrderType.MARKET))
    assert len(rig.told(VenueFill)) == 1
    assert rig.answer_to(number) is None

    rig.wait(2)
    assert isinstance(rig.answer_to(number), VenueAccepted)


@pytest.mark.parametrize("strength", [0, 1, 7, 500_000, 999_999])
def test_a_spoiled_answer_is_no_frame(strength: int) -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.GARBAGE, strength=strength)
    before = len(rig.frames()), len(rig.deliveries)
    assert rig.submit() is None

    assert len(rig.deliveries) == before[1] + 2
    assert len(rig.frames()) == before[0] + 1


def test_what_has_arrived_is_in_the_journal_before_its_answer_leaves() -> None:
    rig = Rig()
    rig.dial()
    committed: list[int] = []
    rig.journal.commit = lambda: committed.append(len(rig.journal.records))  # type: ignore[method-assign]
    rig.submit()

    assert committed == [len(rig.journal.records)]


def test_a_venue_that_died_comes_back_with_its_truth() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.submit(type=OrderType.MARKET)
    again = Rig(journal=rig.journal)
    again.dial()

    assert again.submit(venue_client_id=order.client_id).code == "duplicate_client_order_id"
    assert isinstance(again.cancel(order), VenueOrderDone)
    assert len(again.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills) == 1
    assert problems(again.venue.truth) == []


def run(seed: int, steps: int = 60, *, among: frozenset[FaultKind] | None = None) -> Rig:
    """Trade for a while by one seed."""
    faults = drawn_faults(seed) if among is None else drawn_faults(seed, among=among)
    rig = Rig(rough_rules("lying", instruments(), PRICES), faults=faults)
    is_up = False
    for step in range(steps):
        is_up = is_up and rig.link in rig.venue.links.by_id
        if not is_up and rig.venue.connect(rig.link + 1):
            rig.venue.disconnect(rig.link + 1)
            rig.dial()
            is_up = True
        symbol = BTC if step % 3 else PERP
        side = Side.BUY if step % 2 else Side.SELL
        kind = OrderType.MARKET if step % 5 == 0 else OrderType.LIMIT
        price = None if kind is OrderType.MARKET else PRICES[symbol] + D(step % 7 - 3) * side.sign
        message = rig.submit_of(symbol=symbol, side=side, type=kind, quantity=D("0.01"), price=price)
        rig.ask(message)
        order = rig.venue.truth.find(ACCOUNT, message.venue_client_id)
        if order is not None and step % 4 == 0:
            rig.cancel(order)
        if order is not None and step % 6 == 1:
            rig.amend(order, quantity=D("0.02"))
        if step % 10 == 0:
            rig.ask(OpenOrdersQuery(account_id=ACCOUNT))
            rig.ask(FillsQuery(account_id=ACCOUNT, cursor=None))
        rig.wait(0.7)
    return rig


@given(st.integers())
def test_its_own_books_always_add_up_and_its_journal_tells_the_same(seed: int) -> None:
    rig = run(seed, among=frozenset(FaultKind))
    again = Rig(rig.venue.rules, journal=rig.journal)

    assert problems(rig.venue.truth) == []
    assert snapshot(again.venue.truth, "lying") == snapshot(rig.venue.truth, "lying")


@given(st.integers())
def test_whatever_it_says_is_a_message_that_an_engine_takes(seed: int) -> None:
    for _, _, body in run(seed, among=frozenset(FaultKind)).venue.speaker.said:
        check_body(body)


@given(st.integers())
def test_one_seed_says_the_same_byte_for_byte(seed: int) -> None:
    first, second = run(seed, 30), run(seed, 30)

    assert first.deliveries == second.deliveries
    assert first.journal.records == second.journal.records


@given(st.integers())
def test_however_time_is_cut_the_same_happens(seed: int) -> None:
    rigs = [Rig(rough_rules("lying", instruments(), PRICES), faults=Faults(seed)) for _ in range(2)]
    for rig in rigs:
        rig.dial()
        for step in range(5):
            rig.submit(price=D(59_999 - step))
    rigs[0].wait(20)
    for _ in range(200):
        rigs[1].wait(0.1)

    assert snapshot(rigs[0].venue.truth, "lying") == snapshot(rigs[1].venue.truth, "lying")


@given(st.integers())
def test_within_the_limits_no_order_is_overfilled_and_none_is_taken_late_or_twice(seed: int) -> None:
    rig = run(seed)

    assert rig.venue.has_kept_its_word
    orders = list(rig.venue.truth.orders.values())
    assert all(order.executed <= order.quantity for order in orders)
    assert all(order.order_id is None or order.ended_at_ns is None or all(
        trade.at_ns <= order.ended_at_ns for trade in order.trades) for order in orders)  # fmt: skip
    assert len({order.client_id for order in orders}) == len(orders)


def test_in_calm_the_truth_is_told() -> None:
    rig = run(3)
    rig.venue.calm()
    rig.wait(30)
    rig.dial()
    order = rig.placed(symbol=BTC, price=D(10_000))

    asked = [rig.say(cancel_of(order)), rig.say(AccountQuery(account_id=ACCOUNT))]
    rig.wait(0.1)
    assert isinstance(rig.answer_to(asked[0]), VenueOrderDone)
    assert rig.answer_to(asked[1]).balances == rig.venue.truth.accounts[ACCOUNT].balances()


def test_the_next_moment_is_known() -> None:
    rig = Rig()
    assert rig.venue.next_due_ns() is None
    rig.dial()
    rig.lie(FaultKind.LATE_ANSWER, strength=0)
    rig.say(rig.submit_of())
    assert rig.venue.next_due_ns() == rig.clock.at_ns + 12_000

    slow = Rig(rough_rules("lying", instruments(), PRICES))
    assert slow.venue.next_due_ns() == slow.clock.at_ns + SECOND // 4
