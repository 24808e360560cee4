"""One engine per data directory, and nothing of anybody else in it."""

import os
import signal
import stat
import subprocess
import sys
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from engine.domain.errors import ConfigError
from storage.datadir import DataDirectoryLocked, engine_pid, open_data_directory

HOLD = """
import sys, pathlib, uuid
from storage.datadir import open_data_directory
with open_data_directory(pathlib.Path(sys.argv[1]), make_node_id=lambda: uuid.UUID(int=7)):
    print("held", flush=True)
    sys.stdin.read()
"""


def node_ids() -> object:
    numbers = count(1)
    return lambda: UUID(int=next(numbers))


def test_a_new_directory_is_closed_to_others_and_keeps_its_node_id(tmp_path: Path) -> None:
    path = tmp_path / "state" / "cival"
    make_node_id = node_ids()
    with open_data_directory(path, make_node_id=make_node_id) as first:  # type: ignore[arg-type]
        node_id = first.node_id
    with open_data_directory(path, make_node_id=make_node_id) as second:  # type: ignore[arg-type]
        assert second.node_id == node_id == UUID(int=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.iterdir()} == {
        "engine.lock": 0o600,
        "version": 0o600,
        "node-id": 0o600,
    }


def test_a_second_engine_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    assert engine_pid(tmp_path) == holder.pid

    with pytest.raises(DataDirectoryLocked, match=f"locked by pid {holder.pid}") as refused:
        open_data_directory(tmp_path, make_node_id=lambda: UUID(int=8))
    assert (refused.value.pid, refused.value.exit_code) == (holder.pid, 2)

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    assert engine_pid(tmp_path) is None
    with open_data_directory(tmp_path, make_node_id=lambda: UUID(int=8)) as mine:
        assert mine.node_id == UUID(int=7)
        assert engine_pid(tmp_path) == os.getpid()


def test_a_directory_of_another_format_is_refused_and_let_go(tmp_path: Path) -> None:
    with open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1)):
        pass
    (tmp_path / "version").write_text("99\n")
    with pytest.raises(ConfigError, match=r"expected format 1 in .*version, was '99'"):
        open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1))
    assert engine_pid(tmp_path) is None


def test_a_folder_with_other_things_in_it_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"to be empty or a data directory of Cival, was 'with letters\.txt'"):
        open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1))
    assert [p.name for p in tmp_path.iterdir()] == ["letters.txt"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("leftover", ["engine.lock", "version.new"])
def test_a_start_that_was_killed_early_can_be_repeated(tmp_path: Path, leftover: str) -> None:
    (tmp_path / leftover).touch()
    with open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1)) as opened:
        assert opened.node_id == UUID(int=1)


def test_a_path_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="to be a folder for us, was 'Not a directory'"):
        open_data_directory(tmp_path / "file" / "cival", make_node_id=lambda: UUID(int=1))


def test_closing_twice_does_not_close_somebody_elses_file(tmp_path: Path) -> None:
    opened = open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1))
    opened.close()
    with (tmp_path / "other").open("w") as other:
        opened.close()
        other.write("still open")


def test_a_damaged_node_id_is_refused(tmp_path: Path) -> None:
    with open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1)):
        pass
    (tmp_path / "node-id").write_text("not one")
    with pytest.raises(ConfigError, match="expected a UUID"):
        open_data_directory(tmp_path, make_node_id=lambda: UUID(int=1))
