"""Rules for every test: which loops it runs on, that it leaves nothing behind, and where recorded data is.

The loops: tests of the runtime run on uvloop and on plain asyncio in debug mode; every other test runs on uvloop, or on
what `CIVAL_TEST_LOOP` names (`uvloop`, `asyncio`, `both`). `.ci/run` runs the suite once with each.
"""

import asyncio
import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pykka
import pytest
import uvloop

from engine.runtime.log import setup_logging

ROOT = Path(__file__).resolve().parent.parent
RECORDED_DATA_ABSENT = "recorded data is absent: CIVAL_FIXTURES names no folder"
"""The one reason for which a test may skip in CI."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
IN_CI = os.environ.get("CI") == "true"

pytest_plugins = ["tests.support.postgres"] if (ROOT / "tests/support/postgres.py").exists() else []

# Deadlines measure the machine, not the code, and so does `too_slow`: other work runs on the same two cores.
_ALWAYS: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [hypothesis.HealthCheck.too_slow],
}
hypothesis.settings.register_profile("quick", max_examples=25, **_ALWAYS)
hypothesis.settings.register_profile("ci", max_examples=50, derandomize=False, **_ALWAYS)
hypothesis.settings.register_profile("deep", max_examples=2_000, **_ALWAYS)
hypothesis.settings.load_profile(os.environ.get("CIVAL_HYPOTHESIS", "ci" if IN_CI else "quick"))

# Whoever starts us in the background may have us ignore SIGINT, and every process of a test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_loop_errors: list[dict[str, Any]] = []


class _DebugLoop(asyncio.SelectorEventLoop):
    """Plain asyncio in debug mode; pytest-asyncio would switch the mode off, since it is off by default."""

    def set_debug(self, enabled: bool) -> None:
        del enabled
        super().set_debug(True)


def _watched(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """Let `loop` report what nobody handled to the test instead of the log."""
    loop.set_exception_handler(lambda _loop, context: _loop_errors.append(context))
    return loop


def _uvloop() -> asyncio.AbstractEventLoop:
    return _watched(uvloop.new_event_loop())


def _asyncio() -> asyncio.AbstractEventLoop:
    return _watched(asyncio.SelectorEventLoop())


def _asyncio_debug() -> asyncio.AbstractEventLoop:
    return _watched(_DebugLoop())


LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]
_RUNTIME_LOOPS: LoopFactories = {"uvloop": _uvloop, "asyncio-debug": _asyncio_debug}
_LOOPS: Mapping[str, LoopFactories] = {
    "uvloop": {"uvloop": _uvloop},
    "asyncio": {"asyncio": _asyncio},
    "both": {"uvloop": _uvloop, "asyncio": _asyncio},
}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> LoopFactories:
    """Choose the loops of one asynchronous test."""
    if item.path.is_relative_to(ROOT / "tests/engine/runtime"):
        return _RUNTIME_LOOPS
    chosen = os.environ.get("CIVAL_TEST_LOOP", "uvloop")
    if chosen not in _LOOPS:
        message = f"CIVAL_TEST_LOOP is {chosen!r}, expected one of {', '.join(_LOOPS)}"
        raise pytest.UsageError(message)
    return _LOOPS[chosen]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use one process more than there are cores: many tests wait for another process or for a moment."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules with slow tests first, so that no process is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="module", autouse=True)
def _logs_as_usual() -> None:
    """Undo what a command that ran in this process has made of the log; the process is shared with other modules."""
    setup_logging()


@pytest.fixture(scope="module", autouse=True)
def _collects_little() -> None:
    """Take what lives already out of the collector's sight, so that collecting after a test costs a millisecond.

    Modules keep what they have read: the trees of all our sources alone make each collection take 0.6 seconds. Between
    two modules no test is under way, so nothing that a test is to be blamed for is put away.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def loop_errors() -> list[dict[str, Any]]:
    """Give the errors that the loop has reported; a test that provokes one looks at it and clears the list."""
    return _loop_errors


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose loop had an unhandled error, or that left an actor running.

    It is set up before the loop and so torn down after it: what the closing loop reports counts too.
    """
    _loop_errors.clear()
    before = set(pykka.ActorRegistry.get_all())
    yield
    if request.node.get_closest_marker("asyncio"):
        gc.collect()  # A task that nobody awaited reports its exception when it is collected.
    leaked = [ref for ref in pykka.ActorRegistry.get_all() if ref not in before]
    for ref in leaked:
        pykka.ActorRegistry.unregister(ref)
    errors = [repr(context.get("exception") or context["message"]) for context in _loop_errors]
    _loop_errors.clear()
    problems = [f"unhandled in the loop: {error}" for error in errors] + [f"left running: {ref}" for ref in leaked]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """Find the folder of recorded exchange data, or skip."""
    folder = Path(os.environ.get("CIVAL_FIXTURES") or ROOT.parent / "shared/fixtures")
    if not folder.is_dir():
        pytest.skip(RECORDED_DATA_ABSENT)
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Find the browser that the console is tested with; `./scripts/test` installs it where it may."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium on the path")
    return found


def _skip_reasons(terminalreporter: pytest.TerminalReporter) -> list[str]:
    reports = terminalreporter.stats.get("skipped", [])
    return [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests the missing recordings cost; `.ci/run` repeats this line at its end."""
    absent = sum(RECORDED_DATA_ABSENT in reason for reason in _skip_reasons(terminalreporter))
    terminalreporter.write_line(f"skipped for missing recorded data: {absent}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI in which a test skipped for any reason but missing recordings."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not IN_CI or reporter is None:
        return
    others = sorted({reason for reason in _skip_reasons(reporter) if RECORDED_DATA_ABSENT not in reason})
    if others and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line("\nin CI every part of a test must be there, but these skipped:", red=True)
        for reason in others:
            reporter.write_line(f"  {reason}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
