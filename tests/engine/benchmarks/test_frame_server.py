"""The sending process acknowledges, sends as many as were asked for, and ends with its parent."""

import asyncio

import aiohttp

from engine.benchmarks.frames import Server
from engine.benchmarks.frames_made import LAST_PRICE


async def heard(url: str) -> list[str]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": [], "id": 7})
        return [await socket.receive_str(timeout=5) for _ in range(4)]


def test_it_acknowledges_and_sends_what_the_path_asks_for() -> None:
    server = Server()
    try:
        said = asyncio.run(heard(server.url("bare", "trade", 3, 2, 50) + "/stream/0"))
    finally:
        server.stop()
    assert said[0].replace(" ", "") == '{"result":null,"id":7}'
    assert [LAST_PRICE in frame for frame in said[1:]] == [False, False, True]
    assert all(frame.startswith('{"e":"trade"') for frame in said[1:])
