"""`cival user` and `cival token`."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.daemon import CIVAL, Daemon, a_daemon

pytestmark = pytest.mark.slow


def test_a_user_is_added_logs_in_and_gets_a_token(running: Daemon) -> None:
    added = json.loads(running.command("user", "add", "eve@example.org", "--role", "viewer", "--json").stdout)
    login = {"email": "eve@example.org", "password": added["password"]}
    status, session = running.call("POST", "/api/v1/auth/login", login)
    assert status == 200, session
    listed = json.loads(running.command("user", "list", "--json").stdout)["items"]
    assert {"eve@example.org": "viewer"}.items() <= {row["email"]: row["role"] for row in listed}.items()
    assert "password" not in json.dumps(listed)

    made = running.command("token", "create", "eve@example.org", "--ttl", "1h", "--name", "test")
    assert made.returncode == 0, made.stderr
    used = running.command("orders", "--json", CIVAL_TOKEN=made.stdout.strip())
    assert json.loads(used.stdout)["items"] == [], "somebody else's orders are not shown"


def test_a_password_may_come_from_standard_input(running: Daemon) -> None:
    command = [*CIVAL, "user", "add", "mallory@example.org", "--password-stdin", "--data-dir", str(running.data_dir)]
    done = subprocess.run(
        command, input="a long enough secret\n", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout + done.stderr
    login = {"email": "mallory@example.org", "password": "a long enough secret"}
    assert running.call("POST", "/api/v1/auth/login", login)[0] == 200


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("user", "add", "nonsense"), "email: expected name@host"),
        (("user", "add", "demo@localhost"), "email: expected one that no user has"),
        (("token", "create", "nobody@example.org"), "email: expected the email of a user"),
        (("token", "create", "demo@localhost", "--ttl", "soon"), "ttl: expected a duration"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(running: Daemon, words: tuple[str, ...], says: str) -> None:
    done = running.command(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cival: {says}")
    assert done.stderr.count("\n") == 1


def test_users_are_added_before_the_first_start(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data") as daemon:
        assert daemon.command("db", "migrate").returncode == 0
        assert daemon.command("user", "add", "first@example.org", "--role", "admin").returncode == 0
        assert "first@example.org" in daemon.command("user", "list").stdout
