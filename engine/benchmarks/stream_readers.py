"""Clients of the stream benchmark, in a process of their own so that their CPU is not the server's.

`python -m engine.benchmarks.stream_readers PORT CLIENTS` connects, reads everything, and when all connections have
ended prints how many events came.
"""

import selectors
import socket
import sys

READ_BYTES = 1 << 18
MARK = b'"op":"event"'


def count_events(port: int, clients: int) -> int:
    """Connect `clients` sockets to a port of this machine, read until all are closed, and count the events."""
    selector = selectors.DefaultSelector()
    for _ in range(clients):
        selector.register(socket.create_connection(("127.0.0.1", port)), selectors.EVENT_READ, data=b"")
    events = 0
    while selector.get_map():
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket), "expected a socket"
            data = connection.recv(READ_BYTES)
            if not data:
                selector.unregister(connection)
                connection.close()
                continue
            # A mark may be cut in two by the reads: what could be its beginning is looked at again.
            data = key.data + data
            events += data.count(MARK)
            selector.modify(connection, selectors.EVENT_READ, data=data[-(len(MARK) - 1) :])
    selector.close()
    return events


if __name__ == "__main__":
    print(count_events(int(sys.argv[1]), int(sys.argv[2])))
