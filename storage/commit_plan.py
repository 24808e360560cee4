"""Turns units into the arguments of the commit function, and makes the function itself from the row structs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec

from engine.domain.identifiers import UserId
from engine.messages.rows import Row
from engine.messages.writing import WriteUnit
from storage.numbering import HeadsOfUser, NumberedUnit, Numbering, cells_of
from storage.sql import statements
from storage.tables import FACTS, SHARED, encode_rows, newest_per_key, table_of

ROWS_MAX: Final = 1_000
"""Rows and events of one statement (one unit may have more): about 1 ms of encoding, so that the loop is not held."""

PLACE_OF: Final[dict[type[Row], int]] = {row_class: place for place, row_class in enumerate(FACTS)}

_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class Plan:
    """One call of the commit function."""

    arguments: tuple[Any, ...]
    numbering: Numbering
    numbered: list[NumberedUnit]


@cache
def commit_function() -> str:
    """Return the statement that makes the function for one session."""
    return statements("commit")["commit_function"].replace("{tables}", table_blocks(FACTS))


def table_blocks(row_classes: Sequence[type[Row]]) -> str:
    """Return the part of a function that writes rows: of the class at place `i` what `p_rows[i + 1]` holds."""
    named = statements("commit")
    blocks = []
    for place, row_class in enumerate(row_classes, start=1):
        table = table_of(row_class)
        shape = named["commit_guarded_table" if table.is_guarded else "commit_table"]
        blocks.append(shape.format(place=place, table=table.name, statement=table.statement(f"p_rows[{place}]")))
    return "\n".join(blocks)


def plan(units: Sequence[WriteUnit], heads: dict[UserId, HeadsOfUser]) -> Plan:
    """Number the events and encode everything.

    Raises:
        TypeError: A row or event holds what is no JSON, or is of no table.
        ValueError: A text cannot be UTF-8.
    """
    numbering = Numbering(heads)
    numbered = [numbering.number(unit) for unit in units]
    rows, counts = rows_by_class([row for unit in units for row in unit.rows], PLACE_OF)
    cells = cells_of(units)
    moved = numbering.moved()
    return Plan(
        arguments=(
            [user_id for user_id, _ in cells] if cells else None,
            [fence for _, fence in cells] if cells else None,
            _encode([(n.unit.id, n.unit.user_id, n.unit.n, n.unit.fence, n.first_seq, n.last_seq) for n in numbered])
            .decode(),
            rows,
            counts,
            _encode(moved).decode() if moved else None,
            _encode({str(user_id): numbering.before(user_id) for user_id in numbering.after}).decode(),
            _encode(list(_events(numbered))).decode() if moved else None,
            [event.data.decode() for each in numbered for event in each.events] if moved else None,
        ),
        numbering=numbering,
        numbered=numbered,
    )  # fmt: skip


def parts(units: Sequence[WriteUnit]) -> Iterator[list[WriteUnit]]:
    """Cut a batch so that each part is of a fair size and its rows may be written table by table.

    Inside a part all rows of one class are written before those of the next; a unit whose row would so come before an
    older one of the same key begins a new part.
    """
    part: list[WriteUnit] = []
    size = 0
    newest: dict[tuple[str, Any], int] = {}
    for unit in units:
        weight = len(unit.rows) + len(unit.events)
        shared = _shared_rows(unit)
        if part and (size + weight > ROWS_MAX or any(newest.get(key, -1) > place for key, place in shared)):
            yield part
            part, size, newest = [], 0, {}
        part.append(unit)
        size += weight
        newest.update(shared)
    if part:
        yield part


def _shared_rows(unit: WriteUnit) -> list[tuple[tuple[str, Any], int]]:
    found = []
    for row in unit.rows:
        if row.__table__ in SHARED:
            table = table_of(type(row))
            found.append(((table.name, table.key_of(row)), PLACE_OF[type(row)]))
    return found


def rows_by_class(rows: Iterable[Row], place_of: Mapping[type[Row], int]) -> tuple[list[str | None], list[int]]:
    """Encode rows for the function: one JSON array per place, None where there is no row, and their lengths.

    Raises:
        TypeError: A row has no place, or holds what is no JSON.
        ValueError: A text cannot be UTF-8.
    """
    by_place: dict[int, list[Row]] = {}
    for row in rows:
        place = place_of.get(type(row))
        if place is None:
            raise TypeError(f"expected a row of a table that is written here, was {type(row).__name__}")
        by_place.setdefault(place, []).append(row)
    texts: list[str | None] = [None] * len(place_of)
    counts = [0] * len(place_of)
    for place, batch in by_place.items():
        kept = newest_per_key(table_of(type(batch[0])), batch)
        texts[place] = encode_rows(kept)
        counts[place] = len(kept)
    return texts, counts


def _events(numbered: list[NumberedUnit]) -> Iterator[tuple[Any, ...]]:
    for each in numbered:
        for event, source in zip(each.events, each.unit.events, strict=True):
            yield (
                event.user_id,
                event.seq,
                event.channel,
                event.prev,
                each.unit.id,
                event.account_id,
                event.type,
                event.correlation_id,
                source.causation_id,
                event.at_ns,
            )
