"""The command line itself: help, usage errors, exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main as cli
from engine.cli.main import COMMANDS, main
from engine.domain.errors import BadInput, ConfigError, DependencyAway
from tests.support.daemon import CIVAL, Daemon


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_help_names_every_command_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert "Usage: cival " + name in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nonsense"], ["orders", "--limit", "0"], ["halt"], ["order", "place", "buy"]])
def test_bad_usage_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cival: ")
    assert line.endswith(" --help)")


def test_a_command_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("order") == 2
    assert "Usage: cival order" in capsys.readouterr().err


def test_help_is_there_at_once() -> None:
    """It imports no command, and none of what commands need."""
    code = "import sys, engine.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "Run the engine" in done.stdout
    assert not loaded & {"asyncio", "structlog", "msgspec", "aiohttp", "asyncpg", "rich", "engine.cli.run"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("server.port", expected="int", was="x"), 2),
        (DependencyAway("engine", why="none runs"), 75),
        (BadInput("quantity", expected="a number", was="x"), 1),
    ],
)
def test_an_error_is_one_line_and_the_exit_code_of_its_class(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.cival, "main", fail)
    assert run("status") == code
    assert capsys.readouterr().err == f"cival: {error}\n"


@pytest.mark.parametrize("words", [("orders",), ("db", "url"), ("run", "--speed", "nan"), ("nonsense",), ("order",)])
def test_a_command_of_a_test_does_what_the_program_does(words: tuple[str, ...], tmp_path: Path) -> None:
    """The tests of this folder fork their commands from a process that has imported everything."""
    forked = Daemon(tmp_path).command(*words)
    command = [*CIVAL, *words, "--data-dir", str(tmp_path)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("CIVAL_", "DATABASE_URL"))}
    program = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
    assert (forked.returncode, forked.stdout, forked.stderr) == (program.returncode, program.stdout, program.stderr)
    assert forked.returncode != 0
    assert forked.stderr
