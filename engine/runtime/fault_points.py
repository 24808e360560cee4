"""Named places at which the process can be made to die, so that every step of recovery can be proven on the real thing.

A point costs one look at a variable while nothing is armed. `CIVAL_FAULT_POINT=name:nth`, read once at start, arms one:
the process kills itself, as `kill -9` would, when it passes that point for the nth time. The simulator arms the same
points with a hook of its own.

Beside the points in `FAULT_POINTS` there are two for every type of event: `committing.TYPE` just before the commit of a
unit that holds such an event, and `committed.TYPE` when it is durable and nobody has heard of it yet.
"""

import os
import re
import signal
from collections.abc import Callable, Mapping
from typing import Final

from engine.domain.errors import ConfigError

VARIABLE: Final = "CIVAL_FAULT_POINT"

FAULT_POINTS: Final = frozenset(
    {
        # At the connector: before the first byte leaves, when all have left, when the answer is there and nobody knows.
        *(
            f"{path}.{step}"
            for path in ("submit", "cancel", "amend", "query")
            for step in ("sending", "sent", "answered")
        ),
        # In the router: the venue has told of a fill and memory has not changed.
        "fill.received",
        # In the reconciler: balances read, a page of fills read, orders read, facts handed over, durable, reported.
        *(f"reconcile.{step}" for step in ("account", "fills", "orders", "applied", "committed", "reported")),
    }
)
"""Every fixed point."""

_EVENT_POINT: Final = re.compile(r"(committing|committed)\.[A-Z][A-Za-z]*")

Hook = Callable[[str], None]

_hook: Hook | None = None


def fault_point(name: str) -> None:
    """Pass a point."""
    if _hook is not None:
        _hook(name)


def is_armed() -> bool:
    """Whether somebody listens; asked before a name is put together only to be passed."""
    return _hook is not None


def arm(hook: Hook | None) -> None:
    """Let `hook` be called with the name of every point that is passed; None disarms."""
    global _hook  # noqa: PLW0603 - one per process: what it ends is the process.
    _hook = hook


def parse_fault_point(text: str) -> tuple[str, int]:
    """Read `name:nth`.

    Raises:
        ConfigError: No such point, or `nth` is not a number from 1.
    """
    name, _, nth = text.partition(":")
    if name not in FAULT_POINTS and not _EVENT_POINT.fullmatch(name):
        raise ConfigError(VARIABLE, expected="NAME:NTH with a name out of engine/runtime/fault_points.py", was=text)
    if not nth.isascii() or not nth.isdigit() or int(nth) < 1:
        raise ConfigError(VARIABLE, expected="NAME:NTH with NTH from 1", was=text)
    return name, int(nth)


def arm_from(environ: Mapping[str, str]) -> None:
    """Arm the point that the environment names, if it names one.

    Raises:
        ConfigError: It names none that exists.
    """
    text = environ.get(VARIABLE, "")
    if text:
        arm(DeadlyPoint(*parse_fault_point(text)))


class DeadlyPoint:
    """Ends the process at the nth pass of one point."""

    def __init__(self, name: str, nth: int, kill: Callable[[], None] | None = None) -> None:
        """Count down from `nth`; `kill` stands in for the end of the process."""
        self._name = name
        self._left = nth
        self._kill = kill or _kill_process

    def __call__(self, name: str) -> None:
        """Count a pass."""
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                self._kill()


def _kill_process() -> None:
    # No handler, no `finally`, no flush: what a power cut leaves of a process.
    os.kill(os.getpid(), signal.SIGKILL)
