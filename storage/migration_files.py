"""The migration files of this build: their order, their statements, their checksums. Knows nothing of Alembic.

`NNNN_name.py` is the revision `NNNN`; `NNNN_name.sql` and `NNNN_name.down.sql` hold its statements, with a line `-- ;;`
between two.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("migrations")
VERSIONS = FOLDER / "versions"
MARK = "-- ;;"


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One file of SQL that this build has."""

    revision: str
    name: str
    sha256: str


@lru_cache(maxsize=1)
def migration_files() -> tuple[MigrationFile, ...]:
    """Return the upgrading files in their order."""
    paths = sorted(path for path in VERSIONS.glob("[0-9]*.sql") if not path.name.endswith(".down.sql"))
    return tuple(
        MigrationFile(path.name.partition("_")[0], path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in paths
    )


def head() -> str:
    """Return the newest revision of this build."""
    return migration_files()[-1].revision


def statements(migration: str, *, down: bool = False) -> list[str]:
    """Return the statements that belong to a migration.

    Args:
        migration: Path of its Python file.
        down: Those that take it back.
    """
    text = Path(migration).with_suffix(".down.sql" if down else ".sql").read_text(encoding="utf-8")
    return [part.strip() for part in text.split(f"\n{MARK}\n") if part.strip()]
