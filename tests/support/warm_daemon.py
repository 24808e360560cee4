"""Starts `cival run` by forking a process that has imported everything: a start costs a third of the time.

The engine is the same code with the same arguments, environment and files; only Python's imports are not done again. It
is for tests that start the engine dozens of times.
"""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.support.warm import WarmCival

PYTHON_WORDS = 4
"""`python -P -m engine`, before the words of a command."""


class ForkedProcess:
    """One engine: what `subprocess.Popen` is for one that was not forked here."""

    def __init__(self, warm: WarmCival, pid: int) -> None:
        """Watch a process whose end `warm` reports."""
        self.pid = pid
        self._socket = warm.socket
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if self._code is None:
            self._socket.settimeout(timeout)
            try:
                self._code = int(self._socket.recv(64))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("cival", timeout or 0.0) from None
            finally:
                self._socket.settimeout(None)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class WarmLauncher:
    """Launches one engine at a time."""

    def __init__(self) -> None:
        """Start the process that is forked."""
        self._warm = WarmCival()

    def __call__(self, command: Sequence[str], log: IO[bytes], environ: Mapping[str, str]) -> ForkedProcess:
        """Run a command of `tests.support.daemon`; its output goes to a file."""
        asked = json.dumps({"words": list(command[PYTHON_WORDS:]), "environ": dict(environ)}).encode()
        with Path(os.devnull).open() as empty:
            socket.send_fds(self._warm.socket, [asked], [empty.fileno(), log.fileno(), log.fileno()])
        return ForkedProcess(self._warm, int(self._warm.socket.recv(64)))

    def close(self) -> None:
        """End the process; no engine runs."""
        self._warm.close()
