"""The readers count events however the network cuts them."""

import socket
import threading

from engine.benchmarks.stream_readers import MARK, count_events


def test_an_event_that_is_cut_in_two_is_counted_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        counted: list[int] = []
        reader = threading.Thread(target=lambda: counted.append(count_events(server.getsockname()[1], 1)))
        reader.start()
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number in range(3):
                for byte in b"{" + MARK + b',"n":%d}' % number:
                    connection.sendall(bytes((byte,)))
        reader.join(5)
    assert counted == [3]
