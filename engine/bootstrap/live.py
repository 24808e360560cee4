"""Opens live venues before anything else starts: their adapters, what they list, what is followed of it."""

import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.settings import Settings, VenueSettings
from config.venues import symbols_of
from connectors.bridge.errors import BridgeError
from connectors.live.known_instruments import keep, known
from engine.domain.errors import CivalError, ConfigError, DependencyAway
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.runtime.log import get_logger

if TYPE_CHECKING:
    # It brings ccxt along, which costs half a second and 40 MB: only an engine with a live venue pays that.
    from connectors.live.adapter import Listing, PublicAdapter

LISTING_TIMEOUT_S: Final = 20.0
"""How long a start waits for a venue's listing; then it goes on with what it knew before."""
CLOSE_MATCHES: Final = 3

MakePublic = Callable[[Venue], "PublicAdapter"]
"""Makes the public adapter of a venue; raises `ConfigError` where there is none of that name."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFeed:
    """The public side of a live venue, reached."""

    adapter: "PublicAdapter"
    listing: "Listing"
    """As of the start; its instruments may be those of an earlier day."""
    instruments: tuple[Instrument, ...]
    """All that can be traded, and what was followed and is closed now."""
    symbols: tuple[Symbol, ...]
    """What is followed."""
    configured: VenueSettings
    by_symbol: dict[Symbol, Instrument] = field(default_factory=dict)
    """The instruments by symbol; the venue's actors share it and change it when the venue changes its rules."""

    @property
    def has_books(self) -> bool:
        """Whether the venue tells its books."""
        return "book" in self.adapter.channels


class LiveVenues:
    """Implements `LiveFeeds` (market.py)."""

    def __init__(self, settings: Settings, *, data_dir: Path | None, make: MakePublic) -> None:
        """Reach nothing yet.

        Args:
            settings: Which venues, and what is followed there.
            data_dir: Where what they list is kept for a start without them; None keeps and knows nothing.
            make: Makes adapters.
        """
        self._settings = settings
        self._data_dir = data_dir
        self._make = make
        self._adapters: list[PublicAdapter] = []

    async def open(self, venue: Venue) -> LiveFeed:
        """Reach a venue and learn what it lists; one that is away is taken as it was known.

        Raises:
            ConfigError: There is no such venue, or it does not list a symbol that is wanted.
            DependencyAway: It is away, and was never reached before from this data directory.
        """
        configured = self._settings.venues.get(venue) or VenueSettings()
        adapter = self._make(venue)
        self._adapters.append(adapter)
        before = () if self._data_dir is None else await asyncio.to_thread(known, self._data_dir, venue)
        listing = await self._listing(venue, adapter, before)
        listed = {each.symbol: each for each in before} | {each.symbol: each for each in listing.instruments}
        symbols = self._wanted(venue, listed, listing)
        open_now = {each.symbol for each in listing.instruments}
        # What was followed and is closed now stays known: positions in it must still be loaded.
        kept = {name: each for name, each in listed.items() if name in open_now or name in symbols}
        return LiveFeed(
            adapter=adapter,
            listing=listing,
            instruments=tuple(kept.values()),
            symbols=symbols,
            configured=configured,
            by_symbol=kept,
        )

    async def learn(self, venue: Venue, instruments: Sequence[Instrument]) -> None:
        """Keep what a venue lists now for the next start; harmless if the disk does not take it."""
        if self._data_dir is None:
            return
        try:
            await asyncio.to_thread(keep, self._data_dir, venue, tuple(instruments))
        except OSError as error:
            _log.warning("instruments_not_kept", venue=venue, why=str(error))

    async def close(self) -> None:
        """Close the adapters' sessions."""
        for adapter in self._adapters:
            await adapter.close()

    async def _listing(self, venue: Venue, adapter: "PublicAdapter", before: Sequence[Instrument]) -> "Listing":
        try:
            async with asyncio.timeout(LISTING_TIMEOUT_S):
                await adapter.open()
                listing = await adapter.instruments()
        except (BridgeError, OSError, TimeoutError) as error:
            why = str(error) or f"no listing within {LISTING_TIMEOUT_S:g} s"
            if not before:
                raise DependencyAway(f"venue {venue}", why=why) from error
            _log.warning("venue_away_at_start", venue=venue, why=why, instruments_known=len(before))
            from connectors.live.adapter import Listing  # noqa: PLC0415 - as above.

            return Listing(instruments=tuple(before))
        await self.learn(venue, listing.instruments)
        return listing

    def _wanted(self, venue: Venue, listed: Mapping[Symbol, Instrument], listing: "Listing") -> tuple[Symbol, ...]:
        """Return what is followed: what the configuration names, as far as it is known.

        Raises:
            ConfigError: A symbol that the venue never had.
        """
        wanted = symbols_of(self._settings, venue)
        for symbol in wanted:
            if symbol not in listed:
                raise _unknown_symbol(self._settings, venue, symbol, listed, listing)
        return tuple(dict.fromkeys(wanted))


def _unknown_symbol(
    settings: Settings, venue: Venue, symbol: Symbol, listed: Mapping[Symbol, Instrument], listing: "Listing"
) -> CivalError:
    configured = settings.venues.get(venue)
    key = f"venues.{venue}.symbols" if configured is not None and configured.symbols else "market.symbols"
    if symbol in listing.closed:
        return ConfigError(key, expected=f"symbols that {venue} trades now", was=f"{symbol}, which is closed there")
    close = difflib.get_close_matches(symbol, listed, n=CLOSE_MATCHES, cutoff=0.7)
    hint = f", such as {', '.join(close or sorted(listed)[:CLOSE_MATCHES])}" if listed else ""
    return ConfigError(key, expected=f"symbols of {venue}{hint}", was=symbol)
