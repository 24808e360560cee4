"""The WebSocket of the stream: the handshake, a client's requests, and the end of the connection.

What is sent comes from the hub, which writes whole frames to the socket; here requests are read and passed on.
"""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from aiohttp import WSMsgType, web

from actors.api.auth_tokens import token_hash
from actors.api.call import Call, object_answer
from actors.api.context import CONTEXT, Context
from actors.api.problems import Problem
from actors.api.rates import RateLimiter
from actors.api.routing import PREFIX, Route, token_of
from actors.stream_client import StreamClient
from actors.stream_frames import (
    CLOSE_BAD_TOKEN,
    CLOSE_NOT_ALLOWED,
    CLOSE_RESTART,
    CLOSE_TOO_MANY,
    JSON_PROTOCOL,
    MSGPACK_PROTOCOL,
    Frame,
    answer_frame,
    close_frame,
)
from actors.stream_hub import Attach, Detach, Say, Subscribe, Unsubscribe
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.domain.kinds import Role
from engine.messages.read_ports import SessionInfo
from engine.messages.render import rfc3339
from engine.runtime.errors import ActorDeadError

FRAME_MAX: Final = 64 * 1024
PING_S: Final = 20.0
"""A peer that does not answer a ping within half of this is gone."""
CLOSE_NS: Final = 1_000_000_000
"""Time for a peer to answer a close; then it is cut off."""
REQUESTS_PER_SECOND: Final = 10
TICKET_PREFIX: Final = "ticket."

Names = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=200)]


class SubscribeOp(msgspec.Struct, tag_field="op", tag="subscribe", forbid_unknown_fields=True):
    """Begin channels."""

    channels: Names
    id: int | None = None
    since: Annotated[int, msgspec.Meta(ge=0)] | None = None
    user_id: UUID | None = None


class UnsubscribeOp(msgspec.Struct, tag_field="op", tag="unsubscribe", forbid_unknown_fields=True):
    """End channels."""

    channels: Names
    id: int | None = None


class PingOp(msgspec.Struct, tag_field="op", tag="ping", forbid_unknown_fields=True):
    """Ask for a `pong`."""

    id: int | None = None


Op = SubscribeOp | UnsubscribeOp | PingOp
_decode_json = msgspec.json.Decoder(Op).decode
_decode_msgpack = msgspec.msgpack.Decoder(Op).decode


def add_stream(app: web.Application) -> None:
    """Add the WebSocket; who asks is found out during the handshake."""
    app.router.add_get(PREFIX + "/stream", stream)


async def issue_ticket(call: Call) -> web.Response:
    """Give a browser on another origin a ticket for one WebSocket, good for 30 s."""
    context = call.context
    origin = call.request.headers.get("Origin", "")
    if origin and not (context.origins.is_own(call.request) or context.origins.is_allowed(call.request)):
        raise Problem(403, "forged_origin", "this page may not stream")
    return object_answer({"ticket": context.tickets.issue(call.token_hash, origin), "expires_in": 30}, 201)


ROUTES = (Route(method="POST", path="/stream/ticket", handler=issue_ticket, in_emergency=True),)


async def stream(request: web.Request) -> web.StreamResponse:
    """Serve one client until it leaves or is closed."""
    context = request.app[CONTEXT]
    socket = web.WebSocketResponse(
        protocols=(JSON_PROTOCOL, MSGPACK_PROTOCOL), heartbeat=PING_S, max_msg_size=FRAME_MAX, compress=False
    )
    await socket.prepare(request)
    session, hashed, refusal = await _who(request, context)
    if session is None:
        await socket.close(code=refusal, message=b"not allowed here" if refusal == CLOSE_NOT_ALLOWED else b"log in")
        return socket
    client = _client(request, context, socket, session)
    context.sockets.add(session.session_id, hashed, client)
    try:
        context.ports.hub.tell(Attach(client))
        await _listen(context, socket, client)
    except ActorDeadError:
        client.close(CLOSE_RESTART, "the stream restarts")
    finally:
        context.sockets.remove(session.session_id, client)
        client.clear()
        _leave(context, client)
    return socket


async def _who(request: web.Request, context: Context) -> tuple[SessionInfo | None, str, int]:
    """Find out who connects: bearer header, ticket, or our cookie with our own page.

    Returns:
        The session (None: nobody), the hash of its token, and the code to close with.
    """
    origins = context.origins
    is_own, has_origin = origins.is_own(request), "Origin" in request.headers
    if has_origin and not (is_own or origins.is_allowed(request)):
        return None, "", CLOSE_NOT_ALLOWED
    ticket = _ticket_of(request)
    if ticket is not None:
        hashed = context.tickets.redeem(ticket, request.headers.get("Origin", "")) or ""
    else:
        token, is_cookie = token_of(request, context)
        if is_cookie and token and not is_own:
            return None, "", CLOSE_NOT_ALLOWED
        hashed = token_hash(token)
    try:
        session = await context.authenticator.check_hash(hashed, in_emergency=True) if hashed else None
    except DependencyAway:
        return None, "", CLOSE_RESTART
    return session, hashed, CLOSE_BAD_TOKEN


def _ticket_of(request: web.Request) -> str | None:
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    tickets = [name.strip() for name in offered if name.strip().startswith(TICKET_PREFIX)]
    return tickets[0].removeprefix(TICKET_PREFIX) if tickets else None


def _client(
    request: web.Request, context: Context, socket: web.WebSocketResponse, session: SessionInfo
) -> StreamClient:
    transport = request.transport
    assert transport is not None, "expected a connected socket after the handshake"

    def on_close(code: int, reason: str) -> None:
        # Not by socket.close(): from outside of the handler it closes the TCP connection before the peer has answered.
        transport.write(close_frame(code, reason))
        context.ports.clock.call_after(CLOSE_NS, transport.abort)

    return StreamClient(
        user_id=session.person.user_id, wire=transport, on_close=on_close,
        is_binary=socket.ws_protocol == MSGPACK_PROTOCOL, is_admin=session.person.role == Role.ADMIN,
    )  # fmt: skip


async def _listen(context: Context, socket: web.WebSocketResponse, client: StreamClient) -> None:
    """Pass a client's requests to the hub."""
    rate = RateLimiter(context.ports.clock, REQUESTS_PER_SECOND)
    async for message in socket:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return
        if client.is_closed:
            continue  # Until the peer has answered the close.
        try:
            rate.take(client)
        except Problem:
            client.close(CLOSE_TOO_MANY, f"more than {REQUESTS_PER_SECOND} requests a second")
            continue
        _pass_on(context, client, message.data)


def _pass_on(context: Context, client: StreamClient, data: str | bytes) -> None:
    hub = context.ports.hub
    try:
        op: Op = _decode_json(data) if isinstance(data, str) else _decode_msgpack(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        hub.tell(Say(client, _error("malformed", "expected an op with its fields, was something else")))
        return
    match op:
        case SubscribeOp():
            user_id = None if op.user_id is None else UserId(op.user_id)
            hub.tell(Subscribe(client=client, id=op.id, channels=op.channels, since=op.since, user_id=user_id))
        case UnsubscribeOp():
            hub.tell(Unsubscribe(client=client, id=op.id, channels=op.channels))
        case PingOp():
            at = rfc3339(context.ports.clock.now_ns())
            hub.tell(Say(client, answer_frame("pong", id=op.id, at=at)))


def _error(code: str, detail: str) -> Frame:
    return answer_frame("error", id=None, code=code, detail=detail)


def _leave(context: Context, client: StreamClient) -> None:
    try:
        context.ports.hub.tell(Detach(client))
    except ActorDeadError:
        return  # The hub has ended, and its clients with it.
