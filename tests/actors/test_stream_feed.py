"""One user's events: what a subscription gets, and when it is live."""

from actors.stream_client import StreamClient
from actors.stream_feed import BUFFER_MAX, CatchUp, Feed
from actors.stream_frames import Frame
from engine.runtime.bus import Bus
from tests.support.stream import USER, Journal, Wire, a_client


def say(client: StreamClient, frame: Frame) -> None:
    client.push(frame)


def a_feed(*channels: str) -> tuple[Feed, Journal, StreamClient, Wire, CatchUp]:
    wire = Wire()
    feed, client = Feed(USER), a_client(wire)
    return feed, Journal(Bus()), client, wire, feed.begin(client, channels or ("orders",), 0)


def seqs(client: StreamClient, wire: Wire) -> list[int]:
    client.flush()
    return [message["seq"] for message in wire.messages()]


def test_while_catching_up_events_are_buffered_and_sent_once() -> None:
    feed, journal, client, wire, catch_up = a_feed()
    first, second = journal.commit(), journal.commit()
    feed.publish(first, [])
    feed.publish(second, [])
    assert seqs(client, wire) == []
    catch_up.replay((first,), say)
    assert catch_up.finish(say)
    assert seqs(client, wire) == [1, 2]


def test_a_live_subscription_marks_its_client_as_dirty() -> None:
    feed, journal, client, _, catch_up = a_feed()
    catch_up.finish(say)
    dirty: list[StreamClient] = []
    feed.publish(journal.commit(), dirty)
    feed.publish(journal.commit(), dirty)
    assert dirty == [client]


def test_a_buffer_that_overflowed_asks_for_another_read() -> None:
    feed, journal, client, wire, catch_up = a_feed()
    for _ in range(BUFFER_MAX + 10):
        feed.publish(journal.commit(), [])
    assert not catch_up.finish(say)
    catch_up.begin_read()
    last = journal.commit()
    feed.publish(last, [])
    catch_up.replay(tuple(journal.events[-3:-1]), say)
    assert catch_up.finish(say)
    assert seqs(client, wire) == [event.seq for event in journal.events[-3:]]


def test_a_channel_that_was_dropped_meanwhile_stays_silent() -> None:
    feed, journal, client, wire, catch_up = a_feed("orders", "trades")
    order, trade = journal.commit("orders"), journal.commit("trades")
    feed.end(client, ("orders",))
    feed.publish(order, [])
    feed.publish(trade, [])
    assert catch_up.channels == ("trades",)
    catch_up.replay((order, trade), say)
    catch_up.finish(say)
    assert seqs(client, wire) == [2]


def test_a_later_subscribe_takes_the_channel_over() -> None:
    feed, journal, client, wire, first = a_feed()
    second = feed.begin(client, ("orders",), 0)
    event = journal.commit()
    first.replay((event,), say)
    first.finish(say)
    assert seqs(client, wire) == []
    second.replay((event,), say)
    second.finish(say)
    assert seqs(client, wire) == [1]


def test_a_gap_turns_live_subscriptions_into_catching_ones() -> None:
    feed, journal, client, wire, catch_up = a_feed()
    catch_up.finish(say)
    feed.publish(journal.commit(), [])
    journal.commit()
    healing = feed.publish(journal.commit(), [])
    assert [each.position for each in healing] == [1]
    healing[0].replay(tuple(journal.events[1:]), say)
    healing[0].finish(say)
    assert seqs(client, wire) == [1, 2, 3]


def test_events_of_other_channels_are_no_gap() -> None:
    feed, journal, client, wire, catch_up = a_feed()
    catch_up.covered = 2
    journal.commit("risk")
    journal.commit("risk")
    catch_up.finish(say)
    assert feed.publish(journal.commit(), []) == []
    assert seqs(client, wire) == [3]


def test_the_position_is_where_a_client_may_resume() -> None:
    feed, journal, client, _, catch_up = a_feed()
    for _ in range(4):
        feed.publish(journal.commit(), [])
    assert feed.position(client) == 0
    catch_up.replay(tuple(journal.events[:2]), say)
    assert feed.position(client) == 2
    catch_up.replay(tuple(journal.events[2:]), say)
    catch_up.finish(say)
    feed.publish(journal.commit("risk"), [])
    assert feed.position(client) == 5
