"""One connection, read to its end whatever comes."""

import asyncio
import gzip
import zlib

import pytest

from connectors.bridge.client import GuardedClient
from connectors.bridge.session import new_session
from engine.runtime.clock import NS_PER_S, WallClock
from tests.support.venues.plain_rig import PlainRig

CAFILE = __import__("certifi").where()


@pytest.mark.asyncio
async def test_frames_come_as_bytes_and_the_end_says_why() -> None:
    async with PlainRig() as rig:
        session = new_session(cafile=CAFILE)
        client = GuardedClient(f"{rig.server.ws}/user", WallClock(), {})
        await client.dial(session, NS_PER_S)
        frames: list[bytes] = []
        reading = asyncio.create_task(client.read(frames.append))
        await asyncio.sleep(0.05)
        rig.server.sockets.send("text")
        rig.server.sockets.send(b"binary")
        rig.server.sockets.close(code=4001)
        assert await asyncio.wait_for(reading, 2) == "closed by the venue (4001)"
        assert frames == [b"text", b"binary"]
        await client.hang_up()
        await session.close()


@pytest.mark.asyncio
async def test_hanging_up_ends_the_reading_even_of_a_silent_venue() -> None:
    async with PlainRig() as rig:
        session = new_session(cafile=CAFILE)
        client = GuardedClient(f"{rig.server.ws}/user", WallClock(), {})
        await client.dial(session, NS_PER_S)
        reading = asyncio.create_task(client.read(lambda _: None))
        await asyncio.sleep(0.05)
        rig.server.sockets.silence()
        await client.hang_up()
        assert await asyncio.wait_for(reading, 3) == "connection lost"
        await session.close()


@pytest.mark.parametrize(
    ("kind", "packed"), [("gunzip", gzip.compress(b"{}", mtime=0)), ("inflate", zlib.compress(b"{}")[2:-4])]
)
def test_packed_frames_are_unpacked_and_broken_ones_handed_on(kind: str, packed: bytes) -> None:
    async def main() -> None:
        client = GuardedClient("ws://x", WallClock(), {kind: True})
        assert client._unpacked(packed) == b"{}"
        assert client._unpacked(b"no such thing") == b"no such thing"

    asyncio.run(main())
