"""Reads named statements from `storage/queries/*.sql`.

A file holds statements one after another, each under `-- name: its_name` and a line that says what it does.
"""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("queries")
MARK = "-- name: "


@cache
def statements(area: str) -> dict[str, str]:
    """Return the statements of `storage/queries/<area>.sql` by name, without their comments in front."""
    found: dict[str, str] = {}
    for block in (FOLDER / f"{area}.sql").read_text(encoding="utf-8").split(MARK)[1:]:
        name, _, rest = block.partition("\n")
        comment, _, text = rest.partition("\n")
        assert comment.startswith("-- "), f"{area}.sql, {name}: expected a comment below the name, was {comment!r}"
        assert name not in found, f"{area}.sql: expected one statement {name}, were two"
        found[name] = text.strip()
    return found
