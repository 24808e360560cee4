"""What the machine of a run asks of those who judge it and of those who trade in it.

The machine (`world.py`) owns time, processes, store, network and faults. An `Observer` is told of everything that
happens outside the engine's own memory; a `Workload` brings accounts, agents and people. Neither sees the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from actors.api.cells import CellRefs
from engine.domain.identifiers import UserId, Venue
from engine.domain.instrument import Instrument
from engine.messages.ports import UnitResult
from engine.messages.rows import Row
from engine.runtime.clock import Clock
from engine.runtime.entropy import Ids, Rng
from storage.memory_tables import MemoryTables


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant."""

    invariant: str
    """`I1` to `I22`."""
    detail: str
    at_ns: int
    """Virtual time."""

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, as it was drawn from the seed. Shrinking takes faults away and runs again."""

    kind: str
    """`crash`, `freeze`, `commit_lost`, `link_break`, ..."""
    at_ns: int
    """Since the start of the storm."""
    duration_ns: int = 0
    target: str = ""
    """Fault point, venue or process that it is about."""
    value: int = 0
    """Its strength, in the unit of its kind."""


@dataclass(kw_only=True)
class Setting:
    """What a run begins with: who trades what, with which limits and agents."""

    users: tuple[UserId, ...]
    instruments: tuple[Instrument, ...]
    """Of all venues."""
    rows: tuple[Row, ...]
    """Users, accounts, agents, limits: in the store before the first start, as the configuration would write them."""
    default_limits: dict[str, Any] = field(default_factory=dict)
    """Limits for accounts that have none of their own; `CellHost`'s `defaults`."""


class Doors(Protocol):
    """How the people of a run reach the engine, as the API does."""

    @property
    def process(self) -> str:
        """Name of the engine process that would answer now; empty while none runs."""

    def cell(self, user_id: UserId) -> CellRefs | None:
        """Return the doors of a user's cell; None if it does not run (down, starting, halted).

        An ask through them may never be answered: the process can die. Give it a timeout, and take none as unknown.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What observers and workloads stand on."""

    clock: Clock
    """True time, which no fault bends."""
    rng: Rng
    """A stream of chance of the holder's own."""
    ids: Ids
    tables: MemoryTables
    """What is committed. Only to be read."""
    venues: dict[Venue, Any]
    """The venues' own truth (`HostileVenue`). Only to be read."""
    doors: Doors
    instruments: tuple[Instrument, ...]
    """Of all venues."""


class Observer(Protocol):
    """Judges a run. Every method may raise no error: what it finds goes to `violations`."""

    @property
    def violations(self) -> list[Violation]:
        """Found so far, also by the machine, which appends to it. The first ends the run."""

    def begin(self, ground: Ground) -> None:
        """See where the run will happen; the setting's rows are in the store."""

    def on_boot(self, process: str) -> None:
        """An engine process begins to start."""

    def on_crash(self, process: str) -> None:
        """An engine process has died; nothing of it will ever happen again."""

    def on_commit(self, process: str, results: Sequence[UnitResult]) -> None:
        """Units were committed or refused, in this order; told at the moment of the commit, lost answer or not."""

    def on_send(self, process: str, venue: Venue, message: msgspec.Struct) -> None:
        """A message left the engine for a venue (`VenueSubmit`, `VenueCancel`, queries...); it may still get lost."""

    def on_receive(self, process: str, venue: Venue, message: msgspec.Struct) -> None:
        """A message of a venue has reached the engine."""

    def on_venue(self, venue: Venue) -> None:
        """A venue has handled a request, or time has moved it: its truth may have changed."""

    def on_fault(self, fault: Fault) -> None:
        """A fault begins."""

    def unsettled(self) -> list[str]:
        """In the quiet phase: what is not at rest yet. Empty: the run may end."""

    def final(self) -> None:
        """Compare everything at the end; add to `violations`."""


class Workload(Protocol):
    """Trades in a run."""

    def setting(self, rng: Rng, start_ns: int) -> Setting:
        """Draw who trades what."""

    async def storm(self, ground: Ground, duration_ns: int) -> None:
        """Place, cancel, amend, halt and resume for so long; runs outside of every engine process."""

    async def calm(self, ground: Ground) -> None:
        """Faults are over: cancel what is open, as a person would who wants to go home."""

    def counts(self) -> dict[str, int]:
        """Count what was done: `placed`, `cancels`, `amends`, `halts`, ..."""
