"""The embedded server starts, is found again, survives kill -9 of itself and of its engine, and lets in nobody else."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.domain.errors import ConfigError, DependencyAway
from engine.runtime.clock import WallClock
from storage import embedded, pool
from storage.embedded import EmbeddedPostgres
from storage.pg_account import reachable_binaries
from storage.pg_binaries import find_binaries
from storage.pg_identity import ServerIdentity
from storage.pg_process import is_alive, read_pid_file
from storage.roles import DatabaseRole
from tests.support.engine_process import first_line, start_engine
from tests.support.postgres import SETTINGS, PostgresServer, start_server
from tests.support.root import for_root

CLOCK = WallClock()
MAJOR = find_binaries(os.environ).major


@pytest.fixture
def data_dir(tmp_path: Path, pg_server: PostgresServer) -> Path:
    """Give a data directory with a migrated cluster in it, not started."""
    pg_server.copy_to(tmp_path)
    return tmp_path


@pytest_asyncio.fixture
async def server(data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    started = await start_server(data_dir)
    yield started
    for pid in {started.pid, *current_pid(data_dir)}:
        if is_alive(pid):
            os.kill(pid, signal.SIGQUIT)
            await until_dead(pid)


def current_pid(data_dir: Path) -> list[int]:
    noted = read_pid_file(data_dir / "postgres")
    return [] if noted is None else [noted.pid]


async def until_dead(pid: int) -> None:
    for _ in range(2_000):
        if not is_alive(pid):
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"pid {pid} is still alive")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def write_row(server: EmbeddedPostgres, key: str) -> None:
    connection = await pool.connect(server.endpoints(), DatabaseRole.DAEMON)
    await connection.execute(
        "insert into audit_log (user_id, action, outcome) values ('00000000-0000-0000-0000-000000000000', $1, 'done')",
        key,
    )
    await connection.close()


async def rows(server: EmbeddedPostgres) -> list[str]:
    connection = await pool.connect(server.endpoints(), DatabaseRole.DAEMON)
    found = [row["action"] for row in await connection.fetch("select action from audit_log order by created_at")]
    await connection.close()
    return found


@pytest.mark.asyncio
async def test_a_first_start_makes_a_closed_cluster(tmp_path: Path) -> None:
    server = await embedded.start(tmp_path, clock=CLOCK, environ=os.environ, settings=SETTINGS, dies_with_parent=True)
    connection = await pool.connect(server.endpoints(), DatabaseRole.ADMIN)
    shown = {
        name: await connection.fetchval(f"show {name}")
        for name in ("listen_addresses", "server_encoding", "data_checksums", "timezone", "unix_socket_permissions")
    }
    assert shown == {
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "timezone": "UTC",
        "unix_socket_permissions": "0700",
    }
    locale = await connection.fetchrow(
        "select datlocprovider::text, to_jsonb(d) ->> 'datlocale' from pg_database d where datname = 'cival'"
    )
    assert locale is not None
    assert tuple(locale) == (("b", "C.UTF-8") if MAJOR >= 17 else ("c", None))
    rules = await connection.fetch("select type, auth_method, options from pg_hba_file_rules")
    assert [tuple(row) for row in rules] == [("local", "peer", ["map=cival"])]
    await connection.close()
    assert not server.was_running
    assert stat.S_IMODE((tmp_path / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
    await server.stop()
    assert not server.socket_directory.exists()
    assert names_in(tmp_path) == ["postgres", "postgres.lock", "postgres.log"]


@pytest.mark.asyncio
async def test_data_survives_a_stop_and_a_second_start(server: EmbeddedPostgres, data_dir: Path) -> None:
    await write_row(server, "before")
    await server.stop()
    assert not server.is_running()
    assert current_pid(data_dir) == []
    again = await start_server(data_dir)
    assert await rows(again) == ["before"]
    await again.stop()


@pytest.mark.asyncio
async def test_a_running_server_is_found_and_can_be_stopped_by_who_found_it(
    server: EmbeddedPostgres, data_dir: Path
) -> None:
    found = await start_server(data_dir)
    attached = await embedded.attach(data_dir, clock=CLOCK)
    assert attached is not None
    assert {found.pid, attached.pid} == {server.pid}
    assert (found.was_running, attached.was_running) == (True, True)
    await found.stop()
    await until_dead(server.pid)
    assert await embedded.attach(data_dir, clock=CLOCK) is None


@pytest.mark.asyncio
async def test_four_starters_at_once_share_one_server(data_dir: Path) -> None:
    servers = await asyncio.gather(*(start_server(data_dir) for _ in range(4)))
    assert len({server.pid for server in servers}) == 1
    assert sorted(server.was_running for server in servers) == [False, True, True, True]
    await servers[0].stop()


@pytest.mark.asyncio
async def test_after_kill_9_of_the_postmaster_a_start_recovers(server: EmbeddedPostgres, data_dir: Path) -> None:
    await write_row(server, "committed")
    open_connection = await pool.connect(server.endpoints(), DatabaseRole.DAEMON)
    os.kill(server.pid, signal.SIGKILL)
    again = await start_server(data_dir)
    assert again.pid != server.pid
    assert not server.is_running()
    assert await rows(again) == ["committed"]
    with pytest.raises(pool.OUTCOME_UNKNOWN):
        await open_connection.fetchval("select 1")
    await again.stop()


@pytest.mark.asyncio
async def test_a_zombie_postmaster_is_collected(data_dir: Path) -> None:
    # PostgreSQL's own check takes the zombie of a parent that does not wait for a living server, for ever.
    server = await start_server(data_dir)
    os.kill(server.pid, signal.SIGKILL)
    for _ in range(1_000):
        if is_zombie(server.pid):
            break
        await asyncio.sleep(0.005)
    again = await start_server(data_dir)
    assert await rows(again) == []
    await again.stop()


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.asyncio
async def test_a_pid_that_belongs_to_something_else_is_not_taken_for_a_server(
    data_dir: Path, stranger: "subprocess.Popen[bytes]"
) -> None:
    for text in (
        f"{stranger.pid}\n{data_dir / 'postgres'}\n1700000000\n5432\n/tmp\n\n\nready\n",
        f"{stranger.pid}\n",
    ):
        (data_dir / "postgres" / "postmaster.pid").write_text(text)
        server = await start_server(data_dir)
        assert server.pid != stranger.pid
        await server.stop()
    assert stranger.poll() is None


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["", "999999999\n", "not a number\n"])
async def test_a_pid_file_of_nobody_is_cleared_away(data_dir: Path, text: str) -> None:
    (data_dir / "postgres" / "postmaster.pid").write_text(text)
    server = await start_server(data_dir)
    assert await rows(server) == []
    await server.stop()


@pytest.mark.asyncio
async def test_an_initdb_that_was_killed_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = await start_server(tmp_path)
    assert not (tmp_path / "postgres.new").exists()
    await server.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("version", "message"), [("9\n", "expected PostgreSQL 9 programs, or a DATABASE_URL, was '1"), ("x", "PG_VERSION")]
)
async def test_a_cluster_of_another_version_is_refused(data_dir: Path, version: str, message: str) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text(version)
    with pytest.raises(ConfigError, match=message) as refused:
        await start_server(data_dir)
    assert refused.value.exit_code == 2
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


@pytest.mark.asyncio
async def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    with pytest.raises(DependencyAway, match=r'parameter "fsync" requires a Boolean value .*postgres\.log'):
        await start_server(data_dir, {"fsync": "perhaps"})


@pytest.mark.asyncio
async def test_a_socket_folder_that_somebody_else_could_have_made_is_not_used(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, short_dir: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_dir))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    server = await start_server(data_dir)
    folder = server.socket_directory
    assert folder.parent == short_dir
    await server.stop()

    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="expected a folder of uid"):
        await start_server(data_dir)
    folder.rmdir()
    folder.symlink_to(data_dir)
    with pytest.raises(ConfigError, match="expected a folder of uid"):
        await start_server(data_dir)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """Give a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="c", dir="/tmp") as name:
        yield Path(name)


@pytest.mark.asyncio
async def test_a_runtime_folder_with_too_long_a_path_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = data_dir / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="a socket's holds 107 bytes"):
        await start_server(data_dir)


@for_root
@pytest.mark.asyncio
async def test_another_user_of_the_machine_cannot_log_in(server: EmbeddedPostgres) -> None:
    # Even with the folder open, peer authentication refuses: everybody else is `nobody` to the server.
    server.socket_directory.chmod(0o755)
    (server.socket_directory / ".s.PGSQL.5432").chmod(0o777)
    script = f"""
import asyncio, asyncpg, os, sys
# Only now: the folders of the interpreter may be closed to that user.
os.setgroups([])
os.setresgid(*3 * (int(sys.argv[1]),))
os.setresuid(*3 * (int(sys.argv[1]),))
async def main():
    try:
        await asyncpg.connect(host={str(server.socket_directory)!r}, user="cival_daemon", database="cival")
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        print(error)
asyncio.run(main())
"""
    for uid in (2, 65534):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script, str(uid)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == 'Peer authentication failed for user "cival_daemon"\n'


@pytest.mark.asyncio
async def test_the_server_outlives_a_killed_engine_and_the_next_one_finds_it(data_dir: Path) -> None:
    engine = start_engine(data_dir, "lives")
    pid = int(first_line(engine))
    engine.kill()
    engine.communicate()
    assert is_alive(pid)
    found = await start_server(data_dir)
    assert (found.pid, found.was_running) == (pid, True)
    await found.stop()
    await until_dead(pid)


@pytest.mark.asyncio
async def test_ctrl_c_reaches_the_engine_and_not_the_server(data_dir: Path) -> None:
    engine = start_engine(data_dir, "lives")
    pid = int(first_line(engine))
    os.killpg(engine.pid, signal.SIGINT)  # What a terminal does.
    engine.communicate()
    assert is_alive(pid)
    found = await start_server(data_dir)
    await found.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize(("how", "env"), [("dies", {}), ("lives", {"CIVAL_PG_DIES_WITH_PARENT": "1"})])
async def test_a_server_of_a_test_run_ends_with_it_however_it_ends(
    data_dir: Path, how: str, env: dict[str, str]
) -> None:
    engine = start_engine(data_dir, how, env=env)
    pid = int(first_line(engine))
    engine.kill()
    engine.communicate()
    await until_dead(pid)


@for_root
@pytest.mark.parametrize("uid", [1, 54_321])
def test_an_ordinary_user_and_a_uid_without_a_name_can_run_it(short_dir: Path, uid: int) -> None:
    home = short_dir / "data"
    home.mkdir(mode=0o700)
    short_dir.chmod(0o755)
    os.chown(home, uid, uid)
    become = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--")
    user = ServerIdentity("account", become, "", uid, uid)
    binaries = reachable_binaries(find_binaries({}), user, short_dir / "copies")
    env = {"XDG_RUNTIME_DIR": str(home), "CIVAL_PG_BINDIR": str(binaries.bindir)}
    engine = start_engine(home, "dies", str(uid), env=env)
    line = first_line(engine)
    engine.kill()
    engine.communicate()
    assert line.strip().isdigit()
    assert {path.stat().st_uid for path in home.rglob("*") if path.exists()} == {uid}


def test_the_peer_name_of_nobody_is_never_let_in(data_dir: Path) -> None:
    identity = embedded.identity_for(data_dir, os.environ)
    assert identity.peer_name not in {"nobody", "root"}
