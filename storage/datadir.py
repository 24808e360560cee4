"""The data directory: closed to others, of a known format, and held by one engine at a time.

It holds `engine.lock` (the pid of its engine), `version` (of this layout), `node-id` (owner of the leases taken from
here, so that a restart takes over at once) and what other modules keep in it: `postgres/`, `postgres.log`.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from engine.domain.errors import ConfigError

FORMAT_VERSION: Final = 1
"""Raised when an older engine could not work with what a newer one has left."""

LOCK_FILE: Final = "engine.lock"
VERSION_FILE: Final = "version"
NODE_ID_FILE: Final = "node-id"
OUR_FILES: Final = frozenset({LOCK_FILE, VERSION_FILE, f"{VERSION_FILE}.new"})
"""What a start that was killed may have left before it wrote the version."""


class DataDirectoryLocked(ConfigError):
    """Another engine works in this directory; `pid` is its process, None if it could not be read."""

    def __init__(self, path: Path, pid: int | None) -> None:
        self.pid = pid
        super().__init__("data_dir", expected=f"no other engine in {path}", was=f"locked by pid {pid or 'unknown'}")


class DataDirectory:
    """An open data directory. The lock ends with `close`, or with the process, however it ends."""

    def __init__(self, path: Path, node_id: UUID, lock_descriptor: int) -> None:
        self.path = path
        self.node_id = node_id
        """Owner in `cell_leases`."""
        self._lock_descriptor = lock_descriptor

    def close(self) -> None:
        """Let another engine in. Harmless when repeated."""
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_data_directory(path: Path, *, make_node_id: Callable[[], UUID]) -> DataDirectory:
    """Make the directory if it is absent, check that it is ours, and lock it.

    Args:
        make_node_id: Called once in the life of the directory.

    Raises:
        DataDirectoryLocked: Another engine runs in it.
        ConfigError: It cannot be made or used, holds other things, or has another format.
    """
    path = path.expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_ours(path)
        descriptor = _lock(path)
    except OSError as error:
        # What is shown of a value is cut, so a path stands in what is expected.
        raise ConfigError("data_dir", expected=f"{path} to be a folder for us", was=error.strerror) from error
    try:
        _check_version(path)
        return DataDirectory(path, _node_id(path, make_node_id), descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def engine_pid(path: Path) -> int | None:
    """Return the pid of the engine that holds the directory, None if none does."""
    try:
        descriptor = os.open(path / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _require_ours(path: Path) -> None:
    """Refuse a folder that was not made for us: closing it to others could lock people out of their own files."""
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise ConfigError("data_dir", expected=f"{path} to be of uid {os.geteuid()}", was=f"of uid {found.st_uid}")
    names = {entry.name for entry in path.iterdir()}
    if not (path / VERSION_FILE).exists() and not names <= OUR_FILES:
        others = ", ".join(sorted(names - OUR_FILES)[:3])
        raise ConfigError("data_dir", expected=f"{path} to be empty or a data directory of Cival", was=f"with {others}")
    # 0710 stays: that is how a service account reaches its `postgres/` (storage.pg_account).
    if found.st_mode & 0o067:
        path.chmod(0o700)


def _lock(path: Path) -> int:
    descriptor = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _pid_in(descriptor)
        os.close(descriptor)
        raise DataDirectoryLocked(path, pid) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _pid_in(descriptor: int) -> int | None:
    with contextlib.suppress(ValueError):
        return int(os.pread(descriptor, 32, 0))
    return None  # Its owner has the lock and has not written yet.


def _check_version(path: Path) -> None:
    file = path / VERSION_FILE
    if not file.exists():
        _write_once(file, f"{FORMAT_VERSION}\n")
        return
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    if text != str(FORMAT_VERSION):
        raise ConfigError("data_dir", expected=f"format {FORMAT_VERSION} in {file}", was=text)


def _node_id(path: Path, make_node_id: Callable[[], UUID]) -> UUID:
    file = path / NODE_ID_FILE
    if not file.exists():
        _write_once(file, f"{make_node_id()}\n")
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    try:
        return UUID(text)
    except ValueError as error:
        raise ConfigError("data_dir", expected=f"a UUID in {file}", was=text) from error


def _write_once(file: Path, text: str) -> None:
    """Write so that a crash leaves the whole text or no file."""
    scratch = file.with_name(f"{file.name}.new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    scratch.replace(file)
