"""Starts, finds again and stops the PostgreSQL server that lives in the data directory.

It listens on a Unix socket in a folder of ours, never on TCP, and lets in only the user who started it (peer
authentication): no password exists. It runs in its own session, so that Ctrl-C reaches the engine first, which stops it
after its last commit. After a kill -9 of the engine the server lives on and the next start finds it.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import asyncpg

from engine.domain.errors import ConfigError, DependencyAway
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from storage import pool
from storage.pg_account import account_identity, reachable_binaries
from storage.pg_binaries import find_binaries
from storage.pg_cluster import PGDATA, UPGRADED, major_of, make_cluster, server_command, write_access_rules
from storage.pg_identity import ServerIdentity, namespace_identity, own_identity, owner_of, server_environment
from storage.pg_process import (
    PID_FILE,
    is_ending_child,
    is_postmaster,
    is_running_child,
    read_pid_file,
    reap,
    workers_in,
)
from storage.roles import DatabaseRole, Endpoints, embedded_endpoints

DATABASE: Final = "cival"
DIES_WITH_PARENT_VARIABLE: Final = "CIVAL_PG_DIES_WITH_PARENT"
"""`1` for daemons that a test starts as processes: the same as `dies_with_parent`."""
LOG_FILE: Final = "postgres.log"
LOG_BYTES_MAX: Final = 8 * 1024 * 1024
SOCKET_PATH_BYTES_MAX: Final = 107
"""`sun_path` of a Unix socket, without its closing zero."""
START_TIMEOUT_NS: Final = 120_000_000_000
"""Crash recovery of a large write-ahead log takes its time."""
STOP_TIMEOUT_NS: Final = 30_000_000_000
_POLL_NS: Final = 5_000_000
_log = get_logger("storage.embedded")


class EmbeddedPostgres:
    """A running server. Whoever owns the data directory stops it, whether it was started or found."""

    def __init__(self, pgdata: Path, socket_directory: Path, pid: int, *, clock: Clock, is_child: bool = False) -> None:
        self.pgdata = pgdata
        self.socket_directory = socket_directory
        self.pid = pid
        self.was_running = not is_child
        """True if it was found, not started."""
        self._is_child = is_child
        self._has_ended = False
        self._clock = clock

    def endpoints(self, database: str = DATABASE) -> Endpoints:
        """Return where each role logs in."""
        return embedded_endpoints(str(self.socket_directory), database)

    def is_running(self) -> bool:
        """Whether the postmaster lives. Collects it if it has died as our child; afterwards its pid may be reused."""
        if not self._has_ended:
            alive = is_running_child(self.pid) if self._is_child else is_postmaster(self.pid, self.pgdata)
            self._has_ended = not alive
        return not self._has_ended

    async def stop(self, timeout_ns: int = STOP_TIMEOUT_NS) -> None:
        """Shut down: end sessions, write a checkpoint. Past the timeout without one; nothing is lost either way."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            if not self.is_running():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline_ns = self._clock.monotonic_ns() + timeout_ns
            while self.is_running() and self._clock.monotonic_ns() < deadline_ns:
                await self._clock.sleep(_POLL_NS)
        if self.is_running():
            why = f"pid {self.pid} does not end; see {self.pgdata.parent / LOG_FILE}"
            raise DependencyAway("embedded PostgreSQL", why=why)
        with contextlib.suppress(OSError):
            self.socket_directory.rmdir()  # Only if it is empty.


async def start(
    data_dir: Path,
    *,
    clock: Clock,
    environ: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
    dies_with_parent: bool = False,
) -> EmbeddedPostgres:
    """Return the server of this data directory, found or started, with database `cival` in it.

    Args:
        data_dir: The engine's data directory; it exists and is ours.
        settings: Server settings above our own.
        dies_with_parent: Tests: the kernel interrupts the server when the calling thread ends, however it ends.

    Raises:
        ConfigError: No programs, a data directory of another version, a folder that the server cannot use.
        DependencyAway: It does not come up; the message ends with its last words.
    """
    data_dir = _resolved(data_dir)
    pgdata = data_dir / PGDATA
    async with _only_starter(data_dir, clock):
        found = await _find(data_dir, pgdata, clock)
        if found is not None:
            _log.info("postgres_found", pid=found.pid, socket_directory=str(found.socket_directory))
            return found
        binaries = find_binaries(environ, major=major_of(pgdata))
        identity = identity_for(data_dir, environ)
        if identity.way == "account":
            binaries = await asyncio.to_thread(reachable_binaries, binaries, identity)
        sockets = make_socket_directory(data_dir, environ, identity)
        env = server_environment(environ)
        is_new = not pgdata.exists()
        if is_new:
            await asyncio.to_thread(make_cluster, pgdata, binaries, identity, env)
        write_access_rules(pgdata, identity)
        dies = dies_with_parent or environ.get(DIES_WITH_PARENT_VARIABLE) == "1"
        command = server_command(pgdata, sockets, binaries, identity, settings or {}, dies)
        pid = _spawn(command, data_dir / LOG_FILE, env)
        server = EmbeddedPostgres(pgdata, sockets, pid, clock=clock, is_child=True)
        try:
            await _until_ready(server, clock)
            await _ensure_database(server)
        except BaseException:
            # Whoever gave up waiting, such as an engine told to stop while it starts, knows of no server to stop.
            await server.stop()
            raise
        _log.info("postgres_started", pid=pid, version=binaries.version, way=identity.way, is_new=is_new)
        return server


async def attach(data_dir: Path, *, clock: Clock) -> EmbeddedPostgres | None:
    """Return the server of this data directory if one is running, else None. Starts and changes nothing."""
    data_dir = _resolved(data_dir)
    return await _running(data_dir / PGDATA, clock)


def _resolved(path: Path) -> Path:
    return path.resolve()


@contextlib.asynccontextmanager
async def _only_starter(data_dir: Path, clock: Clock) -> AsyncIterator[None]:
    """Let one process at a time look and start, so that the others find what it started."""
    descriptor = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline_ns = clock.monotonic_ns() + START_TIMEOUT_NS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic_ns() > deadline_ns:
                    raise DependencyAway(
                        "embedded PostgreSQL", why="another process is starting it for too long"
                    ) from None
                await clock.sleep(_POLL_NS)
        yield
    finally:
        os.close(descriptor)


async def _find(data_dir: Path, pgdata: Path, clock: Clock) -> EmbeddedPostgres | None:
    """Return a running server; otherwise clear away what a dead one has left."""
    running = await _running(pgdata, clock)
    if running is not None:
        return running
    _clear_leftovers(data_dir)
    if not (pgdata / PID_FILE).exists():
        return None
    dead = read_pid_file(pgdata)
    # Removing the file under a living backend would let two servers write the same files.
    deadline_ns = clock.monotonic_ns() + STOP_TIMEOUT_NS
    # Nor may the dead postmaster be a zombie of ours: the next one takes it for a living server.
    while (workers := workers_in(pgdata)) or (dead is not None and is_ending_child(dead.pid)):
        for pid in workers:
            reap(pid)
        if clock.monotonic_ns() > deadline_ns:
            raise DependencyAway("embedded PostgreSQL", why=f"processes {workers} of a dead server still use {pgdata}")
        await clock.sleep(_POLL_NS)
    (pgdata / PID_FILE).unlink(missing_ok=True)
    return None


def _clear_leftovers(data_dir: Path) -> None:
    """Take back an initdb that was killed; finish an upgrade that was killed between its two renames."""
    shutil.rmtree(data_dir / f"{PGDATA}.new", ignore_errors=True)
    if not (data_dir / PGDATA).exists() and (data_dir / UPGRADED).exists():
        (data_dir / UPGRADED).rename(data_dir / PGDATA)


async def _running(pgdata: Path, clock: Clock) -> EmbeddedPostgres | None:
    """Return the living server of `pgdata` once it answers, None if there is none or it ends meanwhile."""
    deadline_ns = clock.monotonic_ns() + START_TIMEOUT_NS
    while (noted := read_pid_file(pgdata)) is not None and is_postmaster(noted.pid, pgdata):
        if noted.is_ready and noted.socket_directory is not None:
            server = EmbeddedPostgres(pgdata, Path(noted.socket_directory), noted.pid, clock=clock)
            if await _answers(server):
                return server
        if clock.monotonic_ns() > deadline_ns:
            raise DependencyAway("embedded PostgreSQL", why=f"pid {noted.pid} runs and does not answer")
        await clock.sleep(_POLL_NS)
    return None


def identity_for(data_dir: Path, environ: Mapping[str, str]) -> ServerIdentity:
    """Return who runs the server: as an existing cluster's owner shows, else the first way that works here."""
    owner_uid = owner_of(data_dir / PGDATA)
    if owner_uid in {None, os.geteuid()}:
        identity = own_identity() or namespace_identity()
        if identity is not None:
            return identity
        if owner_uid is not None:
            raise ConfigError("data_dir", expected="user namespaces, with which this cluster was made", was="refused")
    return account_identity(data_dir, environ, owner_uid=owner_uid)


def make_socket_directory(data_dir: Path, environ: Mapping[str, str], identity: ServerIdentity) -> Path:
    """Make the folder of the socket: short, since a socket's path is, and closed to others."""
    runtime = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0] or environ.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108 - checked below
    directory = Path(runtime) / f"cival-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    if len(os.fsencode(directory / ".s.PGSQL.5432")) > SOCKET_PATH_BYTES_MAX:
        raise ConfigError("XDG_RUNTIME_DIR", expected="a shorter path: a socket's holds 107 bytes", was=runtime)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if identity.owner_uid != os.geteuid():
            os.chown(directory, identity.owner_uid, identity.owner_gid)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != identity.owner_uid or stat.S_IMODE(found.st_mode) != 0o700:
        # In /tmp anybody could have made it first, and would then receive our connections.
        raise ConfigError(
            str(directory), expected=f"a folder of uid {identity.owner_uid}, mode 0700", was=oct(found.st_mode)
        )
    return directory


def _spawn(command: list[str], log_file: Path, env: Mapping[str, str]) -> int:
    """Start the server in a session of its own and return its pid.

    Not `Popen`: it complains when it is forgotten while the process lives, which is what a server is meant to do.
    """
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES_MAX:
        log_file.replace(log_file.with_suffix(".log.1"))
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log_file), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], command, env, file_actions=actions, setsid=True)


async def _until_ready(server: EmbeddedPostgres, clock: Clock) -> None:
    deadline_ns = clock.monotonic_ns() + START_TIMEOUT_NS
    while True:
        if not server.is_running():
            raise DependencyAway("embedded PostgreSQL", why=_last_words(server.pgdata.parent / LOG_FILE))
        noted = read_pid_file(server.pgdata)
        if noted is not None and noted.pid == server.pid and noted.is_ready and await _answers(server):
            return
        if clock.monotonic_ns() > deadline_ns:
            raise DependencyAway("embedded PostgreSQL", why="did not become ready in time")
        await clock.sleep(_POLL_NS)


async def _answers(server: EmbeddedPostgres) -> bool:
    """Whether a connection gets through, to the server of this very data directory."""
    try:
        connection = await pool.connect(server.endpoints("postgres"), DatabaseRole.ADMIN)
        try:
            answer: str = await connection.fetchval("show data_directory")
        finally:
            await connection.close()
    except (DependencyAway, *pool.AWAY):
        return False  # It may die between the two.
    return _resolved(Path(answer)) == server.pgdata


async def _ensure_database(server: EmbeddedPostgres) -> None:
    connection = await pool.connect(server.endpoints("postgres"), DatabaseRole.ADMIN)
    try:
        if not await connection.fetchval("select exists (select from pg_database where datname = $1)", DATABASE):
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f'create database "{DATABASE}"')
    finally:
        await connection.close()


def _last_words(log_file: Path) -> str:
    try:
        lines = log_file.read_text(errors="replace").splitlines()
    except OSError:
        return "it ended without a word"
    telling = [line for line in lines[-40:] if "FATAL" in line or "error" in line.lower()]
    return f"{(telling or lines or ['it ended without a word'])[-1].strip()} (see {log_file})"
