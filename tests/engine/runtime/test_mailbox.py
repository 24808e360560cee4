"""Lanes, limits and conflation of a mailbox, against a model that is too simple to be wrong."""

from typing import Any, ClassVar

import msgspec
import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from engine.runtime.errors import MailboxFull
from engine.runtime.future import AsyncioFuture
from engine.runtime.mailbox import Lane, Mailbox, MailboxSpec, lane_of


class Control(msgspec.Struct, frozen=True):
    """Before all."""

    __lane__: ClassVar[str] = "control"

    n: int


class Plain(msgspec.Struct, frozen=True):
    """In the middle, by default."""

    n: int


class Quote(msgspec.Struct, frozen=True):
    """Last; the newest of a symbol counts."""

    __lane__: ClassVar[str] = "market"
    __conflate__: ClassVar[tuple[str, ...]] = ("venue", "symbol")

    venue: str
    symbol: str
    n: int


class Trade(msgspec.Struct, frozen=True):
    """Last; every one counts."""

    __lane__: ClassVar[str] = "market"

    n: int


class Impossible(msgspec.Struct, frozen=True):
    """Names a lane that is not there."""

    __lane__: ClassVar[str] = "express"


class KeyedOrder(msgspec.Struct, frozen=True):
    """Has a key, but orders are never conflated."""

    __conflate__: ClassVar[tuple[str, ...]] = ("n",)

    n: int


MESSAGES = st.one_of(
    st.builds(Control, n=st.integers(0, 9)),
    st.builds(Plain, n=st.integers(0, 9)),
    st.builds(Quote, venue=st.sampled_from("xy"), symbol=st.sampled_from("abc"), n=st.integers(0, 9)),
    st.builds(Trade, n=st.integers(0, 9)),
)


def open_mailbox(spec: MailboxSpec) -> Mailbox:
    box = Mailbox(spec)
    box.actor = object()  # type: ignore[assignment]
    return box


def drained(box: Mailbox) -> list[Any]:
    taken = []
    while not box.empty():
        taken.append(box.get())
    return taken


def test_the_lane_is_named_by_the_class_and_orders_by_default() -> None:
    assert [lane_of(kind) for kind in (Control, Plain, Quote, str)] == [
        Lane.CONTROL,
        Lane.ORDERS,
        Lane.MARKET,
        Lane.ORDERS,
    ]
    with pytest.raises(ValueError, match="expected control, orders or market, was 'express'"):
        lane_of(Impossible)


@given(st.lists(MESSAGES, max_size=40))
def test_control_comes_before_orders_before_market_and_each_lane_keeps_its_order(messages: list[Any]) -> None:
    box = open_mailbox(MailboxSpec())
    for message in messages:
        box.put(message)
    assert len(box) == len(messages)
    assert drained(box) == sorted(messages, key=lambda message: lane_of(type(message)))


@given(st.lists(MESSAGES, max_size=40))
def test_conflation_keeps_the_newest_per_key_at_the_place_of_the_first(messages: list[Any]) -> None:
    box = open_mailbox(MailboxSpec(conflate=True))
    expected: dict[Any, Any] = {}
    for number, message in enumerate(messages):
        box.put(message)
        key = (message.venue, message.symbol) if isinstance(message, Quote) else number
        expected[key] = message
    assert drained(box) == sorted(expected.values(), key=lambda message: lane_of(type(message)))
    assert box.dropped == len(messages) - len(expected)
    assert box.latest == {}


@given(st.lists(st.one_of(MESSAGES, st.none()), max_size=60), st.integers(1, 5), st.booleans())
def test_no_lane_outgrows_its_limit_and_only_market_data_is_lost(steps: list[Any], limit: int, conflate: bool) -> None:
    box = open_mailbox(MailboxSpec(limit=limit, conflate=conflate))
    accepted, taken = [], []
    for step in steps:
        if step is None:
            taken += [] if box.empty() else [box.get()]
            continue
        try:
            box.put(step)
            accepted.append(step)
        except MailboxFull:
            assert lane_of(type(step)) is not Lane.MARKET
        for lane in (box.control, box.orders, box.market):
            assert len(lane or ()) <= limit
    taken += drained(box)
    kept = [message for message in accepted if lane_of(type(message)) is not Lane.MARKET]
    assert sorted(map(repr, (m for m in taken if lane_of(type(m)) is not Lane.MARKET))) == sorted(map(repr, kept))
    assert len(taken) == len(accepted) - box.dropped
    if newest := [message for message in accepted if lane_of(type(message)) is Lane.MARKET][-1:]:
        assert newest[0] in taken


def test_a_full_market_lane_gives_up_its_oldest() -> None:
    box = open_mailbox(MailboxSpec(limit=2))
    for n in range(4):
        box.put(Trade(n))
    assert drained(box) == [Trade(2), Trade(3)]
    assert box.dropped == 2


def test_a_full_market_lane_raises_where_that_is_asked_for() -> None:
    box = open_mailbox(MailboxSpec(limit=1, market_full="raise"))
    box.put(Trade(0))
    with pytest.raises(MailboxFull, match="lane market"):
        box.put(Trade(1))
    assert drained(box) == [Trade(0)]


def test_a_full_market_lane_never_gives_up_a_question() -> None:
    box = open_mailbox(MailboxSpec(limit=1))
    reply: AsyncioFuture[Any] = AsyncioFuture()
    box.put(Envelope(Trade(0), reply))
    with pytest.raises(MailboxFull):
        box.put(Trade(1))
    assert not reply.done()


def test_orders_are_not_conflated() -> None:
    box = open_mailbox(MailboxSpec(conflate=True))
    box.put(KeyedOrder(1))
    box.put(KeyedOrder(1))
    assert len(box) == 2


def test_an_ask_is_never_conflated() -> None:
    box = open_mailbox(MailboxSpec(conflate=True))
    box.put(Quote("x", "a", 1))
    box.put(Envelope(Quote("x", "a", 2), AsyncioFuture()))
    box.put(Quote("x", "a", 3))
    assert [getattr(item, "message", item).n for item in drained(box)] == [3, 2]


def test_a_dropped_quote_makes_room_for_its_key() -> None:
    box = open_mailbox(MailboxSpec(limit=1, conflate=True))
    box.put(Quote("x", "a", 1))
    box.put(Quote("x", "b", 2))
    box.put(Quote("x", "a", 3))
    assert drained(box) == [Quote("x", "a", 3)]
    assert box.latest == {}


def test_an_empty_mailbox_has_nothing_to_give() -> None:
    with pytest.raises(IndexError):
        Mailbox(MailboxSpec()).get()


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(AssertionError, match="at least 1"):
        MailboxSpec(limit=0)


def test_what_comes_behind_stop_is_kept_apart() -> None:
    box = open_mailbox(MailboxSpec())
    stop: AsyncioFuture[Any] = AsyncioFuture()
    late: AsyncioFuture[Any] = AsyncioFuture()
    box.put(Plain(1))
    box.put(Envelope(_ActorStop(), stop))
    box.put(Control(2))
    box.put(Envelope(Control(3), late))
    assert box.stops == [stop]
    assert box.get() == Plain(1)
    assert box.empty()
    assert [envelope.reply_to for envelope in box.empty_lanes()] == [late]


def test_asks_behind_stop_are_bounded_too() -> None:
    box = open_mailbox(MailboxSpec(limit=1))
    box.put(_ActorStop())
    box.put(Envelope(Plain(1), AsyncioFuture()))
    with pytest.raises(MailboxFull, match="stopping"):
        box.put(Envelope(Plain(2), AsyncioFuture()))


def test_a_closed_mailbox_takes_nothing() -> None:
    box = open_mailbox(MailboxSpec())
    box.put(Plain(1))
    box.close()
    with pytest.raises(pykka.ActorDeadError):
        box.put(Plain(2))
    box.put_past_limit(Plain(3))
    box.put_first(Plain(4))
    assert box.empty_lanes() == [Plain(1)]
    box.actor = None
    with pytest.raises(pykka.ActorDeadError):
        box.put(_ActorStop())


def test_a_timers_message_is_taken_although_the_lane_is_full() -> None:
    box = open_mailbox(MailboxSpec(limit=1))
    box.put(Plain(1))
    box.put_past_limit(Plain(2))
    assert drained(box) == [Plain(1), Plain(2)]
