"""The control endpoint: an actor that owns the aiohttp application and its sockets."""

import errno
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from actors.api import (
    accounts,
    agents,
    amends,
    auth,
    control,
    executors,
    market,
    orders,
    reconciliations,
    stream,
    system,
    tokens,
)
from actors.api.acks import Acks
from actors.api.console_files import add_console
from actors.api.context import CONTEXT, Context
from actors.api.decode import BODY_MAX
from actors.api.health import add_health, metrics_answer
from actors.api.middleware import add_headers, surround
from actors.api.ports import ApiPorts
from actors.api.routing import add_routes
from config.settings import ServerSettings
from engine.domain.errors import ConfigError, DependencyAway
from engine.messages.system import TimerFired
from engine.messages.writing import EventsCommitted
from engine.runtime.actor import AsyncioActor, handles

SHUTDOWN_S: Final = 2.0
"""Time for open requests to end when the engine stops."""
SESSIONS_NS: Final = 5_000_000_000
"""How often the sessions behind open streams are checked again."""
AREAS: Final = (
    accounts,
    agents,
    amends,
    auth,
    control,
    executors,
    market,
    orders,
    reconciliations,
    stream,
    system,
    tokens,
)


class AddressQuery(msgspec.Struct, frozen=True):
    """Ask the API where it listens. Reply: `Address`."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the API listens."""

    host: str
    port: int
    """The real one where the configuration says 0."""
    url: str
    """Of the console, without a slash at the end."""


class Api(AsyncioActor):
    """One per engine. Listens from the end of `on_start` to the beginning of `on_stop`.

    `on_start` raises `ConfigError` if the port is taken (key `server.port`) or a TLS file cannot be read.
    """

    def __init__(self, *, ports: ApiPorts) -> None:
        """Take the collaborators."""
        super().__init__()
        self._ports = ports
        self._acks = Acks(ports.bus, self.actor_ref)
        self._context: Context | None = None
        self._runners: list[web.AppRunner] = []
        self._address: Address | None = None

    async def on_start(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Open the sockets."""
        server = self._ports.server
        self._context = Context(self._ports, self.system, self._run, self._acks)
        runner = await self._run_app(make_app(self._context))
        port = await _listen(runner, server.host, server.port, tls_context(server), key="server.port")
        scheme = "https" if server.tls_cert else "http"
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._address = Address(host=server.host, port=port, url=f"{scheme}://{host}:{port}")
        if server.metrics_port is not None:
            metrics_runner = await self._run_app(_metrics_app(self._ports))
            await _listen(metrics_runner, server.host, server.metrics_port, None, key="server.metrics_port")
        self.after(SESSIONS_NS, TimerFired(name="sessions"))
        self.log.info("listening", url=self._address.url)

    async def on_stop(self) -> None:  # type: ignore[override]
        """End the streams, let open requests finish, close the sockets."""
        if self._context is not None:
            self._context.sockets.end_all()
        for runner in reversed(self._runners):
            await runner.cleanup()
        self._runners.clear()

    async def on_failure(self, *_: Any) -> None:  # type: ignore[override]
        """Close the sockets, so that the next incarnation can open them."""
        await self.on_stop()

    @handles(AddressQuery)
    def on_address_query(self, _: AddressQuery) -> Address:
        """Say where the API listens."""
        assert self._address is not None, "expected to be asked after on_start"
        return self._address

    @handles(EventsCommitted)
    def on_events(self, message: EventsCommitted) -> None:
        """Wake requests that wait for a venue's word."""
        self._acks.on_events(message)

    @handles(TimerFired)
    def on_timer(self, _: TimerFired) -> None:
        """Check the sessions behind open streams again."""
        self.spawn(self._check_sessions(), name="sessions")
        self.after(SESSIONS_NS, TimerFired(name="sessions"))

    async def _check_sessions(self) -> None:
        context = self._context
        assert context is not None, "expected a context after on_start"
        for session_id, hashed in context.sockets.sessions():
            try:
                session = await context.authenticator.check_hash(hashed)
            except DependencyAway:
                return
            if session is None:
                context.end_session(session_id, "the session has ended")

    async def _run_app(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        self._runners.append(runner)
        return runner

    def _run(self, coroutine: Coroutine[Any, Any, Any], name: str) -> object:
        return self.spawn(coroutine, name=name)


def make_app(context: Context) -> web.Application:
    """Put the application together."""
    app = web.Application(middlewares=[surround], client_max_size=BODY_MAX)
    app[CONTEXT] = context
    app.on_response_prepare.append(add_headers)
    add_health(app)
    auth.add_login(app)
    stream.add_stream(app)
    for area in AREAS:
        add_routes(app, area.ROUTES)
    add_console(app)
    return app


def _metrics_app(ports: ApiPorts) -> web.Application:
    async def metrics(_: web.Request) -> web.Response:
        return metrics_answer(ports.metrics.render())

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None, *, key: str) -> int:
    """Open a listening socket; the port it got.

    Raises:
        ConfigError: The port is taken or may not be used.
    """
    site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=256)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ConfigError(key, expected=f"a free port on {host}", was=port) from None
        raise ConfigError("server.host", expected="an address of this machine", was=host) from None
    return int(runner.addresses[-1][1])


def tls_context(server: ServerSettings) -> ssl.SSLContext | None:
    """Make the TLS context; None without a certificate.

    Raises:
        ConfigError: A file cannot be read, or the two do not belong together.
    """
    if not server.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(Path(server.tls_cert), Path(server.tls_key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("server.tls_cert", expected="a certificate and its key", was=str(error)) from None
    return context
