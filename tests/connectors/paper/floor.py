"""A paper venue running as an actor, with a store, a bus, clocks that are turned by hand, and an ear on the bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connectors.paper.venue import PaperVenue
from engine.messages.market import MarketMessage
from engine.messages.venues import (
    VenueAccepted,
    VenueAmended,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.connectors.paper.support import (
    NOW_NS,
    SPOT,
    VENUE,
    TestStore,
    a_submit,
    an_account,
)

EVENTS = (
    VenueAccepted, VenueRejected, VenueUnknown, VenueNotSent, VenueOrderDone, VenueCancelRefused, VenueFill,
    VenueAmended, VenueAmendRefused,
)  # fmt: skip


class Floor:
    """One engine with one paper venue; a new one on the same store is a restart."""

    def __init__(self, system: ActorSystem, clock: VirtualClock, store: Any) -> None:
        self.system = system
        self.clock = clock
        self.wall = VirtualClock(NOW_NS)
        self.store = store
        self.bus = Bus()
        self.heard: list[Any] = []
        self.ref: Ref[PaperVenue]
        for kind in EVENTS:
            self.bus.subscribe(kind, self.heard.append)

    async def start(self, **options: Any) -> None:
        fields: dict[str, Any] = {
            "venue": VENUE, "bus": self.bus, "clock": self.clock, "wall": self.wall, "store": self.store,
            "ids": self.system.ids, "rng": self.system.rng, "instruments": [SPOT],
        }  # fmt: skip
        self.ref = await self.system.start(PaperVenue, **fields | options)

    @property
    def actor(self) -> PaperVenue:
        actor = self.ref.actor_inbox.actor
        assert isinstance(actor, PaperVenue)
        return actor

    async def open(self, *, kind: str = "spot", **balances: str) -> None:
        await self.ask(an_account(balances or {"USDT": "100000", "BTC": "100"}, kind=kind))

    async def ask(self, message: Any) -> Any:
        return await self.ref.ask(message, timeout_s=5)

    async def market(self, *events: MarketMessage) -> None:
        for event in events:
            self.bus.publish(event, (event.venue, event.symbol))
        await self.system.idle()

    async def send(self, order: str, *, number: int, **changes: Any) -> VenueSubmit:
        submit = a_submit(order, number=number, **changes)
        self.ref.tell(submit)
        await self.system.idle()
        return submit

    async def cancel(self, submit: VenueSubmit, fence: int = 0) -> None:
        self.ref.tell(
            VenueCancel(
                order_id=submit.order_id,
                account_id=submit.account_id,
                venue_client_id=submit.venue_client_id,
                external_order_id=None,
                symbol=submit.symbol,
                fence=fence,
            )
        )
        await self.system.idle()

    def told(self) -> list[str]:
        """Return and forget the names of what was heard, with its code or reason."""
        names = []
        for event in self.heard:
            detail = getattr(event, "code", None) or getattr(event, "reason", None) or ""
            names.append(f"{type(event).__name__} {detail}".strip())
        self.heard.clear()
        return names

    def fills(self) -> list[VenueFill]:
        return [event for event in self.heard if isinstance(event, VenueFill)]

    async def pass_time(self, delay_ns: int) -> None:
        await self.system.advance(self.clock, self.clock.now_ns() + delay_ns)


@asynccontextmanager
async def a_floor(store: Any = None, *, start_ns: int = NOW_NS, seed: int = 1, **options: Any) -> AsyncIterator[Floor]:
    """Run a venue on `store`; `floor.system.abandon()` makes it a kill. A restart needs another seed, or ids repeat."""
    clock = VirtualClock(start_ns)
    rng = seeded_rng(seed)
    # The ids of the tests' orders are made by counting; all of them are later than the venue's horizon.
    system = ActorSystem(clock=clock, ids=Ids(VirtualClock(0), rng), rng=rng)
    floor = Floor(system, clock, TestStore() if store is None else store)
    await floor.start(**options)
    try:
        yield floor
    finally:
        await system.stop_all()
