"""Open streams end with their session."""

from actors.api.sockets import Sockets
from tests.support.cell_builders import an_id
from tests.support.stream import Wire, a_client


def test_a_session_that_ends_closes_its_own_streams() -> None:
    sockets, mine, other = Sockets(), Wire(), Wire()
    sockets.add(an_id(1), "hash-1", a_client(mine))
    sockets.add(an_id(2), "hash-2", a_client(other))
    sockets.end_session(an_id(1), "logged out")
    assert ([code for code, _ in mine.closed], other.closed) == ([4401], [])
    sockets.end_session(an_id(9), "unknown")


def test_sessions_are_listed_while_they_stream() -> None:
    sockets, client = Sockets(), a_client(Wire())
    sockets.add(an_id(1), "hash-1", client)
    assert sockets.sessions() == [(an_id(1), "hash-1")]
    sockets.remove(an_id(1), client)
    sockets.remove(an_id(1), client)
    assert sockets.sessions() == []


def test_a_stopping_engine_asks_everybody_to_come_back() -> None:
    sockets, wires = Sockets(), [Wire(), Wire()]
    for number, wire in enumerate(wires):
        sockets.add(an_id(number), "h", a_client(wire))
    sockets.end_all()
    assert [wire.closed[0][0] for wire in wires] == [1012, 1012]
