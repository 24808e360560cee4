"""Reads rows of tables back into the row structs that wrote them."""

from collections.abc import Callable
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
    fields = dict(zip(record.keys(), record.values(), strict=True))
    plain, converted = _plan(row_class)
    values: dict[str, Any] = {name: fields[name] for name in plain}
    for name, convert in converted:
        value = fields[name]
        values[name] = None if value is None else convert(value)
    return row_class(**values)


@cache
def _plan(row_class: type[Row]) -> tuple[tuple[str, ...], tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """Return the columns that are taken as they come, and what the others are converted by."""
    converters = {name: _converter(name, row_class) for name in row_class.__struct_fields__}
    plain = tuple(name for name, convert in converters.items() if convert is None)
    return plain, tuple((name, convert) for name, convert in converters.items() if convert is not None)


def _converter(name: str, row_class: type[Row]) -> Callable[[Any], Any] | None:
    kind = _kinds(row_class)[name]
    if kind == "jsonb":
        return orjson.loads
    if kind == "text[]":
        return tuple
    hint = get_type_hints(row_class)[name]
    # asyncpg's own UUID class compares equal and hashes alike, but JSON encoders refuse it.
    return _plain_uuid if UUID in (hint, *get_args(hint)) else None


def _plain_uuid(value: UUID) -> UUID:
    return UUID(int=value.int)


@cache
def _kinds(row_class: type[Row]) -> dict[str, str]:
    hints = get_type_hints(row_class, include_extras=True)
    return {name: _kind(hints[name]) for name in row_class.__struct_fields__}


def _kind(hint: Any) -> str:
    for part in (hint, *get_args(hint)):
        for mark in getattr(part, "__metadata__", ()):
            return str(mark)
    return ""
