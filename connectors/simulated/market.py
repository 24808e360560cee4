"""A whole simulated market: correlated pairs with trades, quotes and books, the same for the same seed.

Pure: it has no clock and no actor; `next` tells what happens next and when.
"""

import heapq
from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.simulated.listing import Listing, listings
from connectors.simulated.street import NS_PER_S, Street
from connectors.simulated.tide import Tide
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.domain.ports import Rng
from engine.messages.market import MarketMessage


class SimulatedMarket:
    """The pairs of one venue, from `start_ns` on."""

    def __init__(
        self,
        rng: Rng,
        *,
        start_ns: int,
        listed: Sequence[Listing] | None = None,
        starting_prices: Mapping[Symbol, Decimal] | None = None,
    ) -> None:
        """Open the market.

        Args:
            rng: Decides everything; the same state, start and prices give the same market.
            start_ns: Market time of the first book.
            listed: The pairs; None: `listings()`.
            starting_prices: Where pairs begin, such as the last stored prices; others begin at their listing's.
        """
        prices = starting_prices or {}
        self.start_ns = start_ns
        self._rng = rng
        self._tide = Tide(rng)
        self._streets: list[Street] = []
        by_symbol: dict[Symbol, Street] = {}
        for each in listings() if listed is None else listed:
            symbol = each.instrument.symbol
            price = float(prices.get(symbol) or prices.get(each.follows or "") or each.price)
            street = Street(each, rng=rng, tide=self._tide, start_ns=start_ns, price=price)
            street.leader = by_symbol.get(each.follows or "")
            by_symbol[symbol] = street
            self._streets.append(street)
        self._due: list[tuple[int, int]] = [
            (start_ns + self._pause_ns(street), place) for place, street in enumerate(self._streets)
        ]
        heapq.heapify(self._due)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded."""
        return tuple(street.listing.instrument for street in self._streets)

    @property
    def spell(self) -> str:
        """How the market behaves now: `ranging`, `rising`, `falling` or `stormy`."""
        return self._tide.spell.name

    def open(self, at_ns: int) -> list[MarketMessage]:
        """Return the whole books and the quotes of `at_ns`; what was due before comes after it."""
        self.skip_to(at_ns)
        return [message for street in self._streets for message in street.open(at_ns)]

    def next_ns(self) -> int:
        """Return the market time of the next step."""
        return self._due[0][0]

    def next(self) -> list[MarketMessage]:
        """Let the next step happen, at `next_ns`; return its messages in the order of a feed, perhaps none."""
        at_ns, place = heapq.heappop(self._due)
        street = self._streets[place]
        messages = street.step(at_ns)
        heapq.heappush(self._due, (at_ns + self._pause_ns(street), place))
        return messages

    def skip_to(self, at_ns: int) -> None:
        """Let time pass in which nothing was told: everything that was due before `at_ns` comes from then on."""
        self._due = [(max(due_ns, at_ns), place) for due_ns, place in self._due]
        heapq.heapify(self._due)

    def _pause_ns(self, street: Street) -> int:
        # A millisecond at least: a feed's times are no finer.
        return max(1_000_000, int(street.pause() * NS_PER_S))
