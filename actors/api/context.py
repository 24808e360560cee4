"""What the routes share: the ports, and the API's own small memories."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar
from uuid import UUID

from aiohttp import web

from actors.api.acks import Acks
from actors.api.auth_cache import Authenticator
from actors.api.auth_guard import LoginGuard
from actors.api.idempotency import Answers
from actors.api.origins import Origins
from actors.api.ports import ApiPorts
from actors.api.rates import RateLimiter
from actors.api.sockets import Sockets
from actors.api.tickets import Tickets
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, UserId, Venue
from engine.runtime.errors import Timeout
from engine.runtime.future import AsyncioFuture
from engine.runtime.system import ActorSystem

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]
"""Runs a coroutine beside the request, under a name; it must catch its own errors."""


T = TypeVar("T")

QUICK_S: Final = 1.0
"""How long cancels and halts wait for the database: a server that hangs must not hold them up."""


class Context:
    """Lives as long as the API actor; `request.app[CONTEXT]`."""

    def __init__(self, ports: ApiPorts, system: ActorSystem, spawn: Spawn, acks: Acks) -> None:
        """Make the memories."""
        self.ports = ports
        self.system = system
        self.spawn = spawn
        self.acks = acks
        clock = ports.clock
        self.authenticator = Authenticator(ports.identity, clock, self.quickly)
        self.guard = LoginGuard(clock)
        self.answers = Answers(ports.reads, self.quickly)
        self.origins = Origins(ports.server)
        self.tickets = Tickets(clock)
        self.sockets = Sockets()
        self.rate_by_address = RateLimiter(clock, ports.server.requests_per_second)
        self.rate_by_token = RateLimiter(clock, ports.server.requests_per_second)
        self.rate_of_orders = RateLimiter(clock, ports.server.orders_per_second)
        self.venues: dict[tuple[UserId, AccountId], Venue] = {}
        """Venue of every account that was seen; neither ever changes. Cancels need them while the database is away."""
        self.requests = ports.metrics.counter("http_requests", "Answers of the API.", ["method", "route", "status"])

    async def quickly(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read for a cancel or a halt: not at all while the database is known to be away, else for a second at most.

        The read is left behind, not cancelled: to cancel it would wait for the server as well.

        Raises:
            DependencyAway: There is no answer.
        """
        if not self.ports.readiness.is_database_available:
            raise DependencyAway("database", why="known to be away")
        answer: AsyncioFuture[T] = AsyncioFuture()

        async def work() -> None:
            try:
                answer.set(await read())
            except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited.
                answer.fail(error)

        self.spawn(work(), "quick-read")
        answer.expire_at(self.ports.clock, QUICK_S)
        try:
            return await answer
        except Timeout:
            raise DependencyAway("database", why=f"no answer within {QUICK_S} s") from None

    def remote(self, request: web.Request) -> str:
        """Return the address of who asks: behind a proxy what the proxy has added, else the other end of the socket."""
        if self.ports.server.behind_tls_proxy:
            return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or request.remote or ""
        return request.remote or ""

    def accounts_seen(self, user_id: UserId) -> list[AccountId]:
        """Return the user's accounts that some request has touched."""
        return [account_id for owner, account_id in self.venues if owner == user_id]

    def end_session(self, session_id: UUID, reason: str) -> None:
        """Forget a session everywhere: its token, and its open streams."""
        self.authenticator.forget(session_id)
        self.sockets.end_session(session_id, reason)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
