"""`SimulatedSource`: lets a simulated market happen on the market clock."""

from typing import Final

from connectors.simulated.market import SimulatedMarket
from engine.domain.identifiers import Venue
from engine.messages.market import InstrumentsLoaded, MarketMessage
from engine.messages.system import ReadinessChanged
from engine.messages.venues import VenueConnection
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock

LATE_NS: Final = 5_000_000_000
"""Lateness that is not made up for, such as a night with the lid closed."""


class SimulatedSource(AsyncioActor):
    """Publishes one market. Start it last: it publishes as soon as it runs."""

    def __init__(self, *, venue: Venue, market: SimulatedMarket, bus: Bus, market_clock: Clock) -> None:
        """Keep what it works with.

        Args:
            venue: Name of the venue; the market's instruments have it too.
            market: What happens; it begins when this actor does, and goes on where it was if the actor is restarted.
            bus: Where events go, under (venue, symbol).
            market_clock: Events are published when it reaches their time.
        """
        super().__init__()
        self._venue = venue
        self._simulated = market
        self._bus = bus
        self._clock = market_clock
        self.published = 0
        """Events so far."""

    def on_start(self) -> None:
        """Open the market."""
        self.spawn(self._run(), name="market")

    async def _run(self) -> None:
        market, clock = self._simulated, self._clock
        now_ns = clock.now_ns()
        loaded = InstrumentsLoaded(venue=self._venue, instruments=market.instruments, at_ns=now_ns)
        self._bus.publish(loaded, self._venue)
        self._bus.publish(VenueConnection(venue=self._venue, connected=True, at_ns=now_ns), self._venue)
        self._bus.publish(ReadinessChanged(part=f"feed:{self._venue}", ready=True))
        symbols = [each.symbol for each in market.instruments]
        self.log.info("simulated_market_opened", venue=self._venue, symbols=symbols)
        self._publish(market.open(now_ns))
        while True:
            wait_ns = market.next_ns() - clock.now_ns()
            if wait_ns > 0:
                await clock.sleep(wait_ns)
            elif wait_ns < -LATE_NS:
                market.skip_to(clock.now_ns())
            # A loop's timer may ring a little early; then the time of the event is the time that is due.
            self._publish(market.next())

    def _publish(self, messages: list[MarketMessage]) -> None:
        publish, venue = self._bus.publish, self._venue
        for message in messages:
            publish(message, (venue, message.symbol))
        self.published += len(messages)
