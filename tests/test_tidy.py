"""The habits of the repository that no linter knows: shapes, sizes, the wall around clock and chance, the locks.

Each test collects everything that breaks its rule, as `file:line what`, so that one run shows all of it.
"""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.source import (
    PACKAGES,
    ROOT,
    calls_through_the_wall,
    functions,
    imported_modules,
    sources,
    text_files,
)

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

WITHOUT_A_TEST_FILE = {
    "engine/__main__.py": "one call; tests/engine/cli runs the console script, which is the same",
    "engine/bootstrap/parts.py": "declares an actor that is put together; test_venues and test_sources look into it",
    "engine/bootstrap/cell_loads.py": "hands rows on as they are; test_cell_wiring starts cells with them",
    "engine/bootstrap/findings.py": "declares an answer; test_checks and test_venue_checks read them",
    "actors/api/cells.py": "declares a port; tests/actors/api calls its implementation",
    "connectors/bridge/departure.py": "declares a port; tests/connectors/live sends through it",
    "connectors/bridge/plan.py": "declares what a stream is for; tests/connectors/bridge/test_stream.py runs plans",
    "connectors/live/messages.py": "declares what an actor tells itself; test_connector.py has it do so",
    "connectors/live/adapter.py": "declares what differs between venues; tests/connectors/live runs each",
    "actors/api/ports.py": "declares what the API is made of; every test of tests/actors/api makes one",
    "engine/simulation/ports.py": "declares who judges and who trades; every run of tests/engine/simulation has both",
}
"""Source files that need no test file of their own, each with the reason."""

BEHIND_THE_WALL = {
    "engine/runtime/": "where clock, chance and tasks come from",
    "engine/simulation/loop.py": "it is the loop: it makes the tasks of virtual time",
    "actors/api/auth": "tokens and passwords need the system's own randomness",
}
"""Paths that may read the machine's clock and chance, each with the reason."""


def assert_none(problems: Iterable[str], advice: str = "") -> None:
    """Fail with every problem on a line of its own; pytest would cut a long list."""
    lines = sorted(problems)
    assert not lines, "\n".join([advice, *lines])


def test_a_package_init_holds_a_docstring_and_nothing_else() -> None:
    inits = [source for source in sources(*PACKAGES, "tests") if source.path.name == "__init__.py"]
    problems = [source.name for source in inits if len(source.tree.body) != 1 or ast.get_docstring(source.tree) is None]
    assert inits
    assert_none(problems)


def test_every_source_folder_is_a_package() -> None:
    folders = {source.path.parent for source in sources(*PACKAGES)}
    loaded_by_path = {Path("storage/migrations"), Path("storage/migrations/versions")}
    assert_none(str(folder) for folder in folders - loaded_by_path if not (ROOT / folder / "__init__.py").exists())


def test_every_module_says_what_it_is_for() -> None:
    assert_none(source.name for source in sources(*PACKAGES) if ast.get_docstring(source.tree) is None)


def test_no_file_is_too_long() -> None:
    lengths = {source.name: len(source.text.splitlines()) for source in sources(*PACKAGES, "tests")}
    assert_none(f"{name} has {lines} lines" for name, lines in lengths.items() if lines > FILE_LINES_MAX)


def test_no_function_is_too_long() -> None:
    problems = []
    for source in sources(*PACKAGES, "tests"):
        for function in functions(source):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                problems.append(f"{source.name}:{function.lineno} {function.name} has {lines} lines")
    assert_none(problems)


def has_a_test_file(name: str) -> bool:
    path = Path(name)
    folder = ROOT / "tests" / path.parent
    return any(folder.glob(f"test_{path.stem}.py")) or any(folder.glob(f"test_{path.stem}_*.py"))


def test_every_source_file_has_its_test_file() -> None:
    names = {source.name for source in sources(*PACKAGES) if source.path.name != "__init__.py"}
    untested = {name for name in names if not name.startswith("storage/migrations/") and not has_a_test_file(name)}
    assert_none(untested - WITHOUT_A_TEST_FILE.keys())
    assert_none(WITHOUT_A_TEST_FILE.keys() - untested, "these have a test file, or are gone: take them off the list")


def test_every_message_is_registered_once() -> None:
    registry = importlib.import_module("engine.messages.registry")
    base = importlib.import_module("engine.messages.base")
    said: set[str] = set()
    for source in sources("engine"):
        if source.path.parent != Path("engine/messages") or source.path.stem in {"__init__", "base"}:
            continue
        module = importlib.import_module(f"engine.messages.{source.path.stem}")
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__
            # A class that others derive from is a shape, not a message.
            if own and issubclass(value, base.Message) and not value.__subclasses__():
                said.add(name)
    registered = [kind.__name__ for kind in registry.MESSAGES]
    assert said
    assert_none(said ^ set(registered))
    assert len(set(registered)) == len(registered)


def test_only_the_runtime_reads_clock_and_chance_or_starts_tasks() -> None:
    problems = [
        f"{source.name}:{line} {call}"
        for source in sources(*PACKAGES)
        if not source.name.startswith(tuple(BEHIND_THE_WALL))
        for line, call in calls_through_the_wall(source.tree)
    ]
    assert_none(problems)


@pytest.mark.parametrize(
    "code",
    [
        "loop.create_task(work())",
        "asyncio.get_running_loop().create_task(work())",
        "group.create_task(work())",
        "self._loop.time()",
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "time.time_ns()",
        "random.Random()",
        "Random(1)",
        "uuid.uuid4()",
        "loop.call_later(1, work)",
    ],
)
def test_the_wall_sees(code: str) -> None:
    assert list(calls_through_the_wall(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["clock.now_ns()", "self.spawn(work())", "rng.random()", "ids.uuid()", "clock.call_at(1, work)", "x.time()"]
)
def test_the_wall_lets_through(code: str) -> None:
    assert not list(calls_through_the_wall(ast.parse(code)))


def test_the_domain_imports_the_standard_library_and_msgspec_only() -> None:
    problems = [
        f"{source.name}:{line} {module}"
        for source in sources("engine")
        if source.name.startswith("engine/domain/")
        for line, module in imported_modules(source)
        if module.split(".")[0] not in sys.stdlib_module_names | {"msgspec"} and not module.startswith("engine.domain")
    ]
    assert_none(problems)


# Put together from parts, so that this file does not break its own rule.
MACHINE = re.compile(
    "|".join(
        [
            r"(?<![\w.])/" + r"work/",
            r"(?<![\w.])/" + r"tmp/\w",
            r"(?<![\w.])/" + r"root/",
            r"(?<![\w.])/" + r"opt/(wheels|pypi)",
            r"pypi" + r"\.org",
            r"pythonhosted" + r"\.org",
            r"registry\.npm" + r"js",
            r"deb\.deb" + r"ian\.org",
            r"proxy\.gol" + r"ang\.org",
        ]
    )
)


def test_no_file_names_a_machine_or_a_package_index() -> None:
    problems = [
        f"{name}:{number} {found.group()}"
        for name, text in text_files().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := MACHINE.search(line))
    ]
    assert_none(problems)


def test_no_file_has_conflict_marks_or_ends_without_a_newline() -> None:
    marks = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)
    # Test data keeps the bytes that a venue would send.
    written = {name: text for name, text in text_files().items() if not name.startswith("tests/data/")}
    assert_none(name for name, text in written.items() if marks.search(text) or (text and text[-1] != "\n"))


PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?: ; (?P<marker>[^\\]+?))? \\$", re.MULTILINE)


def pins(lock: str) -> dict[str, set[Version]]:
    """Read the versions that a lock pins, by name; one name has several where Python versions differ."""
    found: dict[str, set[Version]] = {}
    for match in PINNED.finditer((ROOT / lock).read_text()):
        found.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return found


def declared() -> tuple[list[Requirement], list[Requirement]]:
    """Read what pyproject.toml asks for: to run, and for development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [Requirement(text) for text in project["dependencies"]], [Requirement(text) for text in extras["dev"]]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_host_and_pins_every_line_with_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert "://" not in text
    assert len(entries) == len(PINNED.findall(text))
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if block)


def test_the_locks_pin_what_the_project_asks_for() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    to_run, to_develop = declared()
    build = [Requirement("hatchling"), Requirement("editables")]
    problems = [
        f"{requirement} in {name}"
        for name, lock, requirements in [
            ("requirements.lock", run, to_run + build),
            ("requirements-dev.lock", dev, to_run + build + to_develop),
        ]
        for requirement in requirements
        if not any(version in requirement.specifier for version in lock.get(canonicalize_name(requirement.name), ()))
    ]
    assert_none(problems, "run scripts/lock")


def test_the_test_tools_change_no_version_of_what_runs() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert not {name: versions for name, versions in run.items() if dev.get(name) != versions}
