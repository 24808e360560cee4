"""Files by which the people of a machine find a running engine."""

import json
import os
import stat
from pathlib import Path

import pytest

from engine.bootstrap.local import LocalFiles


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_running_engine_is_announced_and_withdrawn(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.announce("http://127.0.0.1:8710", "1.2.3")
    seen = json.loads((tmp_path / "engine.json").read_text())
    assert seen == {"pid": os.getpid(), "url": "http://127.0.0.1:8710", "version": "1.2.3"}
    files.withdraw()
    files.withdraw()
    assert list(tmp_path.iterdir()) == []


def test_what_proves_identity_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    (tmp_path / "local-token").write_text("old")
    (tmp_path / "local-token").chmod(0o644)
    files.keep_token("hush")
    path = files.keep_first_login("a@b", "secret")
    assert mode_of(tmp_path / "local-token") == mode_of(path) == 0o600
    assert (tmp_path / "local-token").read_text() == "hush\n"


def test_the_first_password_is_kept_until_the_first_login(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    assert files.first_login() is None
    files.keep_first_login("a@b", "secret")
    assert files.first_login() == ("a@b", "secret")
    files.forget_first_login()
    assert files.first_login() is None


@pytest.mark.parametrize("text", ["", "only-one-word", "one two three"])
def test_a_damaged_file_gives_no_password(tmp_path: Path, text: str) -> None:
    (tmp_path / "first-login").write_text(text)
    assert LocalFiles(tmp_path).first_login() is None
