"""Strict reading of bodies and queries: unknown fields, wrong types and impossible numbers are refused by name.

Numbers of money are strings; a JSON number would have been rounded on its way.
"""

import json
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.problems import Problem, invalid_field
from engine.domain.errors import SHOWN_MAX, BadInput
from engine.domain.values import parse_decimal
from engine.messages.read_ports import LIMIT_MAX, PageRequest
from engine.messages.render import from_rfc3339
from engine.runtime.codec import bad_input

BODY_MAX: Final = 64 * 1024
"""Bytes of a request's body."""
TIME_MAX: Final = 40
"""Characters of a time."""

T = TypeVar("T", bound=msgspec.Struct)


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies."""


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all queries."""

    user_id: UUID | None = None
    """For an admin: in whose name. Handled before the query is read by its route."""


class Listed(Query, frozen=True, kw_only=True):
    """Query of a list."""

    limit: int = 100
    cursor: str | None = None

    @property
    def page(self) -> PageRequest:
        """The page that is asked for.

        Raises:
            Problem: `limit` is out of range.
        """
        if not 1 <= self.limit <= LIMIT_MAX:
            raise wrong("limit", f"1 to {LIMIT_MAX}")
        return PageRequest(limit=self.limit, cursor=self.cursor)


def wrong(field: str, expected: str) -> Problem:
    """Refuse a field."""
    return invalid_field(BadInput(field, expected=expected, was=None))


async def read_body(request: web.Request, kind: type[T], *, is_optional: bool = False) -> tuple[T, bytes]:
    """Read a JSON body.

    Returns:
        The body, and its bytes (which an idempotency key covers).

    Raises:
        Problem: Too large, not JSON, or a field is wrong.
    """
    raw = await request.read()
    if not raw and is_optional:
        return kind(), raw
    if request.content_type != "application/json":
        raise Problem(415, "unsupported_media_type", "the body must be application/json")
    return decode(raw, kind), raw


def decode(raw: bytes, kind: type[T]) -> T:
    """Decode a JSON object.

    Raises:
        Problem: 400 if it is not JSON, 422 if a field is wrong or there twice.
    """
    try:
        decoded = msgspec.json.decode(raw, type=kind)
        _refuse_repeats(raw)
    except msgspec.ValidationError as error:
        raise invalid_field(bad_input(error, what="JSON", was=None)) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Problem(400, "malformed_json", "the body is not valid JSON") from None
    return decoded


def _refuse_repeats(raw: bytes) -> None:
    """Refuse an object with a name twice: two readers of it, such as a proxy and we, may each take another value.

    The standard parser tells of every pair; numbers stay text, since only names matter here.
    """
    json.loads(raw, object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=str)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise wrong(name[:SHOWN_MAX], "one value")
        found[name] = value
    return found


def read_query(request: web.Request, kind: type[T]) -> T:
    """Read the query; every parameter at most once.

    Raises:
        Problem: A parameter is unknown, repeated or wrong.
    """
    values: dict[str, Any] = {}
    for name, value in request.query.items():
        if name in values:
            raise wrong(name, "one value")
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_field(bad_input(error, what="query", was=None)) from None


def decimal(text: str, field: str) -> Decimal:
    """Read a number above zero that a column holds exactly.

    Raises:
        Problem: It is not one; NaN, infinity, zero and 10,000 digits among others.
    """
    try:
        value = parse_decimal(text, field=field)
    except BadInput as error:
        raise invalid_field(error) from None
    if value <= 0:
        raise wrong(field, "a number above zero")
    return value


def time_ns(text: str | None, field: str) -> int | None:
    """Read a time as nanoseconds.

    Raises:
        Problem: It is no RFC 3339 time with a zone.
    """
    if text is None:
        return None
    try:
        return from_rfc3339(text[:TIME_MAX])
    except (ValueError, OverflowError):
        raise wrong(field, "a time such as 2024-08-09T07:00:00Z") from None


def path_id(request: web.Request, name: str = "id") -> UUID:
    """Read an id of the path; what is no id does not exist.

    Raises:
        Problem: 404.
    """
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise Problem(404, "not_found", "there is no such thing") from None
