"""Reads rows of tables back into the row structs that wrote them."""

from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints
from uuid import UUID

import asyncpg
import orjson

from engine.messages.rows import Row

R = TypeVar("R", bound=Row)


@cache
def columns_of(row_class: type[Row], alias: str = "t") -> str:
    """Return the select list that `decode` wants."""
    return ", ".join(
        f"{alias}.{name}::text as {name}" if kind == "date" else f"{alias}.{name}"
        for name, kind in _kinds(row_class).items()
    )


def decode(row_class: type[R], record: asyncpg.Record) -> R:
    """Make a row struct of a record that has its columns."""
    return row_class(**{name: _value(record[name], kind) for name, kind in _kinds(row_class).items()})


@cache
def _kinds(row_class: type[Row]) -> dict[str, str]:
    hints = get_type_hints(row_class, include_extras=True)
    return {name: _kind(hints[name]) for name in row_class.__struct_fields__}


def _kind(hint: Any) -> str:
    for part in (hint, *get_args(hint)):
        for mark in getattr(part, "__metadata__", ()):
            return str(mark)
    return ""


def _value(value: Any, kind: str) -> Any:
    if isinstance(value, UUID):
        # asyncpg's own UUID class compares equal and hashes alike, but JSON encoders refuse it.
        return UUID(int=value.int)
    if kind == "jsonb" and value is not None:
        return orjson.loads(value)
    if kind == "text[]" and value is not None:
        return tuple(value)
    return value
