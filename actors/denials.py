"""Folds the denials of an agent that keeps asking for what a rule forbids.

Repeats of one agent and rule within a second share one row with a count, the first and the last intent key; each of
them was checked anew. A person's denials are never folded.
"""

from typing import Final

import msgspec

from engine.domain.identifiers import AgentId
from engine.messages.orders import Denial, OrderIntent
from engine.messages.rows import OrderRow

WINDOW_NS: Final = 1_000_000_000
"""Market time from the first denial of a row to the last that it takes."""
KEPT_MAX: Final = 1_000
"""Rows that may still take repeats."""


class DenialFolder:
    """The denials of the last second, by agent and rule."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        """Start empty."""
        self._rows: dict[tuple[AgentId, str], OrderRow] = {}

    def fold(self, intent: OrderIntent, denial: Denial, now_ns: int) -> OrderRow | None:
        """Return the row that takes this denial as a repeat, with its new count; None if it needs its own row."""
        if intent.agent_id is None:
            return None
        key = (intent.agent_id, denial.code)
        row = self._rows.get(key)
        if row is None or not 0 <= now_ns - row.created_at < WINDOW_NS:
            return None
        row = msgspec.structs.replace(
            row, denial_count=row.denial_count + 1, last_intent_key=intent.intent_key, updated_at=now_ns
        )
        self._rows[key] = row
        return row

    def remember(self, row: OrderRow) -> None:
        """Let a new denial take repeats."""
        if row.agent_id is None or row.denial_code is None:
            return
        self._rows.pop((AgentId(row.agent_id), row.denial_code), None)
        if len(self._rows) >= KEPT_MAX:
            del self._rows[next(iter(self._rows))]
        self._rows[AgentId(row.agent_id), row.denial_code] = row
