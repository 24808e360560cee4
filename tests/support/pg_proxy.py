"""A proxy on a Unix socket in front of PostgreSQL that loses connections at the worst moment."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from enum import Enum
from pathlib import Path

from storage.roles import Endpoints, embedded_endpoints

SOCKET = ".s.PGSQL.5432"


class Fault(Enum):
    """What happens to the next statement."""

    NONE = "none"
    LOSE_STATEMENT = "cut before it reaches the server"
    LOSE_ANSWER = "cut when the server has answered, which is after its commit"
    SILENCE = "the answer never comes, the connection stays"


class Proxy:
    """Forwards bytes; a fault strikes once."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.fault = Fault.NONE
        self.struck = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(str(self._target / SOCKET))
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
            if self.fault is Fault.SILENCE:
                self._strike()
                continue
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
