"""Who the server runs as, and who we are to it."""

import os
import pwd
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.pg_identity import NAMESPACE_USERS, namespace_identity, own_identity, owner_of, server_environment


def test_an_ordinary_user_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = pwd.getpwnam("daemon")
    monkeypatch.setattr(os, "geteuid", lambda: daemon.pw_uid)
    identity = own_identity()
    assert identity is not None
    assert (identity.way, identity.prefix, identity.peer_name) == ("self", (), "daemon")


@pytest.mark.parametrize("uid", [0, 54_321])
def test_root_and_a_uid_without_a_name_are_not(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert own_identity() is None


def test_in_a_namespace_we_are_an_unprivileged_user_and_files_stay_ours(tmp_path: Path) -> None:
    identity = namespace_identity()
    assert identity is not None, "this machine refuses user namespaces"
    assert identity.peer_name in NAMESPACE_USERS
    inside = subprocess.run(
        [
            *identity.prefix,
            "sh",
            "-c",
            f"id -un; touch {tmp_path}/made; stat -c %U {tmp_path}/made; grep CapEff /proc/self/status",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert inside.stdout.split() == [identity.peer_name, identity.peer_name, "CapEff:", "0000000000000000"]
    assert (tmp_path / "made").stat().st_uid == os.geteuid() == identity.owner_uid


def test_the_users_of_the_namespace_are_never_the_overflow_uid() -> None:
    assert all(pwd.getpwnam(name).pw_uid not in {0, 65_534} for name in NAMESPACE_USERS if exists(name))


def exists(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


@pytest.mark.parametrize("answer", [SimpleNamespace(returncode=1), FileNotFoundError("unshare")])
def test_where_namespaces_are_refused_there_is_no_such_identity(
    monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    def run(*_: object, **__: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(subprocess, "run", run)
    assert namespace_identity() is None


def test_the_owner_of_a_cluster_is_told(tmp_path: Path) -> None:
    assert owner_of(tmp_path) == os.geteuid()
    assert owner_of(tmp_path / "absent") is None


def test_the_server_gets_nothing_of_our_environment_that_could_change_it() -> None:
    given = {"PATH": "/bin", "PGOPTIONS": "-c fsync=off", "PGDATA": "/x", "LC_ALL": "de_DE", "DATABASE_URL": "secret"}
    assert server_environment(given) == {"PATH": "/bin", "LC_ALL": "C"}
    assert server_environment({}) == {"PATH": os.defpath, "LC_ALL": "C"}
