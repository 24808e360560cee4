"""Errors as instructions: the class says what whoever catches it should do.

::

    CivalError
    |-- BadInput            refuse this input; nothing has changed
    |   `-- ConfigError     print one line and exit with code 2
    |-- LimitExceeded       deny this order; the gate stays open
    |-- VenueRejected       a definite refusal by the venue; never resend the same request
    |-- NotReady            try again with backoff
    |   |-- CatchingUp      the same: a replay is not yet where it was stopped
    |   `-- DependencyAway  the same while running; at start exit with code 75
    |-- AuthRejected        stop this actor and alert; no retry can help
    |-- OutcomeUnknown      the request may have taken effect: reconcile, never assume
    |-- Fenced              another owner has the lease: drop the cell's memory, write nothing more
    `-- InvariantBroken     halt the cell; in the runtime itself end the process

A message reads ``expected X, was Y``. Fields are attributes, so that callers decide on codes and never on prose. Values
that came from outside are shortened before they enter a message.
"""

from enum import StrEnum
from typing import Any, ClassVar, Self

SHOWN_MAX = 80
"""Characters of a foreign value that a message shows."""


class Advice(StrEnum):
    """What the supervisor does with the actor, cell or process that raised."""

    REFUSE = "refuse"
    """Answer the caller; the actor goes on."""
    RETRY = "retry"
    """Restart with backoff."""
    STOP = "stop"
    """Stop the actor and alert a person."""
    RECONCILE = "reconcile"
    """Ask the venue what happened; until then the outcome counts as both."""
    RELOAD_CELL = "reload_cell"
    """Stop the cell, drop its memory, load it again if the lease comes back."""
    HALT_CELL = "halt_cell"
    """Halt the cell until a person resumes it."""
    EXIT = "exit"
    """End the process with ``exit_code``."""


def shown(value: object) -> str:
    """Return a short, single-line text of any value, at most ``SHOWN_MAX`` characters."""
    # A plain repr of ten million digits would be built in full first; int has its own limit and raises.
    if isinstance(value, str | bytes) and len(value) > SHOWN_MAX:
        value = value[:SHOWN_MAX]
    try:
        text = repr(value)
    except ValueError:
        text = f"a {type(value).__name__} too long to print"
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


class CivalError(Exception):
    """The root of every error that the engine raises on purpose."""

    advice: ClassVar[Advice] = Advice.REFUSE
    exit_code: ClassVar[int] = 1
    """The process's exit code if this error ends it (contract: 1 failed, 2 bad configuration, 75 try again)."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the finished message and fields: constructors are keyword-only, which pickle cannot call."""
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(cls: type[CivalError], args: tuple[object, ...], fields: dict[str, object]) -> CivalError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(fields)
    return error


class BadInput(CivalError):
    """A value from outside is not acceptable; nothing has changed."""

    def __init__(self, field: str, *, expected: str, was: object) -> None:
        """Name the field (dotted path), what would be accepted, and what came instead."""
        self.field = field
        self.expected = expected
        self.was = shown(was)
        super().__init__(f"{field}: expected {expected}, was {self.was}")


class ConfigError(BadInput):
    """The configuration is wrong: one line with key, file and line, then exit code 2."""

    advice = Advice.EXIT
    exit_code = 2

    def __init__(
        self, key: str, *, expected: str, was: object, file: str | None = None, line: int | None = None
    ) -> None:
        """Name the dotted key and where it stands; ``file`` is None for a flag or an environment variable."""
        super().__init__(key, expected=expected, was=was)
        self.key = key
        self.file = file
        self.line = line
        where = "" if file is None else file + (f":{line}" if line is not None else "") + ": "
        self.args = (f"{where}{self.args[0]}",)

    @classmethod
    def missing(cls, key: str, *, expected: str, file: str | None = None) -> Self:
        """Return the error for a required key that is absent."""
        error = cls(key, expected=expected, was=None, file=file)
        error.was = "missing"
        where = "" if file is None else f"{file}: "
        error.args = (f"{where}{key}: expected {expected}, was missing",)
        return error


class LimitExceeded(CivalError):
    """A limit refuses an order or a command. ``code`` is stable; ``limit`` and ``was`` are texts of the numbers."""

    def __init__(self, code: str, *, limit: object, was: object) -> None:
        """Name the rule by its code, the limit in force and the value that broke it."""
        self.code = code
        self.limit = str(limit)
        self.was = str(was)
        super().__init__(f"{code}: expected at most {self.limit}, was {self.was}")


class VenueRejected(CivalError):
    """The venue answered with a definite no. The request had no effect."""

    def __init__(self, venue: str, *, code: str, reason: str = "") -> None:
        """Keep the venue's code; its sentence is for people only, since it may be translated."""
        self.venue = venue
        self.code = code
        self.reason = shown(reason) if reason else ""
        super().__init__(f"{venue}: expected acceptance, was rejected with {code} {self.reason}".rstrip())


class NotReady(CivalError):
    """Something is not there yet; the same call may succeed later."""

    advice = Advice.RETRY

    def __init__(self, what: str, *, why: str = "", retry_after_s: float | None = None) -> None:
        """Name what is missing; ``retry_after_s``: seconds the other side asked us to wait, None if it did not say."""
        self.what = what
        self.why = why
        self.retry_after_s = retry_after_s
        super().__init__(f"{what}: expected ready, was not" + (f" ({why})" if why else ""))


class CatchingUp(NotReady):
    """A replay that starts over is not yet where it was stopped: its prices were acted on in an earlier life."""

    def __init__(self, venue: str) -> None:
        """Name whose market is not there yet."""
        super().__init__(f"the replayed market of {venue}", why="it catches up to where it was stopped")


class DependencyAway(NotReady):
    """A service we depend on cannot be reached. At start this ends the process with code 75 (try again)."""

    exit_code = 75


class AuthRejected(CivalError):
    """Credentials were refused. A retry would only get the key or the address banned."""

    advice = Advice.STOP

    def __init__(self, venue: str, *, code: str, reason: str = "") -> None:
        """Name who refused and the code they gave; never put a key into ``reason``."""
        self.venue = venue
        self.code = code
        self.reason = shown(reason) if reason else ""
        super().__init__(f"{venue}: expected accepted credentials, was {code} {self.reason}".rstrip())


class OutcomeUnknown(CivalError):
    """A request left, and whether it took effect is not known (timeout, 5xx, lost socket)."""

    advice = Advice.RECONCILE

    def __init__(self, operation: str, *, why: str) -> None:
        """Name the operation and what was seen instead of an answer."""
        self.operation = operation
        self.why = why
        super().__init__(f"{operation}: expected an answer, was {why}")


class Fenced(CivalError):
    """The lease of this user belongs to a later fence. Nothing that this cell still holds may be written or sent."""

    advice = Advice.RELOAD_CELL

    def __init__(self, user_id: str, *, fence: int) -> None:
        """Name the user and the fence that is no longer valid."""
        self.user_id = user_id
        self.fence = fence
        super().__init__(f"user {user_id}: expected the lease with fence {fence}, was taken over or expired")


class InvariantBroken(CivalError):
    """Our own books contradict themselves. Going on would make it worse: the cell halts until a person resumes it."""

    advice = Advice.HALT_CELL

    def __init__(self, invariant: str, *, expected: object, was: object) -> None:
        """Name the invariant and both sides of the contradiction."""
        self.invariant = invariant
        self.expected = shown(expected)
        self.was = shown(was)
        super().__init__(f"{invariant}: expected {self.expected}, was {self.was}")
