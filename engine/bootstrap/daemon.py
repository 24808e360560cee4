"""`cival run` as a process: signals, the service manager, and what a person at the terminal sees."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import uvloop

from config.datadir import resolve_data_dir
from config.loader import load_settings
from config.settings import Settings
from engine.bootstrap.engine import Engine
from engine.bootstrap.service import ServiceManager
from engine.messages.system import ReloadConfiguration
from engine.runtime.lifecycle import Lifecycle
from engine.runtime.log import get_logger, setup_logging

Flags = Mapping[tuple[str, ...], tuple[str, object]]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_log = get_logger(__name__)


def run_daemon(config_file: Path | None, data_dir: Path | None, flags: Flags) -> int:
    """Run the engine until it is told to stop; the exit code.

    Raises:
        ConfigError: The configuration, the data directory or the port cannot be used (exit code 2).
        DependencyAway: The database is away (exit code 75).
    """

    def load() -> Settings:
        return load_settings(config_file, flags=flags)

    settings = load()
    directory = resolve_data_dir(data_dir, os.environ)
    is_terminal = sys.stderr.isatty()
    fmt = settings.log.format if settings.log.format != "auto" else ("console" if is_terminal else "json")
    setup_logging(settings.log.level, fmt)
    return uvloop.run(_run(load, directory))


async def _run(load: Callable[[], Settings], data_dir: Path) -> int:
    try:
        return await Daemon(load, data_dir).run()
    finally:
        _stop_listening()


def _stop_listening() -> None:
    """Ignore signals from here to the end of the process.

    The loop would give them back to the kernel when it closes: one more from an impatient manager would then end with
    -15 what has just stopped in order. Blocked meanwhile, so that none comes between the two.
    """
    loop = asyncio.get_running_loop()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for number in SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class Daemon:
    """The process around one engine."""

    def __init__(self, load: Callable[[], Settings], data_dir: Path) -> None:
        """Make what needs nothing else; on the loop that it will run on.

        Args:
            load: Reads file, environment and flags, now and at each reload.
            data_dir: Where the engine keeps its files.
        """
        self.service = ServiceManager()
        self.engine = Engine(load, data_dir, self.service, self._on_vital_end)
        self.lifecycle = Lifecycle(self.engine.wall)
        self._stop = asyncio.Event()
        self._main: asyncio.Task[Any] | None = None
        self._is_starting = True
        self._has_failed = False

    async def run(self) -> int:
        """Start, work until told to stop, stop; the exit code."""
        self._main = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            await self.engine.prepare()
            await self.lifecycle.start(self.engine.stages())
        except asyncio.CancelledError:
            if not self._stop.is_set():
                raise
            _log.info("stopped_while_starting")
            return 1 if self._has_failed else 0
        finally:
            gc.enable()  # `cival run` has put it off.
        self._is_starting = False
        self._say_ready()
        await self._stop.wait()
        self.service.stopping()
        _log.info("stopping")
        ended = await self.lifecycle.stop()
        failed = [stage for stage in ended if stage.error is not None]
        _log.info("stopped", failed=[f"{stage.name}: {stage.error}" for stage in failed])
        return 1 if failed or self._has_failed else 0

    def _say_ready(self) -> None:
        engine = self.engine
        accounts = sum(state.part.startswith("account:") for state in engine.readiness.parts())
        took_ms = (engine.wall.now_ns() - engine.started_ns) // 1_000_000
        self.service.ready(f"{engine.url}, {accounts} accounts")
        _log.info("ready", url=engine.url, data_dir=str(engine.data_dir), took_ms=took_ms)
        self._greet()

    def _greet(self) -> None:
        """End the start-up output with where to look and how to get in."""
        engine, path = self.engine, self.engine.directory.path
        lines = [f"Cival {engine.version}: {engine.url}", f"data directory: {path}"]
        if (first := engine.local.first_login()) is not None:
            email, password = first
            # A password belongs on a terminal, not into a journal that others read.
            secret = f"password {password}" if sys.stdout.isatty() else f"password in {path}/first-login"
            lines.append(f"log in as {email}, {secret}")
        print("\n".join(lines), flush=True)  # noqa: T201 - what a person sees.

    def _on_vital_end(self, name: str, error: BaseException) -> None:
        """Stop with an exit code: the service manager starts the process again, and a start is a recovery."""
        _log.critical("vital_actor_ended", actor=name, error=repr(error))
        self._has_failed = True
        self._end()

    def _end(self) -> None:
        """Stop; while starting, whatever is being waited for is given up and what has started is stopped."""
        is_first = not self._stop.is_set()
        self._stop.set()
        # A second signal must not cut the way down short: what has started would be left behind.
        if is_first and self._is_starting and self._main is not None:
            self._main.cancel()

    def _reload(self) -> None:
        if self._is_starting or self._stop.is_set():
            _log.warning("reload_ignored", reason="the engine is starting or stopping")
        else:
            self.engine.reloader.tell(ReloadConfiguration())
