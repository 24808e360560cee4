"""Tells the service manager how the engine is: ready, alive, reloading, stopping.

The protocol is one datagram of `KEY=value` lines to the socket in `NOTIFY_SOCKET`. Without it nobody is told.
Source: systemd, sd_notify(3).
"""

import os
import socket
from collections.abc import Mapping

from engine.runtime.log import get_logger

_log = get_logger(__name__)

WATCHDOG_PARTS = 3
"""We speak three times in the interval after which systemd would restart us."""


class ServiceManager:
    """The service manager that started this process, if any."""

    def __init__(self, environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> None:
        """Read `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`."""
        address = environ.get("NOTIFY_SOCKET", "")
        # An abstract socket is written with @ in the place of the zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_interval_ns = _interval(environ, os.getpid() if pid is None else pid)
        """Nanoseconds between two signs of life; None if none are wanted."""
        self._status = ""

    def ready(self, status: str) -> None:
        """Say that start-up is over."""
        self._status = status
        self._send(f"READY=1\nSTATUS={status}")

    def ready_again(self) -> None:
        """Say that a reload is over."""
        self.ready(self._status)

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def reloading(self, monotonic_us: int) -> None:
        """Say that the configuration is read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def stopping(self) -> None:
        """Say that the drain has begun."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), self._address)
        except OSError as error:
            # The engine's work does not depend on its manager; the watchdog restarts us if it never hears us.
            _log.warning("service_manager_unreachable", error=str(error))


def _interval(environ: Mapping[str, str], pid: int) -> int | None:
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    try:
        microseconds = int(environ["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    return microseconds * 1000 // WATCHDOG_PARTS if microseconds > 0 else None
