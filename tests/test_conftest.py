"""The rules of `conftest.py`, each on a small suite of its own in a process of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source import ROOT

PLUGINS = ("-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout")
HEAD = "import asyncio\n\nimport pykka\nimport pytest\n\n"


def run_suite(folder: Path, body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `body` as the one test file of a project with our conftest and settings."""
    (folder / "tests/engine/runtime").mkdir(parents=True)
    (folder / "tests/__init__.py").touch()
    shutil.copy(ROOT / "tests/conftest.py", folder / "tests/conftest.py")
    shutil.copy(ROOT / "pyproject.toml", folder / "pyproject.toml")
    for place in ("tests/test_small.py", "tests/engine/runtime/test_small.py"):
        (folder / place).write_text(HEAD + body)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CIVAL_", "CI", "PYTEST_"))}
    # Only the plugins that the rules are about: importing the others takes a third of the time.
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-v", *PLUGINS]
    return subprocess.run(command, cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False)


def test_the_runtime_runs_on_both_loops_and_the_rest_on_uvloop(tmp_path: Path) -> None:
    body = """
@pytest.mark.asyncio
async def test_loop():
    loop = asyncio.get_running_loop()
    print("on asyncio" if isinstance(loop, asyncio.SelectorEventLoop) else "on uvloop", loop.get_debug())
    assert False
"""
    output = run_suite(tmp_path, body).stdout
    assert output.count("on uvloop False") == 2
    assert output.count("on asyncio True") == 1
    assert "3 failed" in output


@pytest.mark.parametrize(("chosen", "passed"), [("uvloop", 3), ("asyncio", 3), ("both", 4)])
def test_the_loop_can_be_chosen(tmp_path: Path, chosen: str, passed: int) -> None:
    body = "@pytest.mark.asyncio\nasync def test_nothing():\n    await asyncio.sleep(0)\n"
    assert f"{passed} passed" in run_suite(tmp_path, body, CIVAL_TEST_LOOP=chosen).stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            """
@pytest.mark.asyncio
async def test_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
""",
            "unhandled in the loop: ZeroDivisionError('division by zero')",
        ),
        (
            """
async def fail():
    raise ValueError("nobody looks")

@pytest.mark.asyncio
async def test_task():
    asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
""",
            "unhandled in the loop: ValueError('nobody looks')",
        ),
        (
            """
class Left(pykka.ThreadingActor):
    pass

def test_actor():
    pykka.ActorRegistry.register(Left().actor_ref)
""",
            "left running: Left",
        ),
        (
            "import warnings\n\ndef test_warning():\n    warnings.warn('old')\n",
            "UserWarning: old",
        ),
    ],
    ids=["callback", "task", "actor", "warning"],
)
def test_what_is_left_behind_fails_the_test(tmp_path: Path, body: str, said: str) -> None:
    result = run_suite(tmp_path, body)
    assert result.returncode == 1
    assert said in result.stdout


def test_an_error_provoked_on_purpose_can_be_taken(tmp_path: Path) -> None:
    body = """
@pytest.mark.asyncio
async def test_callback(loop_errors):
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    assert isinstance(loop_errors.pop()["exception"], ZeroDivisionError)
"""
    assert run_suite(tmp_path, body).returncode == 0


def test_missing_recordings_skip_and_are_counted(tmp_path: Path) -> None:
    body = "def test_data(fixtures_dir):\n    assert fixtures_dir\n"
    result = run_suite(tmp_path, body, CI="true", CIVAL_FIXTURES=str(tmp_path / "nowhere"))
    assert result.returncode == 0
    assert "skipped for missing recorded data: 2\n" in result.stdout


def test_recordings_are_found_where_the_variable_says(tmp_path: Path) -> None:
    body = "def test_data(fixtures_dir):\n    assert fixtures_dir.is_dir()\n"
    result = run_suite(tmp_path, body, CIVAL_FIXTURES=str(tmp_path))
    assert "2 passed" in result.stdout


@pytest.mark.parametrize(("in_ci", "code"), [("true", 1), ("", 0)])
def test_any_other_skip_fails_in_ci_only(tmp_path: Path, in_ci: str, code: int) -> None:
    body = "def test_part():\n    pytest.skip('no such part')\n"
    assert run_suite(tmp_path, body, CI=in_ci).returncode == code
