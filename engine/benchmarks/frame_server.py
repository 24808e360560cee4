"""A process that sends Binance's frames to whoever subscribes: `python -m engine.benchmarks.frame_server`.

It prints its port, acknowledges each subscription, and sends the frames that the path asks for:
`/{bare or combined}/{kind}/{count}/{symbols}/{microseconds apart}/...`. The last frame has the price `LAST_PRICE`; then
it waits until the reader goes.
"""

import asyncio
import sys
from collections.abc import Iterator

from aiohttp import web

from engine.benchmarks.frames_made import frames
from engine.runtime.clock import WallClock


async def _serve(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    form, kind, count, symbols, apart_us = request.path.split("/")[1:6]
    wish = await socket.receive_json()
    await socket.send_json({"result": None, "id": wish["id"]})
    made = frames(kind, int(count), int(symbols), is_bare=form == "bare")
    await _send(socket, made, int(apart_us) * 1_000)
    await socket.receive()
    return socket


async def _send(socket: web.WebSocketResponse, made: Iterator[str], apart_ns: int) -> None:
    clock = WallClock()
    due_ns = clock.monotonic_ns()
    for frame in made:
        await socket.send_str(frame)
        due_ns += apart_ns
        if apart_ns and (wait_ns := due_ns - clock.monotonic_ns()) > 0:
            await clock.sleep(wait_ns)


async def main() -> None:
    """Serve until standard input ends."""
    app = web.Application()
    app.router.add_get("/{path:.*}", _serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
