"""One authenticated request on its way through a route."""

import msgspec
from aiohttp import web

from actors.api.context import Context
from actors.api.ports import ApiPorts
from engine.domain.identifiers import CorrelationId, UserId
from engine.messages.read_ports import Person, SessionInfo
from engine.messages.rows_people import AuditRow, IdempotencyRow
from engine.messages.writing import CommandRecord

SHOWN_MAX = 1_000
"""Characters of a text that the audit log keeps."""


class Call:
    """Who asks what, for whom."""

    __slots__ = ("context", "correlation_id", "request", "session", "token_hash", "user_id")

    def __init__(
        self, request: web.Request, context: Context, session: SessionInfo, token_hash: str, user_id: UserId,
        correlation_id: CorrelationId,
    ) -> None:  # fmt: skip
        """Bind them together; `user_id` is whose rows are meant, another than the caller's for an admin only."""
        self.request = request
        self.context = context
        self.session = session
        self.token_hash = token_hash
        self.user_id = user_id
        self.correlation_id = correlation_id

    @property
    def ports(self) -> ApiPorts:
        """The collaborators."""
        return self.context.ports

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.session.person

    @property
    def remote(self) -> str:
        """Address of the other end."""
        return self.context.remote(self.request)

    def audit(
        self, action: str, *, object_type: str | None = None, object_id: object = None, outcome: str = "accepted",
        detail: object = None,
    ) -> AuditRow:  # fmt: skip
        """Make the audit row of this request; `detail` is JSON values and must hold no secret."""
        ports = self.ports
        return AuditRow(
            id=ports.ids.uuid(), user_id=self.user_id, actor_id=self.person.user_id, action=action,
            object_type=object_type, object_id=None if object_id is None else str(object_id), outcome=outcome,
            detail=detail, remote_addr=self.remote[:64], correlation_id=self.correlation_id,
            created_at=ports.clock.now_ns(),
        )  # fmt: skip

    def record(
        self, action: str, *, object_type: str | None = None, object_id: object = None, detail: object = None,
        idempotency: IdempotencyRow | None = None,
    ) -> CommandRecord:  # fmt: skip
        """Make what the owning actor commits with the command."""
        audit = self.audit(action, object_type=object_type, object_id=object_id, detail=detail)
        return CommandRecord(audit=audit, idempotency=idempotency)


def json_answer(body: bytes, status: int = 200) -> web.Response:
    """Answer with JSON text that is ready."""
    return web.Response(body=body, status=status, content_type="application/json")


def object_answer(value: object, status: int = 200) -> web.Response:
    """Answer with a value as JSON; decimals are strings."""
    return json_answer(msgspec.json.encode(value), status)
