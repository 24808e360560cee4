from engine.simulation.venue.delivery import Delivery, Outbox


def test_frames_leave_when_their_time_has_come() -> None:
    outbox = Outbox()
    outbox.put(1, b"late", 20)
    outbox.put(2, b"early", 10)

    assert outbox.next_due_ns() == 10
    assert outbox.take_due(15) == [Delivery(2, b"early")]
    assert outbox.take_due(20) == [Delivery(1, b"late")]
    assert outbox.next_due_ns() is None


def test_what_is_in_order_waits_for_what_was_put_before() -> None:
    outbox = Outbox()
    outbox.put(1, b"first", 20)
    outbox.put(1, b"second", 10)
    outbox.put(1, b"overtakes", 10, in_order=False)

    assert outbox.take_due(10) == [Delivery(1, b"overtakes")]
    assert outbox.take_due(20) == [Delivery(1, b"first"), Delivery(1, b"second")]


def test_a_link_that_is_gone_gets_nothing() -> None:
    outbox = Outbox()
    outbox.put(1, b"gone", 10)
    outbox.put(2, b"here", 10)
    outbox.drop(1)

    assert outbox.take_due(10) == [Delivery(2, b"here")]
