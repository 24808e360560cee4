"""The lying venues of a run: each behind the network, on true time, with a truth that survives every engine.

Engines reach them by the same connector as any venue in another process (`connectors/remote`), over links in memory.
"""

import hashlib
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec

from connectors.remote.connector import RemoteVenue
from connectors.remote.link import Link
from engine.domain.capabilities import AmendKind, DuplicateRule
from engine.domain.identifiers import Venue
from engine.domain.instrument import Instrument
from engine.domain.values import add, subtract
from engine.messages.market import QuoteTick
from engine.runtime.ref import Ref
from engine.simulation.daemon import Connect, Daemon
from engine.simulation.process import Process
from engine.simulation.venue.delivery import Delivery
from engine.simulation.venue.facts import MemoryJournal
from engine.simulation.venue.faults import drawn_faults, rare_rates
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.rules import VenueRules, rough_rules
from engine.simulation.venue.venue import HostileVenue
from engine.simulation.world import World

WORDS: Final = ":"
"""Between a venue's name and that of its fault."""
MONEY: Final = {"USDT": Decimal(10_000_000), "BTC": Decimal(2)}
"""What every account begins with."""
SIZE: Final = Decimal(100)
"""What the public book seems to hold on each side."""

PRICES: Final = {"BTC": Decimal(60_000), "ETH": Decimal(3_000), "SOL": Decimal(150)}
PRICE: Final = Decimal(100)
"""Where the markets begin."""


class Stall:
    """One venue as a host of the network."""

    def __init__(self, world: World, rules: VenueRules, forbidden: Collection[str]) -> None:
        """Open for business, with lies that the seed draws."""
        self.name = rules.venue
        self._world = world
        self._journal = MemoryJournal()
        self._armed_ns = 0
        names = [name.partition(WORDS)[2] for name in forbidden if name.startswith(f"{self.name}{WORDS}")]
        faults = drawn_faults(f"{world.seed}/venue/{self.name}", forbidden=names)
        faults.rates |= rare_rates(f"{world.seed}/venue/{self.name}")
        for kind in FaultKind:
            if f"{kind}/*" in names:
                faults.rates.pop(kind, None)
        self.venue = HostileVenue(
            rules, clock=world.clock, rng=world.rng(f"venue/{self.name}"), faults=faults, journal=self._journal
        )

    # --- Host ---------------------------------------------------------------------------------------------------------

    def opened(self, connection: int) -> None:
        """Take a link, or refuse it."""
        if self.venue.connect(connection):
            self._arm()
        elif (link := self._world.network.link(connection)) is not None:
            link.drop()

    def received(self, connection: int, payload: bytes) -> None:
        """Take a frame."""
        self._deliver(self.venue.handle(connection, payload))

    def closed(self, connection: int) -> None:
        """Learn that a link is gone."""
        self.venue.disconnect(connection)

    # --- Time ---------------------------------------------------------------------------------------------------------

    def _deliver(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            link = self._world.network.link(delivery.connection)
            if link is None:
                continue
            if delivery.payload is None:
                link.drop()
            else:
                link.push(delivery.payload)
        self._world.observer.on_venue(self.name)
        self._arm()

    def _arm(self) -> None:
        """Come back when something is due here; an earlier appointment takes the place of a later one."""
        due_ns = self.venue.next_due_ns()
        if due_ns is None or self._world.is_over:
            return
        now_ns = self._world.clock.now_ns()
        due_ns = max(due_ns, now_ns + 1)
        if not now_ns < self._armed_ns <= due_ns:
            self._armed_ns = due_ns
            self._world.later(due_ns - now_ns, partial(self._wake, due_ns))

    def _wake(self, due_ns: int) -> None:
        if due_ns == self._armed_ns and not self._world.is_over:
            self._armed_ns = 0
            self._deliver(self.venue.advance(self._world.clock.now_ns()))

    def digest(self) -> bytes:
        """Return a digest of all facts."""
        whole = hashlib.sha256()
        for record in self._journal.records:
            whole.update(record)
        return whole.digest()


class Street:
    """All venues of a run."""

    def __init__(self, forbidden: Collection[str] = ()) -> None:
        """Be empty; `forbidden`: names of lies that must not happen, `venue:kind/number` or `venue:kind/*`."""
        self.truths: dict[Venue, Any] = {}
        self._stalls: dict[Venue, Stall] = {}
        self._instruments: tuple[Instrument, ...] = ()
        self._forbidden = forbidden

    def open(self, world: World) -> None:
        """Open every venue of the setting, with habits that the seed draws."""
        self._instruments = world.setting.instruments
        for venue in dict.fromkeys(each.venue for each in self._instruments):
            own = tuple(each for each in self._instruments if each.venue == venue)
            rules = rough_rules(venue, own, {each.symbol: PRICES.get(each.base, PRICE) for each in own})
            rng = world.rng(f"rules/{venue}")
            rules = msgspec.structs.replace(
                rules,
                duplicates=rng.choice(tuple(DuplicateRule)),
                amend=rng.choice(tuple(AmendKind)),
                read_lag_ns=rng.choice((0, rules.read_lag_ns)),
                page_sizes=rng.choice(((2,), (5,), (2, 5, 50), (1_000,))),
                walk_every_ns=rng.choice((250_000_000, 1_000_000_000)),
                money=MONEY,
            )
            stall = self._stalls[venue] = Stall(world, rules, self._forbidden)
            self.truths[venue] = stall.venue

    def connect(self, world: World) -> Connect:
        """Return what starts a connector for each venue."""

        async def connect(daemon: Daemon) -> Mapping[Venue, Ref[Any]]:
            connectors: dict[Venue, Ref[Any]] = {}
            for venue, stall in self._stalls.items():
                connectors[venue] = await daemon.system.start(
                    RemoteVenue,
                    name=f"remote/{venue}",
                    venue=venue,
                    dial=partial(_dial, world, daemon.process, stall),
                    bus=daemon.bus,
                    wall=daemon.wall,
                    rng=daemon.rng,
                    permit=daemon.leases,
                )
            return connectors

        return connect

    def quotes(self, now_ns: int) -> list[QuoteTick]:
        """Return a quote a tick around each price."""
        quotes = []
        for instrument in self._instruments:
            price = self._stalls[instrument.venue].venue.truth.prices.get(instrument.symbol)
            if price is not None:
                tick = instrument.tick_size
                bid, ask = subtract(price, tick), add(price, tick)
                quotes.append(
                    QuoteTick(
                        venue=instrument.venue,
                        symbol=instrument.symbol,
                        ts_event_ns=now_ns,
                        ts_init_ns=now_ns,
                        bid=bid,
                        ask=ask,
                        bid_size=SIZE,
                        ask_size=SIZE,
                    )
                )
        return quotes

    def calm(self) -> None:
        """Lie no more."""
        for stall in self._stalls.values():
            stall.venue.calm()

    def counts(self) -> dict[str, int]:
        """Count the lies by kind."""
        found: dict[str, int] = {}
        for stall in self._stalls.values():
            for kind, count in stall.venue.faults.counts().items():
                found[str(kind)] = found.get(str(kind), 0) + count
        return found

    def fault_names(self) -> list[str]:
        """Name the lies that were told."""
        return [
            f"{venue}{WORDS}{strike.name}" for venue, stall in self._stalls.items() for strike in stall.venue.faults.log
        ]

    def digest(self) -> bytes:
        """Return a digest of everything that has happened."""
        return b"".join(stall.digest() for stall in self._stalls.values())


async def _dial(world: World, process: Process, stall: Stall) -> Link:
    return await world.network.dial(process, stall)
