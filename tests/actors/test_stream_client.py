"""What waits for one client, and its bounds."""

from actors.stream_client import CHUNK, StreamLimits
from actors.stream_frames import Frame, answer_frame
from tests.support.stream import Wire, a_client


def a_frame(number: int = 0, size: int = 1) -> Frame:
    return answer_frame("event", n=number, pad="x" * size)


def test_frames_are_written_in_order_and_in_one_piece() -> None:
    wire = Wire()
    client = a_client(wire)
    for number in range(3):
        client.push(a_frame(number))
    assert client.flush()
    assert [message["n"] for message in wire.messages()] == [0, 1, 2]
    assert (len(wire.written), client.queued_bytes, client.queued_frames) == (1, 0, 0)


def test_of_a_key_only_the_newest_waits_and_events_go_first() -> None:
    wire = Wire()
    client = a_client(wire)
    client.put(("t", 1), a_frame(1))
    client.put(("t", 1), a_frame(2))
    client.push(a_frame(3))
    client.flush()
    assert [message["n"] for message in wire.messages()] == [3, 2]


def test_a_dropped_channel_sends_nothing_more() -> None:
    wire = Wire()
    client = a_client(wire)
    client.put(("a", None), a_frame(1))
    client.put(("b", None), a_frame(2))
    client.drop_conflated("a")
    client.flush()
    assert [message["n"] for message in wire.messages()] == [2]


def test_a_stuck_socket_gets_nothing() -> None:
    wire = Wire()
    wire.is_stuck = True
    client = a_client(wire)
    client.push(a_frame())
    assert not client.flush()
    assert wire.written == []


def test_a_full_queue_closes_the_client_once() -> None:
    wire = Wire()
    client = a_client(wire, limits=StreamLimits(queue_frames=2))
    for number in range(5):
        client.push(a_frame(number))
    assert [code for code, _ in wire.closed] == [4408]
    assert (client.queued_frames, client.close_code) == (0, 4408)
    client.close(1012, "again")
    assert len(wire.closed) == 1


def test_a_queue_of_too_many_bytes_closes_the_client() -> None:
    wire = Wire()
    client = a_client(wire, limits=StreamLimits(queue_bytes=1_000))
    client.push(a_frame(size=2_000))
    assert [code for code, _ in wire.closed] == [4408]


def test_a_long_queue_is_written_in_chunks() -> None:
    wire = Wire()
    client = a_client(wire)
    for number in range(30):
        client.push(a_frame(number, size=30_000))
    assert client.flush()
    assert max(map(len, wire.written)) < 2 * CHUNK
    assert [message["n"] for message in wire.messages()] == list(range(30))


def test_room_is_half_of_the_queue() -> None:
    client = a_client(Wire(), limits=StreamLimits(queue_frames=4))
    rooms = []
    for _ in range(4):
        client.push(a_frame())
        rooms.append(client.has_room)
    assert rooms == [True, True, False, False]


def test_a_socket_that_is_gone_drops_what_waits() -> None:
    wire = Wire()
    client = a_client(wire)
    client.push(a_frame())
    wire.is_gone = True
    assert client.flush()
    assert (wire.written, client.queued_frames) == ([], 0)


def test_a_client_may_read_message_pack() -> None:
    wire = Wire()
    client = a_client(wire, is_binary=True)
    client.push(a_frame(9))
    client.flush()
    assert wire.written[0][0] == 0x82
    assert wire.messages()[0]["n"] == 9
