"""Who is there: login, logout, `/me`."""

import asyncio
from typing import Annotated, Any

import msgspec
from aiohttp import web

from actors.api.auth_passwords import verify_password
from actors.api.auth_tokens import new_token, token_hash
from actors.api.call import Call, object_answer
from actors.api.commands import ask, write
from actors.api.context import CONTEXT, Context
from actors.api.decode import Body, read_body
from actors.api.middleware import CORRELATION
from actors.api.problems import Problem, unavailable
from actors.api.routing import PREFIX, Route, get
from config.settings import duration_ns
from engine.domain.identifiers import NO_USER, UserId
from engine.domain.kinds import Role
from engine.messages.read_ports import Person
from engine.messages.render import rfc3339
from engine.messages.rows_people import AuditRow, UserSessionRow
from engine.messages.writing import unit_without_cell

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class LoginBody(Body, frozen=True, kw_only=True):
    """`POST /auth/login`."""

    email: Short
    password: Short
    cookie: bool = False
    """Set the session as a cookie for the console instead of answering with a token."""


def add_login(app: web.Application) -> None:
    """Add the one route of the API that needs nobody to be known."""
    app.router.add_post(PREFIX + "/auth/login", login)


async def login(request: web.Request) -> web.Response:
    """Check a password and open a session."""
    context = request.app[CONTEXT]
    body, _ = await read_body(request, LoginBody)
    if "Origin" in request.headers and not (context.origins.is_own(request) or context.origins.is_allowed(request)):
        raise Problem(403, "forged_origin", "this page may not log in here")
    keys = (f"address:{context.remote(request)}", f"email:{body.email.lower()}")
    if wait_s := context.guard.wait_s(*keys):
        headers = {"Retry-After": str(wait_s)}
        raise Problem(429, "login_throttled", "too many failed logins; wait before the next", headers=headers)
    if not context.ports.readiness.is_database_available:
        raise unavailable("database_away", "the database is away; sessions cannot be opened")
    person = await context.ports.identity.person_by_email(body.email)
    is_right = await asyncio.to_thread(verify_password, person.password_hash if person else None, body.password)
    if person is None or not is_right or not person.is_active:
        context.guard.failed(*keys)
        await _audit_refusal(request, context, person)
        raise Problem(401, "wrong_credentials", "email or password is wrong")
    context.guard.succeeded(*keys)
    return await _open_session(request, context, person, as_cookie=body.cookie)


async def logout(call: Call) -> web.Response:
    """End the session or token that made this request, and its streams."""
    context = call.context
    row = await call.ports.identity.session_row(call.person.user_id, call.session.session_id)
    if row is not None:
        ended = msgspec.structs.replace(row, revoked_at=call.ports.clock.now_ns())
        await write(call, ended, call.audit("auth.logout", object_type="session", object_id=row.id))
    context.end_session(call.session.session_id, "logged out")
    response = web.Response(status=204)
    response.del_cookie(context.origins.cookie_name, path="/", secure=context.origins.is_tls, httponly=True)
    return response


async def me(call: Call) -> web.Response:
    """Tell who is logged in, and what the engine is."""
    person, facts = call.person, call.ports.facts
    return object_answer(
        {
            "id": person.user_id,
            "email": person.email,
            "full_name": person.full_name,
            "role": person.role,
            "time_zone": person.time_zone,
            "session": {
                "id": call.session.session_id,
                "kind": call.session.kind,
                "name": call.session.name,
                "expires_at": rfc3339(call.session.expires_at_ns),
            },
            "engine": {
                "version": facts.version,
                "market_source": facts.market_source,
                "is_paper": facts.is_paper,
                "started_at": rfc3339(facts.started_at_ns),
            },
        }
    )


ROUTES = (
    Route(method="POST", path="/auth/logout", handler=logout, role=Role.VIEWER),
    get("/me", me),
)


async def _open_session(request: web.Request, context: Context, person: Person, *, as_cookie: bool) -> web.Response:
    ports = context.ports
    token, now_ns = new_token(), ports.clock.now_ns()
    ttl_ns = duration_ns(ports.auth.session_ttl)
    row = UserSessionRow(
        id=ports.ids.uuid(), user_id=person.user_id, token_hash=token_hash(token), kind="session", name=None,
        expires_at=now_ns + ttl_ns, revoked_at=None, created_at=now_ns,
    )  # fmt: skip
    audit = _audit(request, context, person.user_id, "accepted", session_id=row.id)
    await ask(ports.writer, unit_without_cell(ports.ids, (row, audit), user_id=person.user_id))
    if ports.on_login is not None:
        ports.on_login(person)
    user = {"id": person.user_id, "email": person.email, "full_name": person.full_name, "role": person.role}
    answer: dict[str, Any] = {"expires_at": rfc3339(row.expires_at), "user": user}
    if not as_cookie:
        return object_answer(answer | {"token": token})
    response = object_answer(answer)
    _set_cookie(response, context, token, ttl_ns)
    return response


def _set_cookie(response: web.Response, context: Context, token: str, ttl_ns: int) -> None:
    origins = context.origins
    response.set_cookie(
        origins.cookie_name, token, path="/", max_age=ttl_ns // 1_000_000_000, httponly=True, secure=origins.is_tls,
        samesite="Strict",
    )  # fmt: skip


async def _audit_refusal(request: web.Request, context: Context, person: Person | None) -> None:
    user_id = person.user_id if person is not None else NO_USER
    row = _audit(request, context, user_id, "refused")
    await ask(context.ports.writer, unit_without_cell(context.ports.ids, (row,), user_id=user_id))


def _audit(
    request: web.Request, context: Context, user_id: UserId, outcome: str, *, session_id: object = None
) -> AuditRow:
    return AuditRow(
        id=context.ports.ids.uuid(), user_id=user_id, actor_id=None if user_id == NO_USER else user_id,
        action="auth.login", object_type="session", object_id=None if session_id is None else str(session_id),
        outcome=outcome, detail=None, remote_addr=context.remote(request)[:64], correlation_id=request[CORRELATION],
        created_at=context.ports.clock.now_ns(),
    )  # fmt: skip
