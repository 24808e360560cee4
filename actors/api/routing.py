"""Routes as data, and the guard before each: who asks, from where, how often, with which role, for whom."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web

from actors.api.auth_tokens import token_hash
from actors.api.call import Call
from actors.api.context import CONTEXT, Context
from actors.api.middleware import CORRELATION, RATE
from actors.api.problems import Problem, unavailable
from engine.domain.identifiers import UserId
from engine.domain.kinds import Role
from engine.messages.read_ports import SessionInfo

PREFIX: Final = "/api/v1"
RANKS: Final = {Role.VIEWER: 0, Role.TRADER: 1, Role.ADMIN: 2}
BEARER: Final = "Bearer "

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path below `/api/v1`."""

    method: str
    path: str
    handler: Handler
    role: Role = Role.VIEWER
    """The least role that may call it."""
    in_emergency: bool = False
    """Works while the database is away (cancels and halts)."""
    is_order: bool = False
    """Counts against the rate of orders, too."""


def get(path: str, handler: Handler, *, role: Role = Role.VIEWER) -> Route:
    """Return a route that reads."""
    return Route(method="GET", path=path, handler=handler, role=role)


def post(path: str, handler: Handler, *, role: Role = Role.TRADER, in_emergency: bool = False) -> Route:
    """Return a route that does something."""
    return Route(method="POST", path=path, handler=handler, role=role, in_emergency=in_emergency)


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Add routes behind their guards."""
    for route in routes:
        app.router.add_route(route.method, PREFIX + route.path, _guarded(route))


def token_of(request: web.Request, context: Context) -> tuple[str, bool]:
    """Return the token that a request carries ("" for none), and whether it came as our cookie."""
    header = request.headers.get("Authorization", "")
    if header.startswith(BEARER):
        return header.removeprefix(BEARER).strip(), False
    return request.cookies.get(context.origins.cookie_name, ""), True


def rank(role: str) -> int:
    """Return how much a role may do; an unknown role may do nothing."""
    return RANKS.get(Role(role), -1) if role in set(Role) else -1


async def authenticate(request: web.Request, *, in_emergency: bool = False) -> tuple[SessionInfo, str]:
    """Find out who asks.

    Returns:
        The session and the hash of its token.

    Raises:
        Problem: 401 nobody we know, 403 a cookie on a request that another page may have made.
        DependencyAway: The database is away.
    """
    context = request.app[CONTEXT]
    token, is_cookie = token_of(request, context)
    session = await context.authenticator.check(token, in_emergency=in_emergency)
    if session is None:
        detail = "the token is unknown, expired or revoked" if token else "send a bearer token or log in"
        raise Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": 'Bearer realm="cival"'})
    if is_cookie and request.method not in ("GET", "HEAD") and context.origins.is_forged(request):
        raise Problem(403, "forged_origin", "a request with the cookie must come from the console's own page")
    return session, token_hash(token)


def _guarded(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        session, hashed = await authenticate(request, in_emergency=route.in_emergency)
        request[RATE] = context.rate_by_token.take(session.session_id)
        if route.is_order:
            request[RATE] = context.rate_of_orders.take(session.session_id)
        if rank(session.person.role) < RANKS[route.role]:
            raise Problem(403, "forbidden", f"expected the role {route.role} or more, was {session.person.role}")
        if route.method != "GET" and not route.in_emergency and not context.ports.readiness.is_database_available:
            raise unavailable("database_away", "the database is away; cancels and halts still work")
        user_id = _subject(request, session)
        return await route.handler(Call(request, context, session, hashed, user_id, request[CORRELATION]))

    return handle


def _subject(request: web.Request, session: SessionInfo) -> UserId:
    """Return whose rows are meant: the caller's, or those of the user whom an admin names."""
    own = session.person.user_id
    named = request.query.get("user_id")
    if named is None:
        return own
    try:
        user_id = UserId(UUID(named))
    except ValueError:
        raise Problem(422, "invalid_field", "user_id: expected a UUID", field="user_id", expected="a UUID") from None
    if user_id != own and session.person.role != Role.ADMIN:
        raise Problem(403, "forbidden", "only an admin may name another user")
    return user_id
