"""Prints lists and objects: tables for people, JSON for machines."""

import sys
from collections.abc import Sequence
from typing import Any

import click
import orjson

WIDE = 1_000
"""Columns of a table that does not go to a terminal."""


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def print_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Print rows as a table, numbers to the right.

    Args:
        rows: Objects as the HTTP interface gives them.
        columns: Which keys to show, in order.
        empty: One line to print where there are no rows.
    """
    from rich.console import Console
    from rich.table import Table

    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(_is_number(row.get(column)) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    # A pipe has no width: nothing is cut for whoever reads it.
    console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=WIDE)
    console.print(table)


def print_object(value: dict[str, Any]) -> None:
    """Print an object as aligned `key  value` lines; nested values as JSON."""
    width = max((len(key) for key in value), default=0)
    for key, item in value.items():
        click.echo(f"{key.replace('_', ' '):<{width}}  {_text(item)}")


def _is_number(value: object) -> bool:
    if value is None or isinstance(value, int | float):
        return True
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    text = str(value)
    if "." in text and _is_number(text):
        text = text.rstrip("0").rstrip(".")
    return text
