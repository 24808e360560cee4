"""Files of the data directory by which the people of this machine find a running engine.

`engine.json` says where it listens; `local-token` is an admin token for the command line; `first-login` holds the first
admin's one-time password until the first login. All are readable by their owner only.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

ENGINE_FILE: Final = "engine.json"
TOKEN_FILE: Final = "local-token"  # noqa: S105 - the name of a file.
FIRST_LOGIN_FILE: Final = "first-login"


class RunningEngine(msgspec.Struct, frozen=True, kw_only=True):
    """What `engine.json` holds."""

    pid: int
    url: str
    """Without a slash at the end."""
    version: str


class LocalFiles:
    """The files of one data directory. Each call touches a small file and is quick enough for the loop."""

    def __init__(self, data_dir: Path) -> None:
        """Touch nothing yet."""
        self._directory = data_dir

    def announce(self, url: str, version: str) -> None:
        """Say where the engine listens."""
        running = RunningEngine(pid=os.getpid(), url=url, version=version)
        self._write(ENGINE_FILE, msgspec.json.encode(running).decode())

    def withdraw(self) -> None:
        """Say that it listens no more."""
        (self._directory / ENGINE_FILE).unlink(missing_ok=True)

    def keep_token(self, token: str) -> None:
        """Keep the admin token of this machine."""
        self._write(TOKEN_FILE, token + "\n")

    def keep_first_login(self, email: str, password: str) -> Path:
        """Keep the first admin's password until the first login; the file's path."""
        self._write(FIRST_LOGIN_FILE, f"{email}\n{password}\n")
        return self._directory / FIRST_LOGIN_FILE

    def first_login(self) -> tuple[str, str] | None:
        """Return (email, password) of the first admin while nobody has logged in."""
        try:
            email, password = (self._directory / FIRST_LOGIN_FILE).read_text().split()
        except (OSError, ValueError):
            return None
        return email, password

    def forget_first_login(self) -> None:
        """Delete the first password: somebody has used it."""
        (self._directory / FIRST_LOGIN_FILE).unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> None:
        """Write so that a reader sees the whole text or the one before, and nobody else sees anything."""
        path = self._directory / name
        scratch = path.with_name(f"{name}.new")
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        scratch.replace(path)
