"""What the tidy test reads: the repository's files, and what their code calls."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engine", "actors", "connectors", "storage", "config", "scripts")

_NOT_OURS = {".git", ".venv", "__pycache__", "build", "dist", "node_modules", "vendor"}
_TOOL_CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache", ".egg-info")

WALL_MODULES = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep", "localtime"},
    "uuid": {"uuid1", "uuid4", "uuid6", "uuid7"},
    "os": {"urandom", "getrandom"},
    "secrets": {"token_bytes", "token_hex", "token_urlsafe", "randbelow", "choice"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "random": {
        "Random",
        "SystemRandom",
        "random",
        "randint",
        "choice",
        "shuffle",
        "uniform",
        "seed",
        "sample",
        "gauss",
    },
}
"""Functions that read the machine's clock or chance, by the name they are called on."""

WALL_METHODS = {"create_task", "ensure_future", "call_later", "utcnow", "run_coroutine_threadsafe"}
"""Methods that start a bare task or timer, or read the clock, on whatever object they are called."""

WALL_NAMES = {"Random", "SystemRandom", "create_task", "ensure_future", "urandom", "uuid4", "uuid1"}
"""Functions that do so under their own name, imported by `from`."""


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root, its text and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path as it is written everywhere: with slashes, from the root."""
        return self.path.as_posix()


def _is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return not any(part in _NOT_OURS or part.endswith(_TOOL_CACHES) for part in parts)


@cache
def text_files() -> dict[str, str]:
    """Read every text file of the repository, by its path from the root."""
    found = {}
    for path in sorted(ROOT.rglob("*")):
        if not path.is_file() or not _is_ours(path) or path.suffix in {".lock", ".log"}:
            continue
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text()
        except UnicodeDecodeError:
            continue
    return found


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Parse every Python file under `folders` (from the root)."""
    return tuple(
        Source(Path(name), text, ast.parse(text, name))
        for name, text in text_files().items()
        if name.endswith(".py") and name.split("/")[0] in folders
    )


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function and method of a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_modules(source: Source) -> Iterator[tuple[int, str]]:
    """Give every module that a file imports, with the line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "."


def calls_through_the_wall(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give every call that reads clock or chance, or starts a task, past what the constructor was given.

    Ruff's banned-api sees functions by their import path; this sees methods (`loop.create_task`, `datetime.now`).
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in WALL_NAMES:
            yield node.lineno, called.id
        elif isinstance(called, ast.Attribute):
            owner = called.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if called.attr in WALL_METHODS or called.attr in WALL_MODULES.get(name, ()):
                yield node.lineno, f"{name}.{called.attr}"
            elif called.attr == "time" and name.endswith("loop"):
                yield node.lineno, f"{name}.time"
