"""Structured logging: an event name and fields, one line each, secrets as stars.

The process calls `setup_logging` once; everybody else calls `get_logger(__name__)`, once per module, and `bind` or
`bound` for what holds for a task. Lines of other libraries (the standard `logging`) come out in the same form. A
`LogSink` gets a copy of every line, for whoever stores them.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import format_exc_info

from engine.runtime.log_sink import LogSink
from engine.runtime.redact import redacted_fields

__all__ = ["LogSink", "Logger", "add_sink", "bind", "bound", "get_logger", "remove_sink", "set_level", "setup_logging"]

NS_PER_S = 1_000_000_000

Fields = MutableMapping[str, Any]


class _Output:
    """Where lines go, how they look, and from which level on; one for the process, changed while it runs."""

    def __init__(self) -> None:
        self.level = logging.INFO
        self.stream: TextIO | None = None
        self.render: Callable[[Any, str, Fields], str | bytes] = _console(colors=False)
        self.now_ns: Callable[[], int] = time.time_ns
        self.sinks: list[LogSink] = []
        self.is_silent = False
        """Lines go to the sinks only."""
        self.lost = 0
        """Lines that could not be written."""

    def write(self, line: str) -> None:
        """Write one line; standard error unless set up otherwise, found anew since tests replace it."""
        stream = self.stream or sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except OSError:
            # A reader that closed its pipe, or a full disk, must not end the actor that had something to say.
            self.lost += 1


class Logger(structlog.BoundLoggerBase):
    """A logger with fields of its own. A line below the level costs one comparison."""

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger that adds `fields` to every line."""
        return super().bind(**fields)

    def debug(self, event: str, **fields: Any) -> None:
        """Say what only a developer wants to know."""
        if _output.level <= logging.DEBUG:
            self._proxy_to_logger("debug", event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        """Say what has happened: history."""
        if _output.level <= logging.INFO:
            self._proxy_to_logger("info", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Say that the engine is coping."""
        if _output.level <= logging.WARNING:
            self._proxy_to_logger("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        """Say what a person should look at."""
        if _output.level <= logging.ERROR:
            self._proxy_to_logger("error", event, **fields)

    def exception(self, event: str, **fields: Any) -> None:
        """As `error`, with the traceback of the exception being handled."""
        self.error(event, exc_info=fields.pop("exc_info", True), **fields)

    def critical(self, event: str, **fields: Any) -> None:
        """Say that the process cannot go on."""
        self._proxy_to_logger("critical", event, **fields)


class _Printer:
    """Last step of every line: structlog calls the method named after the level."""

    def __getattr__(self, level: str) -> Callable[[str], None]:
        return _output.write


def _add_context(_: Any, level: str, fields: Fields) -> Fields:
    """Put time and level first, then the event and its fields, then what the task has bound."""
    at_ns = _output.now_ns()
    event = fields.pop("event", "")
    line: dict[str, Any] = {"at": _rfc3339(at_ns), "level": level, "event": event, **fields}
    for name, value in get_contextvars().items():
        line.setdefault(name, value)
    return line


def _redact(_: Any, __: str, fields: Fields) -> Fields:
    exc_info = fields.pop("exc_info", None)
    clean = redacted_fields(fields)
    if exc_info is not None:
        clean["exc_info"] = exc_info
    return clean


def _feed_sinks(logger: Any, level: str, fields: Fields) -> Fields:
    if _output.sinks:
        copy = format_exc_info(logger, level, dict(fields))
        for sink in _output.sinks:
            sink.put(level, copy)
    return fields


def _render(logger: Any, level: str, fields: Fields) -> str:
    if _output.is_silent:
        raise structlog.DropEvent
    line = _output.render(logger, level, fields)
    return line if isinstance(line, str) else line.decode()


def _console(*, colors: bool) -> Callable[[Any, str, Fields], str]:
    # The plain traceback shows no local variables, which would hold secrets.
    return ConsoleRenderer(colors=colors, exception_formatter=plain_traceback, timestamp_key="at")


def _json(logger: Any, level: str, fields: Fields) -> bytes:
    return msgspec.json.encode(format_exc_info(logger, level, fields), enc_hook=str)


def _rfc3339(at_ns: int) -> str:
    seconds, rest_ns = divmod(at_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06}Z"


_output = _Output()
_STEPS: list[Any] = [_add_context, _redact, _feed_sinks, _render]


class _Bridge(logging.Handler):
    """Lets the lines of other libraries through our steps."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of the standard library's logging; its level was checked by the root logger."""
        level = {"WARN": "warning", "FATAL": "critical"}.get(record.levelname, record.levelname.lower())
        logger = Logger(_Printer(), _STEPS, {"logger": record.name})
        logger._proxy_to_logger(level, record.getMessage(), exc_info=record.exc_info or None)  # noqa: SLF001


def get_logger(name: str) -> Logger:
    """Return a logger; `name` is the module's."""
    return Logger(_Printer(), _STEPS, {"logger": name})


def bind(**fields: Any) -> None:
    """Add fields to every line of this task and the tasks it starts: actor, account, venue, correlation_id."""
    bind_contextvars(**fields)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Add fields to every line inside the `with` block."""
    with bound_contextvars(**fields):
        yield


def setup_logging(
    level: str = "info",
    fmt: Literal["json", "console"] = "console",
    *,
    stream: TextIO | None = None,
    now_ns: Callable[[], int] = time.time_ns,
) -> None:
    """Set level, form and target of all lines, ours and those of other libraries. May be called again.

    Args:
        level: debug, info, warning, error or critical.
        fmt: one JSON object per line, or columns for people (coloured on a terminal).
        stream: None: standard error.
        now_ns: source of the lines' time, for simulations.
    """
    _output.stream = stream
    _output.now_ns = now_ns
    target = stream or sys.stderr
    _output.render = _json if fmt == "json" else _console(colors=target.isatty())
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    set_level(level)


def set_level(level: str) -> None:
    """Change from which level on lines are written.

    Raises:
        ValueError: no level has this name.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level: expected debug, info, warning, error or critical, was {level!r}")
    _output.level = number
    # Other libraries' info lines are our debug: asyncio and ccxt are chatty.
    logging.getLogger().setLevel(number if number != logging.INFO else logging.WARNING)


@contextmanager
def sinks_only(level: str) -> Iterator[None]:
    """Write nothing inside the `with` block; sinks get the lines of `level` and up. For simulations."""
    before = _output.level, _output.is_silent
    _output.level, _output.is_silent = logging.getLevelNamesMapping()[level.upper()], True
    try:
        yield
    finally:
        _output.level, _output.is_silent = before


def add_sink(sink: LogSink) -> None:
    """Give `sink` a copy of every line from now on, secrets removed."""
    _output.sinks = [*_output.sinks, sink]


def remove_sink(sink: LogSink) -> None:
    """Give it nothing more; harmless when repeated."""
    _output.sinks = [known for known in _output.sinks if known is not sink]
