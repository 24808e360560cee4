"""The lying venue for tests: a process with a truth of its own, that a test starts, kills, bends and asks.

    with LyingVenue(tmp_path) as venue:
        daemon = Daemon(tmp_path / "data", config=venue.config)
        venue.script("lost_answer", about="VenueSubmit")
        ...
        assert [order.order.filled_quantity for order in venue.orders()] == [...]

Everything is synchronous: it asks another process and waits for its answer.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from tests.support.venue_client import VenueClient

T = TypeVar("T")
START_TIMEOUT_S = 30.0
POLL_S = 0.02


class LyingVenue(VenueClient):
    """One venue in a process of its own, on a journal file."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "lying",
        seed: int = 1,
        rough: bool = False,
        swarm: bool = False,
        tcp: bool = False,
        **rules: Any,
    ) -> None:
        """Remember how to start.

        Args:
            folder: Where the journal and the log are kept.
            name: Of the venue, as the engine's configuration has it.
            seed: Of its chance.
            rough: Whether it lags, fills in parts, moves its prices and pages by the handful.
            swarm: Whether the seed draws lies from the first moment.
            tcp: Whether engines reach it by TCP; else by a Unix socket.
            rules: Fields of `VenueRules` that differ, as JSON values.
        """
        self.name = name
        self.journal = folder / f"{name}.journal"
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        # A socket's path is short, and pytest's folders are not.
        self._sockets = tempfile.TemporaryDirectory(prefix="cv")
        super().__init__(str(Path(self._sockets.name) / "control"))
        self._socket = str(Path(self._sockets.name) / "venue")
        self._tcp = tcp
        self._port = 0
        self._arguments = ["--seed", str(seed), "--venue", name, "--rules", msgspec.json.encode(rules).decode()]
        self._arguments += ["--rough"] * rough + ["--swarm"] * swarm

    # --- The process -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """What `[venues.NAME] url` must say; the same after every restart."""
        return f"tcp://127.0.0.1:{self._port}" if self._tcp else f"unix:{self._socket}"

    @property
    def config(self) -> str:
        """Configuration of an engine with one live account here; the venue gives it its money."""
        return (
            f'[market]\nvenues = ["{self.name}"]\n\n[venues.{self.name}]\nkind = "remote"\nurl = "{self.url}"\n\n'
            '[[accounts]]\nname = "real"\nuser = "demo@localhost"\nmode = "live"\ntype = "margin"\n'
        )

    def start(self) -> Self:
        """Start the process and wait until it serves."""
        where = ["--port", str(self._port)] if self._tcp else ["--socket", self._socket]
        command = [sys.executable, "-m", "tests.support.venue_process", "--control", self._control]
        command += ["--journal", str(self.journal), *where, *self._arguments]
        root = str(Path(__file__).parents[2])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=root,
                env={**os.environ, "PYTHONPATH": root},
            )
        self.wait_for(self._is_up, "the venue to serve", START_TIMEOUT_S)
        self._port = self.status().port or 0
        return self

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the venue has ended: {self.log.read_text()}"
        try:
            return self.status().pid == self.process.pid
        except OSError:
            return False

    def kill(self) -> None:
        """End it at once; its truth stays in the journal."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and remove its sockets."""
        if self.process is not None and self.process.poll() is None:
            self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop it where it is: its links stay, nothing comes, time goes on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, number: int) -> None:
        assert self.process is not None
        self._hang_up()
        self.process.send_signal(number)
        self.process.wait(10)
        self._let_go()

    def _let_go(self) -> None:
        self._hang_up()
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._let_go()
        self._sockets.cleanup()

    def wait_for(self, condition: Callable[[], T], what: str, timeout_s: float = 20.0) -> T:
        """Wait until a condition is true; return its value."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
            time.sleep(POLL_S)
        return value
