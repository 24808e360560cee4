"""Around every request: its correlation id, security headers, errors as problems, one log line, one count."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from aiohttp import web

from actors.api.commands import not_ready
from actors.api.context import CONTEXT, Context
from actors.api.problems import Problem, invalid_field, of_status
from actors.api.rates import RateState
from engine.domain.errors import BadInput, NotReady
from engine.domain.identifiers import CorrelationId
from engine.runtime.log import bound, get_logger

CORRELATION_HEADER: Final = "X-Correlation-Id"
CORRELATION: Final = web.RequestKey("correlation", CorrelationId)
RATE: Final = web.RequestKey("rate", RateState)

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"
CORS_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
CORS_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, X-Correlation-Id"
CORS_EXPOSED: Final = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Correlation-Id"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = get_logger(__name__)


@web.middleware
async def surround(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle one request; every error becomes a problem document."""
    context = request.app[CONTEXT]
    started_ns = context.ports.clock.monotonic_ns()
    correlation = request[CORRELATION] = correlation_of(request, context)
    with bound(correlation_id=str(correlation)):
        try:
            response = await _admit(request, context) or await handler(request)
        except Problem as problem:
            response = problem.response(str(correlation))
        except web.HTTPException as error:
            response = of_status(error.status).response(str(correlation))
            response.headers.update({name: value for name, value in error.headers.items() if name == "Allow"})
        except BadInput as error:
            response = invalid_field(error).response(str(correlation))
        except NotReady as error:
            response = not_ready(error).response(str(correlation))
        except Exception:  # noqa: BLE001 - the last resort: a defect costs its own request only.
            _log.exception("request_failed", method=request.method, path=request.path)
            response = Problem(500, "internal_error", "the engine has logged what went wrong").response(
                str(correlation)
            )
        _tell(request, context, response.status, started_ns)
    return response


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on that every answer carries, errors and upgrades included."""
    context = request.app[CONTEXT]
    headers = response.headers
    headers["Server"] = "cival"  # Without it the library names itself and its version.
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
    if context.origins.is_tls:
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    if CORRELATION in request:
        headers[CORRELATION_HEADER] = str(request[CORRELATION])
    if RATE in request:
        headers.update(request[RATE].headers)
    if context.origins.is_allowed(request):
        headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        headers["Vary"] = "Origin"


def correlation_of(request: web.Request, context: Context) -> CorrelationId:
    """Return the caller's correlation id if it is a UUID, else a new one."""
    try:
        return CorrelationId(UUID(request.headers[CORRELATION_HEADER]))
    except (KeyError, ValueError):
        return CorrelationId(context.ports.ids.uuid())


async def _admit(request: web.Request, context: Context) -> web.StreamResponse | None:
    """Refuse strangers' names for this machine and too many requests; answer preflights."""
    if not context.origins.is_known_host(request):
        raise Problem(421, "unknown_host", "this server answers to names of this machine only")
    if not request.path.startswith("/api/"):
        return None
    request[RATE] = context.rate_by_address.take(context.remote(request))
    if request.method == "OPTIONS" and context.origins.is_allowed(request):
        allow = {"Access-Control-Allow-Methods": CORS_METHODS, "Access-Control-Allow-Headers": CORS_HEADERS}
        return web.Response(status=204, headers=allow | {"Access-Control-Max-Age": "600"})
    return None


def _tell(request: web.Request, context: Context, status: int, started_ns: int) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "none"
    context.requests.labels(request.method, route, str(status)).inc()
    line = {"method": request.method, "route": route, "status": status, "remote": context.remote(request)}
    took_ms = (context.ports.clock.monotonic_ns() - started_ns) // 1_000_000
    if status >= 500 and status != 503:
        _log.error("request", took_ms=took_ms, **line)
    elif request.method == "GET" and status < 400:
        _log.debug("request", took_ms=took_ms, **line)
    else:
        _log.info("request", took_ms=took_ms, **line)
