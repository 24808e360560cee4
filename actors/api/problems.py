"""Errors as clients see them: problem documents (RFC 9457) with a stable `code`."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from engine.domain.errors import BadInput

CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5

TITLES: Final = {
    400: "The request cannot be read",
    401: "Who is asking is not known",
    403: "Not allowed",
    404: "Not found",
    405: "The path has no such method",
    409: "It contradicts what is there",
    413: "The body is too large",
    415: "The body must be JSON",
    422: "The request cannot be carried out",
    429: "Too many requests",
    500: "An error of ours",
    503: "Not available now",
    504: "No answer in time",
}


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        """Say what is wrong.

        Args:
            status: HTTP status.
            code: Stable; clients decide on it.
            detail: A sentence for people.
            headers: More headers of the answer.
            extra: More members of the document, such as `field`, `limit`, `value`.
        """
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(f"{code}: {detail}")

    def document(self, correlation_id: str) -> dict[str, Any]:
        """Return the document; members that are None are left out."""
        members = {
            "type": f"urn:cival:problem:{self.code}",
            "title": TITLES.get(self.status, "The request failed"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "correlation_id": correlation_id,
        }
        return members | {key: value for key, value in self.extra.items() if value is not None}

    def response(self, correlation_id: str) -> web.Response:
        """Return the answer."""
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(self.document(correlation_id)),
            headers=self.headers,
            content_type=CONTENT_TYPE,
        )


def invalid_field(error: BadInput) -> Problem:
    """Name the field that is wrong; the value stays with whoever sent it."""
    return Problem(
        422, "invalid_field", f"{error.field}: expected {error.expected}", field=error.field, expected=error.expected
    )


def not_found(what: str) -> Problem:
    """Say that there is none; what belongs to somebody else looks the same."""
    return Problem(404, "not_found", f"there is no such {what}")


def unavailable(code: str, detail: str, *, retry_after_s: int = RETRY_AFTER_S) -> Problem:
    """Ask to try again later."""
    return Problem(503, code, detail, headers={"Retry-After": str(retry_after_s)})


def of_status(status: int) -> Problem:
    """Turn an error of the HTTP library into a problem."""
    codes = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
    return Problem(status, codes.get(status, "bad_request"), TITLES.get(status, "The request failed"))
