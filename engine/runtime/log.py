"""Structured logging: an event name and fields, one line each, secrets as stars.

`setup_logging` is called once by the process; everybody else calls `get_logger(__name__)` and `bind`.
"""

from typing import Any

import structlog

Logger = structlog.stdlib.BoundLogger


def get_logger(name: str) -> Logger:
    """Return a logger; `name` is the module."""
    logger: Logger = structlog.get_logger(name)
    return logger


def bind(**fields: Any) -> None:
    """Add fields to every line of the current context (task), `actor=..., account=..., correlation_id=...`."""
    structlog.contextvars.bind_contextvars(**fields)
