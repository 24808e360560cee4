"""A bad line between a cell and its paper venue: it loses, repeats, delays and reorders, and forgets answers.

Commands pass the actor `BadLine`, events the bus that the venue is given. How bad it is comes from a seed; with
`is_bad` off everything passes at once, as after an outage.
"""

import random
from collections.abc import Hashable
from typing import Any, Final

from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderQuery,
    VenueAccepted,
    VenueCancel,
    VenueCancelRefused,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.ref import Ref
from tests.support.crashes import CrashRig

EVENTS: Final = (
    VenueAccepted,
    VenueRejected,
    VenueUnknown,
    VenueNotSent,
    VenueOrderDone,
    VenueCancelRefused,
    VenueFill,
)


class EventLine(Bus):
    """What a venue says on it comes out of the engine's bus, or not, or late, or twice."""

    def __init__(self, bus: Bus, rng: random.Random) -> None:
        """Stand before `bus`."""
        super().__init__()
        self._bus = bus
        self._rng = rng
        self._held: list[tuple[Any, Hashable]] = []
        self.is_bad = True

    def subscribe(self, message_type: type, handler: Any, key: Hashable | None = None) -> Any:
        """Let the venue hear what is on the engine's bus."""
        return self._bus.subscribe(message_type, handler, key)

    def publish(self, message: object, key: Hashable | None = None) -> None:
        """Pass an event on, badly."""
        if not self.is_bad:
            self._bus.publish(message, key)
            return
        draw = self._rng.random()
        if draw < 0.1:
            return
        if draw < 0.3:
            self._held.insert(self._rng.randrange(len(self._held) + 1), (message, key))
            return
        self._bus.publish(message, key)
        if draw < 0.45:
            self._bus.publish(message, key)
        if draw > 0.7:
            self.let_go()

    def let_go(self) -> None:
        """Pass on what was held back."""
        held, self._held = self._held, []
        for message, key in held:
            self._bus.publish(message, key)


class BadLine(AsyncioActor):
    """The connector that the cell sees."""

    def __init__(self, venue: Ref[Any], bus: Bus, rng: random.Random, events: EventLine) -> None:
        """Stand before `venue`; what it says itself goes out on `bus`."""
        super().__init__()
        self._venue = venue
        self._bus = bus
        self._rng = rng
        self._events = events
        self._held: list[VenueSubmit | VenueCancel] = []

    @handles(VenueSubmit)
    def on_submit(self, submit: VenueSubmit) -> None:
        """Pass an order on, or not, and perhaps say that nobody knows which."""
        draw = self._rng.random() if self._events.is_bad else 1.0
        if draw < 0.15:
            self._held.append(submit)
        elif draw >= 0.25:
            self._venue.tell(submit)
        if 0.05 < draw < 0.4:
            unknown = VenueUnknown(order_id=submit.order_id, account_id=submit.account_id, why="test")
            self._bus.publish(unknown, submit.account_id)
        if draw > 0.6:
            self._let_go()

    @handles(VenueCancel)
    def on_cancel(self, cancel: VenueCancel) -> None:
        """Pass a cancel on, or not."""
        draw = self._rng.random() if self._events.is_bad else 1.0
        if draw < 0.1:
            self._held.append(cancel)
        elif draw >= 0.2:
            self._venue.tell(cancel)

    @handles(AccountQuery, FillsQuery, OpenOrdersQuery, OrderQuery)
    def on_query(self, query: AccountQuery | FillsQuery | OpenOrdersQuery | OrderQuery) -> Any:
        """Pass a question on, or fail to."""
        if self._events.is_bad and self._rng.random() < 0.15:
            return CannotTell(why="test")
        return self._venue.ask(query)

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for command in held:
            self._venue.tell(command)


class BadLineRig(CrashRig):
    """A cell behind a bad line."""

    is_bad = True
    is_in_order = False

    def venue_bus(self) -> Bus:
        """Let the venue speak over the line."""
        self.rng = random.Random(f"{self.seed}/{self.runs}/line")
        self.line = EventLine(self.bus, self.rng)
        self.line.is_bad = self.is_bad
        return self.line

    async def _start_below(self) -> None:
        await super()._start_below()
        self.bad_line = await self.system.start(BadLine, self.paper, self.bus, self.rng, self.line, name="line")

    def connector(self) -> Ref[Any]:
        """Let the cell speak over the line."""
        return self.bad_line

    async def mend(self) -> None:
        """Let everything pass from now on, also after a restart."""
        self.is_bad = self.line.is_bad = False
        self.line.let_go()
        await self.settle()
