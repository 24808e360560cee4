"""What must not leave before the disk has it: sends and answers wait here for the commit of their unit.

The writer publishes `UnitsCommitted` under the user's id: every unit of the cell up to `n` is durable. An actor puts
what it wants to send with the number of the unit that holds it. The outbox listens on the bus from its first use on, so
that in a large cell the actors that never send do not wake for the commits of the others.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

from engine.messages.writing import UnitNumbers, UnitsCommitted
from engine.runtime.bus import Bus, Subscription
from engine.runtime.ref import Ref

HELD_MAX: Final = 100_000
"""Sends that may wait; the mailboxes behind them fill first, so reaching it is a defect."""

Send = Callable[[], None]


class Outbox:
    """Held sends of one actor, released in the order of their units."""

    def __init__(self, numbers: UnitNumbers, bus: Bus, owner: Ref[Any]) -> None:
        """Start empty.

        Args:
            numbers: Counter of the cell; its fence must be the commit's.
            bus: Where commits are told.
            owner: The actor, which hands each `UnitsCommitted` to `release`: its own turn runs the sends.
        """
        self._numbers = numbers
        self._bus = bus
        self._owner = owner
        self._held: list[tuple[int, int, Send]] = []
        self._tie = 0
        self._subscription: Subscription | None = None
        self._is_closed = False
        self.committed = 0
        """Number up to which everything is known to be durable."""

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, n: int, send: Send) -> None:
        """Call `send` when unit `n` is durable, at once if it is.

        A closed outbox drops it: its cell is over, and whoever waits hears that its actor has stopped.
        """
        if self._is_closed:
            return
        if n <= self.committed:
            send()
            return
        assert len(self._held) < HELD_MAX, f"expected at most {HELD_MAX} held sends"
        self._tie += 1
        heappush(self._held, (n, self._tie, send))
        if self._subscription is None:
            self._subscription = self._bus.subscribe(UnitsCommitted, self._owner.tell, key=self._numbers.user_id)

    def release(self, message: UnitsCommitted) -> None:
        """Send what this commit covers. A commit of another fence is another cell's and proves nothing here."""
        if message.fence != self._numbers.fence or self._is_closed:
            return
        self.committed = max(self.committed, message.n)
        held = self._held
        while held and held[0][0] <= self.committed:
            _, _, send = heappop(held)
            send()

    def close(self) -> None:
        """Drop everything: a cell that is halted sends nothing more."""
        self._is_closed = True
        self._held.clear()
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None
