"""Pages of a list: the place where the next one goes on, as text that a client hands back.

The place is the (time, id) of the last row shown, so that rows which come or go meanwhile neither repeat nor hide
others.
"""

import base64
import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from engine.domain.errors import BadInput
from engine.messages.read_ports import LIMIT_MAX, Page, PageRequest

Place = tuple[int | None, UUID | None]
"""(time in nanoseconds, id) of the last row of the page before; (None, None) for the first page."""

_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
"""Base64 of 24 bytes: the time in microseconds since 1970, then the id."""
_TIME_US_MAX: Final = 253_402_300_800_000_000
"""The year 10000. Later times overflow `timestamptz`, which the driver reports as if the connection were gone."""


def place_of(page: PageRequest) -> Place:
    """Read the cursor of a request.

    Raises:
        BadInput: The cursor is not one of ours, or the limit is out of range.
    """
    if not 1 <= page.limit <= LIMIT_MAX:
        raise BadInput("limit", expected=f"1 to {LIMIT_MAX}", was=page.limit)
    if page.cursor is None:
        return None, None
    raw = base64.urlsafe_b64decode(page.cursor) if _CURSOR.fullmatch(page.cursor) else b""
    at_us = int.from_bytes(raw[:8])
    if not raw or at_us >= _TIME_US_MAX:
        raise BadInput("cursor", expected="the next_cursor of a page", was=page.cursor)
    return at_us * 1000, UUID(bytes=raw[8:])


def cursor_at(at_ns: int, row_id: UUID) -> str:
    """Write a place (a time from 1970 on) as text of letters, digits, `-` and `_`; tables keep microseconds."""
    raw = (at_ns // 1000).to_bytes(8) + row_id.bytes
    return base64.urlsafe_b64encode(raw).decode()


def page_of(records: Sequence[Any], limit: int) -> Page:
    """Make a page of records (item, at, id); one more than `limit` says that another page follows."""
    shown = records[:limit]
    items = b"[%b]" % ",".join(record["item"] for record in shown).encode()
    if len(records) <= limit:
        return Page(items=items)
    last = shown[-1]
    return Page(items=items, next_cursor=cursor_at(last["at"], last["id"]))


def is_storable(text: str) -> bool:
    """Say whether PostgreSQL can hold the text: no U+0000 and no lone surrogate."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
