"""Reads `postmaster.pid`, and tells a running server from a dead, reused or zombie pid.

Linux answers through /proc. Elsewhere only `kill(pid, 0)` is asked, and PostgreSQL's own check has the last word.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

PID_FILE = "postmaster.pid"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class PidFile:
    """What the postmaster wrote down."""

    pid: int
    socket_directory: str | None
    """None while it is being written."""
    is_ready: bool


def read_pid_file(pgdata: Path) -> PidFile | None:
    """Return the contents, or None if there is no file or no number in it yet."""
    try:
        lines = (pgdata / PID_FILE).read_text().splitlines()
        pid = abs(int(lines[0]))  # Standalone backends write a negative number.
    except (FileNotFoundError, IndexError, ValueError):
        return None
    socket_directory = lines[4].strip() if len(lines) > 4 and lines[4].strip() else None
    return PidFile(pid, socket_directory, is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def reap(pid: int) -> None:
    """Collect a dead child.

    Until then it stays a zombie, which PostgreSQL's lock-file check takes for a living server, for ever.
    """
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def is_running_child(pid: int) -> bool:
    """Whether our child runs; collects it if it has ended."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False  # Somebody else has collected it.


def is_ending_child(pid: int) -> bool:
    """Whether our child is on its way out and cannot be collected yet; collects it if it can be.

    A process that lives has a working directory; another child of ours may have got the number of a dead one.
    """
    return _PROC.is_dir() and is_running_child(pid) and not (_PROC / str(pid) / "cwd").exists()


def is_alive(pid: int) -> bool:
    """Whether a process of this pid exists that is not a zombie."""
    reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It exists and is somebody else's.
    return _state_of(pid) not in {"Z", "X"}


def is_postmaster(pid: int, pgdata: Path) -> bool:
    """Whether the process works in this data directory, and so did not merely get a reused pid."""
    if not is_alive(pid):
        return False
    if not _PROC.is_dir():
        return True
    return _works_in(_PROC / str(pid), pgdata)


def workers_in(pgdata: Path) -> list[int]:
    """Return the pids of all processes whose working directory is the data directory.

    After a kill -9 of the postmaster its children live on for a moment, and must be gone before another may start.
    """
    if not _PROC.is_dir():
        return []
    entries = [entry for entry in _PROC.iterdir() if entry.name.isdigit()]
    return [int(entry.name) for entry in entries if _works_in(entry, pgdata)]


def _works_in(process: Path, pgdata: Path) -> bool:
    try:
        return (process / "cwd").samefile(pgdata)
    except OSError:
        return False  # Gone, a zombie, or another user's, who cannot be in our 0700 folder.


def _state_of(pid: int) -> str:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return "?"
    return stat.rpartition(")")[2].split()[0]  # The name before it may hold spaces and brackets.
