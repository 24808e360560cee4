"""API tokens of a user: made once, shown once, revocable; the audit log and the running actors for admins."""

from typing import Annotated

import msgspec
from aiohttp import web

from actors.api.auth_tokens import new_token, token_hash
from actors.api.call import Call, json_answer, object_answer
from actors.api.commands import write
from actors.api.decode import Body, Query, path_id, read_body, read_query, wrong
from actors.api.problems import not_found
from actors.api.routing import Route, get, post
from config.settings import Duration, duration_ns
from engine.domain.kinds import Role
from engine.messages.render import rfc3339
from engine.messages.rows_people import UserSessionRow

TTL_MAX_NS = 366 * 86_400 * 10**9
TOKEN = "token"  # noqa: S105 - a kind of session.


class TokenBody(Body, frozen=True, kw_only=True):
    """`POST /tokens`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    ttl: Duration = "30d"


async def list_tokens(call: Call) -> web.Response:
    """Read the user's live tokens; their secrets are not kept."""
    read_query(call.request, Query)
    return json_answer((await call.ports.identity.sessions(call.user_id, TOKEN)).body)


async def create_token(call: Call) -> web.Response:
    """Make a token. The answer is the only place where it is ever shown."""
    body, _ = await read_body(call.request, TokenBody)
    ttl_ns = duration_ns(body.ttl)
    if not 0 < ttl_ns <= TTL_MAX_NS:
        raise wrong("ttl", "1s to 366d")
    token, now_ns = new_token(), call.ports.clock.now_ns()
    row = UserSessionRow(
        id=call.ports.ids.uuid(), user_id=call.user_id, token_hash=token_hash(token), kind=TOKEN, name=body.name,
        expires_at=now_ns + ttl_ns, revoked_at=None, created_at=now_ns,
    )  # fmt: skip
    await write(call, row, call.audit("token.create", object_type=TOKEN, object_id=row.id))
    shown = {"id": row.id, "name": body.name, "token": token, "expires_at": rfc3339(row.expires_at)}
    return object_answer(shown, 201)


async def revoke_token(call: Call) -> web.Response:
    """Revoke a token, and close the streams that it opened."""
    row = await call.ports.identity.session_row(call.user_id, path_id(call.request))
    if row is None or row.kind != TOKEN:
        raise not_found(TOKEN)
    ended = msgspec.structs.replace(row, revoked_at=call.ports.clock.now_ns())
    await write(call, ended, call.audit("token.revoke", object_type=TOKEN, object_id=row.id))
    call.context.end_session(row.id, "the token was revoked")
    return web.Response(status=204)


ROUTES = (
    get("/tokens", list_tokens),
    post("/tokens", create_token, role=Role.VIEWER),
    Route(method="DELETE", path="/tokens/{id}", handler=revoke_token),
)
