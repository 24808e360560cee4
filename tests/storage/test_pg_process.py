"""A pid file is read whatever state it is in, and a pid alone proves nothing."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.pg_process import (
    PidFile,
    is_alive,
    is_ending_child,
    is_postmaster,
    is_running_child,
    read_pid_file,
    reap,
    workers_in,
)

FULL = "4711\n/data\n1700000000\n5432\n/run/cival-1\n\n  1234   5\nready   \n"


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (FULL, PidFile(4711, "/run/cival-1", is_ready=True)),
        (FULL.replace("ready   ", "starting"), PidFile(4711, "/run/cival-1", is_ready=False)),
        ("4711\n/data\n1700000000\n5432\n", PidFile(4711, None, is_ready=False)),
        ("-4711\n/data\n", PidFile(4711, None, is_ready=False)),
        ("4711", PidFile(4711, None, is_ready=False)),
        ("", None),
        ("\n", None),
        ("nonsense", None),
    ],
)
def test_a_pid_file_is_read_as_far_as_it_is_written(tmp_path: Path, text: str, read: PidFile | None) -> None:
    (tmp_path / "postmaster.pid").write_text(text)
    assert read_pid_file(tmp_path) == read


def test_no_file_is_no_server(tmp_path: Path) -> None:
    assert read_pid_file(tmp_path) is None


def test_a_process_counts_only_in_the_folder_that_it_works_in(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert is_postmaster(sleeper.pid, tmp_path)
    assert not is_postmaster(sleeper.pid, other)
    assert workers_in(tmp_path) == [sleeper.pid]
    assert workers_in(other) == []
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert is_postmaster(sleeper.pid, link)


def test_a_dead_child_is_collected_and_not_alive() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # It is a zombie now, and stays one.
    os.kill(process.pid, 0)
    assert not is_alive(process.pid)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert not is_running_child(process.pid)
    process.wait()


def test_only_a_dead_child_is_ending(sleeper: "subprocess.Popen[bytes]") -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_ending_child(process.pid), "it could be collected, so it is gone"
    assert not is_running_child(process.pid)
    assert not is_ending_child(sleeper.pid), "it lives and works in a folder"
    assert not is_ending_child(1), "it is nobody's of ours"
    process.wait()


def test_processes_of_others_are_alive_and_not_our_children(sleeper: "subprocess.Popen[bytes]") -> None:
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_running_child(1)
    assert is_running_child(sleeper.pid)
    reap(1)
    assert not is_alive(2**22 - 1)
