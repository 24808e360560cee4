"""Is it alive, is it ready, how is it: `/livez`, `/readyz`, `/metrics`."""

import msgspec
from aiohttp import web

from actors.api.context import CONTEXT
from actors.api.problems import Problem, not_found
from actors.api.routing import authenticate
from actors.readiness import PartState
from config.checks import is_loopback
from engine.domain.kinds import Role
from engine.messages.render import rfc3339

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def add_health(app: web.Application) -> None:
    """Add the routes that need no login."""
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


async def livez(_: web.Request) -> web.Response:
    """The loop turns, or there would be no answer."""
    return web.Response(body=b'{"alive":true}', content_type="application/json")


async def readyz(request: web.Request) -> web.Response:
    """Say whether the engine, or one account (`?account=ID`), is ready, and each part's reason."""
    readiness = request.app[CONTEXT].ports.readiness
    account = request.query.get("account")
    if account is not None:
        state = readiness.account(account)
        if state is None:
            raise not_found("account")
        parts, is_ready = [state], state.ready
    else:
        parts, is_ready = readiness.parts(), readiness.is_ready
    body = msgspec.json.encode({"ready": is_ready, "parts": [_shown(part) for part in parts]})
    return web.Response(body=body, status=200 if is_ready else 503, content_type="application/json")


async def metrics(request: web.Request) -> web.Response:
    """Give the metrics to this machine, or to an admin."""
    context = request.app[CONTEXT]
    # Behind a proxy every request comes from this machine.
    is_near = is_loopback(request.remote or "") and not context.ports.server.behind_tls_proxy
    if not is_near:
        session, _ = await authenticate(request)
        if session.person.role != Role.ADMIN:
            raise Problem(403, "forbidden", "metrics are for this machine and for admins")
    return metrics_answer(context.ports.metrics.render())


def metrics_answer(body: bytes) -> web.Response:
    """Answer in the format that Prometheus reads."""
    return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})


def _shown(part: PartState) -> dict[str, object]:
    return {
        "part": part.part, "ready": part.ready, "reported": part.reported, "holds_back": part.holds_back,
        "reason": part.reason, "since": rfc3339(part.since_ns),
    }  # fmt: skip
