"""A proxy on a Unix socket in front of PostgreSQL that loses connections at the worst moment."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from enum import Enum
from pathlib import Path

from storage.roles import Endpoints, embedded_endpoints

SOCKET = ".s.PGSQL.5432"
COMMITTED = b"COMMIT\0"
"""What the server says when a transaction is durable."""


class Fault(Enum):
    """What happens to the next statement."""

    NONE = "none"
    LOSE_STATEMENT = "cut before it reaches the server"
    LOSE_ANSWER = "cut when the server has answered, which is after its commit"
    LOSE_COMMIT = "cut when the server has said that it committed, before anybody hears of it"
    SILENCE = "the answer never comes, the connection stays"


class Proxy:
    """Forwards bytes; a fault strikes once."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.fault = Fault.NONE
        self.struck = 0
        self.delay_s = 0.0
        """How long every answer takes on its way."""
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(str(self._target / SOCKET))
        except OSError:
            writer.close()  # The server is away, and so is whoever stands before it.
            return
        self._writers += [writer, server_writer]
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._to_server(reader, server_writer, writer), self._to_client(server_reader, writer, server_writer)
            )

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            if self.fault is Fault.LOSE_STATEMENT:
                self._strike(writer, back)
                return
            writer.write(data)
        writer.close()

    async def _to_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            if self.fault is Fault.LOSE_ANSWER:
                self._strike(writer, back)
                return
            if self.fault is Fault.LOSE_COMMIT and COMMITTED in data:
                self._strike(writer, back)
                return
            if self.fault is Fault.SILENCE:
                self._strike()
                continue
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            writer.write(data)
        writer.close()

    def _strike(self, *writers: asyncio.StreamWriter) -> None:
        self.fault = Fault.NONE
        self.struck += 1
        for writer in writers:
            writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@contextlib.asynccontextmanager
async def proxied(socket_directory: Path, database: str) -> AsyncIterator[tuple[Proxy, Endpoints]]:
    """Put a proxy before a server; yields it and the endpoints that go through it."""
    # A socket's path is short, and pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="cv") as folder:
        proxy = Proxy(socket_directory)
        server = await asyncio.start_unix_server(proxy.serve, path=str(Path(folder) / SOCKET))
        try:
            yield proxy, embedded_endpoints(folder, database)
        finally:
            server.close()
            proxy.close()
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def proxied_beside(socket_directory: Path, database: str) -> Iterator[tuple[Proxy, Endpoints]]:
    """Put a proxy before a server, in a thread of its own, for tests that wait for other processes."""
    proxy_ready: Future[tuple[Proxy, Endpoints]] = Future()
    done = threading.Event()

    async def serve() -> None:
        async with proxied(socket_directory, database) as found:
            proxy_ready.set_result(found)
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="pg proxy")
    thread.start()
    try:
        yield proxy_ready.result(10)
    finally:
        done.set()
        thread.join(10)
