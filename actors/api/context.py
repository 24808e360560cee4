"""What the routes share: the ports, and the API's own small memories."""

from collections.abc import Callable, Coroutine
from typing import Any
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
from engine.domain.identifiers import AccountId, UserId, Venue
from engine.runtime.system import ActorSystem

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]
"""Runs a coroutine beside the request, under a name; it must catch its own errors."""


class Context:
    """Lives as long as the API actor; `request.app[CONTEXT]`."""

    def __init__(self, ports: ApiPorts, system: ActorSystem, spawn: Spawn, acks: Acks) -> None:
        """Make the memories."""
        self.ports = ports
        self.system = system
        self.spawn = spawn
        self.acks = acks
        clock = ports.clock
        self.authenticator = Authenticator(ports.identity, clock)
        self.guard = LoginGuard(clock)
        self.answers = Answers(ports.reads)
        self.origins = Origins(ports.server)
        self.tickets = Tickets(clock)
        self.sockets = Sockets()
        self.rate_by_address = RateLimiter(clock, ports.server.requests_per_second)
        self.rate_by_token = RateLimiter(clock, ports.server.requests_per_second)
        self.rate_of_orders = RateLimiter(clock, ports.server.orders_per_second)
        self.venues: dict[tuple[UserId, AccountId], Venue] = {}
        """Venue of every account that was seen; neither ever changes. Cancels need them while the database is away."""
        self.requests = ports.metrics.counter("http_requests", "Answers of the API.", ["method", "route", "status"])

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
