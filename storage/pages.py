"""Pages of a list: the place where the next one goes on, as text that a client hands back.

The place is the (time, id) of the last row shown, so that rows which come or go meanwhile neither repeat nor hide
others.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from engine.domain.errors import BadInput
from engine.messages.read_ports import LIMIT_MAX, Page, PageRequest

Place = tuple[int | None, UUID | None]
"""(time in nanoseconds, id) of the last row of the page before; (None, None) for the first page."""


def place_of(page: PageRequest) -> Place:
    """Read the cursor of a request.

    Raises:
        BadInput: The cursor is not one of ours, or the limit is out of range.
    """
    if not 1 <= page.limit <= LIMIT_MAX:
        raise BadInput("limit", expected=f"1 to {LIMIT_MAX}", was=page.limit)
    if page.cursor is None:
        return None, None
    try:
        raw = base64.b64decode(page.cursor + "=" * (-len(page.cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 24:
        raise BadInput("cursor", expected="the next_cursor of a page", was=page.cursor)
    return int.from_bytes(raw[:8]) * 1000, UUID(bytes=raw[8:])


def cursor_at(at_ns: int, row_id: UUID) -> str:
    """Write a place as text of letters, digits, `-` and `_`; tables keep microseconds."""
    raw = (at_ns // 1000).to_bytes(8) + row_id.bytes
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def page_of(records: Sequence[Any], limit: int) -> Page:
    """Make a page of records (item, at, id); one more than `limit` says that another page follows."""
    shown = records[:limit]
    items = b"[%b]" % ",".join(record["item"] for record in shown).encode()
    if len(records) <= limit:
        return Page(items=items)
    last = shown[-1]
    return Page(items=items, next_cursor=cursor_at(last["at"], last["id"]))
