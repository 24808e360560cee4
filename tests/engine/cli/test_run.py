"""Flags of `cival run`; what it does is proven in tests/process."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.bootstrap import daemon
from engine.cli.run import run


def record_calls(monkeypatch: pytest.MonkeyPatch, answer: int) -> list[Any]:
    """Put something in the daemon's place that remembers how it was called."""
    seen: list[Any] = []

    def run_daemon(*given: Any) -> int:
        seen.append(given)
        return answer

    monkeypatch.setattr(daemon, "run_daemon", run_daemon)
    return seen


def test_flags_become_settings_and_paths_are_the_callers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = record_calls(monkeypatch, answer=7)
    monkeypatch.chdir(tmp_path)
    words = ["--config", "c", "--data-dir", "d", "--host", "::1", "--port", "0", "--replay", "frames", "--speed", "max"]
    result = CliRunner().invoke(run, words, standalone_mode=False)
    assert result.return_value == 7
    assert seen == [
        (
            Path("c"),
            Path("d"),
            {
                ("server", "host"): ("--host", "::1"),
                ("server", "port"): ("--port", 0),
                ("market", "source"): ("--replay", "replay"),
                ("market", "path"): ("--replay", str(tmp_path / "frames")),
                ("market", "speed"): ("--speed", "max"),
            },
        )
    ]


def test_without_flags_the_file_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = record_calls(monkeypatch, answer=0)
    CliRunner().invoke(run, [], standalone_mode=False)
    assert seen == [(None, None, {})]
