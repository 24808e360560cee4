"""A simulated venue's server: one port for REST and WebSockets, faults, and a log of the wire.

A venue subclasses `VenueServer` and says what its requests and frames mean. In a test the server runs in the test's
loop (`async with BinanceSimulator(...) as venue`); `serve` runs one as a process of its own, where `POST /_control`
reaches the same methods that a test calls.
"""

import argparse
import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.venues.connection import reset
from tests.support.venues.core import SimClock
from tests.support.venues.exchange import SimExchange
from tests.support.venues.faults import PAGE, Fault, Faults, WireLog
from tests.support.venues.sockets import SimSocket, SocketHub, read_text


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    method: str
    path: str
    query_string: str
    """Exactly as on the wire, percent signs and all: signatures are made over it."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    ip: str

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}" + (f"?{self.query_string}" if self.query_string else "")


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    body: Any = None
    """Text and bytes as they are; anything else as JSON."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (
            self.body.encode() if isinstance(self.body, str) else json.dumps(self.body, separators=(",", ":")).encode()
        )


class VenueServer:
    """Base of the simulators."""

    secret_patterns: tuple[str, ...] = ()
    """See `WireLog`."""
    secret_headers: tuple[str, ...] = ("Authorization",)

    def __init__(self, exchange: SimExchange | None = None, *, clock: SimClock | None = None) -> None:
        self.clock = clock or (exchange.clock if exchange else SimClock())
        self.exchange = exchange or SimExchange(self.clock)
        self.faults = Faults()
        self.log = WireLog(self.secret_patterns, self.secret_headers)
        self.sockets = SocketHub()
        self.port = 0
        self.controls: dict[str, Callable[..., Any]] = {
            "fault": self.faults.add,
            "clear_faults": self.faults.clear,
            "skew": self.clock.skew,
            "advance": self.clock.advance,
            "abort": self.sockets.abort,
            "close": self.sockets.close,
            "silence": self.sockets.silence,
            "send": self.sockets.send,
            "gap": self.sockets.gap,
            **self.exchange.controls(),
        }
        """What `POST /_control {"do": name, "with": {...}}` may call."""
        self._runner: web.AppRunner | None = None

    # --- What a venue says --------------------------------------------------------------------------------------------

    def line_of(self, call: Call) -> str:
        """Return what faults and the log know a request by; a venue whose paths say little says more."""
        return call.line

    async def answer(self, call: Call) -> Answer:
        """Do what a REST request asks."""
        raise NotImplementedError

    async def on_open(self, socket: SimSocket) -> bool:
        """Greet a new connection; False refuses it."""
        del socket
        return True

    async def on_text(self, socket: SimSocket, text: str) -> None:
        """Take a frame of a client."""
        raise NotImplementedError

    async def on_closed(self, socket: SimSocket) -> None:
        """Forget a connection."""

    # --- Life ---------------------------------------------------------------------------------------------------------

    @property
    def http(self) -> str:
        """Base of the REST addresses: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """Base of the sockets' addresses."""
        return f"ws://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Reset every connection and listen no more; accounts and orders stay as they are."""
        self.sockets.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # --- Requests -----------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        path, _, query_string = request.raw_path.partition("?")
        call = Call(
            method=request.method,
            path=path,
            query_string=query_string,
            query=dict(parse_qsl(query_string, keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            ip=request.headers.get("X-Simulated-IP", request.remote or ""),
        )
        if call.path == "/_control":
            return self._control(call)
        body = call.body.decode(errors="replace")
        line = self.line_of(call)
        self.log.write("request", line, body, at_ms=self.clock.now_ms(), headers=call.headers)
        fault = self.faults.take(line)
        return await self._faulty(request, call, fault)

    async def _faulty(self, request: web.Request, call: Call, fault: Fault | None) -> web.StreamResponse:
        kind = fault.kind if fault else None
        if fault and kind == "before":
            await asyncio.sleep(fault.delay_s)
        if kind == "drop":
            reset(request)
            return web.Response()
        answer = Answer() if fault and not fault.does_the_work else await self.answer(call)
        if fault and kind in ("status", "after_status"):
            answer = Answer(fault.body, fault.status, fault.headers)
        if fault and kind == "after":
            await asyncio.sleep(fault.delay_s)
        if kind == "after_drop":
            reset(request)
        if kind == "html":
            answer = Answer(PAGE, content_type="text/html")
        if kind == "empty":
            answer = Answer("")
        encoded = answer.encoded()
        self.log.write(
            "answer",
            self.line_of(call),
            encoded.decode(errors="replace"),
            at_ms=self.clock.now_ms(),
            status=answer.status,
        )
        if kind == "truncate":
            return await _truncated(request, answer, encoded)
        return web.Response(
            body=encoded, status=answer.status, headers=answer.headers, content_type=answer.content_type
        )

    def _control(self, call: Call) -> web.Response:
        wish = json.loads(call.body)
        result = self.controls[wish["do"]](**wish.get("with", {}))
        return web.json_response({"result": result}, dumps=lambda value: json.dumps(value, default=str))

    # --- Sockets ------------------------------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        line = f"WS {path}" + (f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else "")
        self.log.write("dial", line, at_ms=self.clock.now_ms(), headers=dict(request.headers))
        fault = self.faults.take(line)
        if fault is not None and fault.kind == "status":
            return web.Response(status=fault.status, text=fault.body, headers=fault.headers)
        if fault is not None and fault.kind == "before":
            await asyncio.sleep(fault.delay_s)
        elif fault is not None:
            reset(request)
            return web.Response()
        ws = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=16 * 1024**2)
        await ws.prepare(request)
        socket = SimSocket(self.sockets.opened + 1, path, dict(request.query), ws, request, self.clock, self.log)
        self.sockets.add(socket)
        sender = asyncio.create_task(socket.send_all())
        try:
            await self._converse(socket)
        finally:
            self.sockets.remove(socket)
            self.log.write("hangup", line, at_ms=self.clock.now_ms())
            await self.on_closed(socket)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return ws

    async def _converse(self, socket: SimSocket) -> None:
        if not await self.on_open(socket):
            await socket.ws.close(code=1008)
            return
        while (text := await read_text(socket)) is not None:
            self.log.write("frame_in", socket.path, text, at_ms=self.clock.now_ms())
            await self.on_text(socket, text)


async def _truncated(request: web.Request, answer: Answer, encoded: bytes) -> web.StreamResponse:
    """Promise the whole answer and send half of it."""
    response = web.StreamResponse(status=answer.status, headers={"Content-Length": str(len(encoded))})
    response.content_type = answer.content_type
    await response.prepare(request)
    await response.write(encoded[: len(encoded) // 2])
    await asyncio.sleep(0.01)  # So that the half is read before the reset throws it away.
    reset(request)
    return response


@contextlib.asynccontextmanager
async def running(server: VenueServer) -> AsyncIterator[VenueServer]:
    """Run a server for the length of a block."""
    async with server:
        yield server


def serve(make: Callable[[], VenueServer]) -> None:
    """Run a simulator as a process: prints `PORT <n>`, ends on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port

    async def main() -> None:
        server = make()
        await server.start(port)
        print(f"PORT {server.port}", flush=True)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()
        await server.stop()

    asyncio.run(main())
