"""A bounded copy of the log for whoever stores it."""

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

LIMIT_DEFAULT = 10_000


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log."""

    at: str
    """RFC 3339, UTC."""
    level: str
    event: str
    logger: str
    fields: dict[str, Any]
    """Everything else, secrets already removed."""


class LogSink:
    """Keeps lines until they are taken; drops the newest, and counts them, when it is full.

    Any thread may log: putting and taking are single steps of a deque.
    """

    def __init__(self, level: str = "info", limit: int = LIMIT_DEFAULT) -> None:
        """Keep lines of `level` and up, at most `limit` of them."""
        self._level = logging.getLevelNamesMapping()[level.upper()]
        self._limit = limit
        self._records: deque[LogRecord] = deque()
        self.dropped = 0
        """Lines lost since the start because nobody took them in time."""

    def __len__(self) -> int:
        return len(self._records)

    def put(self, level: str, fields: Mapping[str, Any]) -> None:
        """Keep a copy of a line (called by the log)."""
        if logging.getLevelNamesMapping().get(level.upper(), 0) < self._level:
            return
        if len(self._records) >= self._limit:
            self.dropped += 1
            return
        rest = {name: value for name, value in fields.items() if name not in {"at", "level", "event", "logger"}}
        self._records.append(
            LogRecord(
                at=fields["at"],
                level=level,
                event=str(fields["event"]),
                logger=str(fields.get("logger", "")),
                fields=rest,
            )
        )

    def take(self, limit: int) -> list[LogRecord]:
        """Return and forget the oldest lines, at most `limit`."""
        return [self._records.popleft() for _ in range(min(limit, len(self._records)))]
