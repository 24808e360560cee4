"""Which venues an engine runs, and where the prices of each come from: `[market]` together with `[venues.NAME]`."""

from typing import Final, Literal

from config.settings import Settings

Source = Literal["simulated", "replay", "live"]

REPLAYED_VENUE: Final = "binance"
"""Recorded frames are Binance's unless the configuration names a venue."""
SIMULATED_VENUE: Final = "simulated"


def venues_of(settings: Settings) -> tuple[str, ...]:
    """Return the venues that run; accounts that name none trade at the first."""
    named = settings.market.venues
    if named:
        return named
    return (REPLAYED_VENUE if settings.market.source == "replay" else SIMULATED_VENUE,)


def source_of(settings: Settings, venue: str) -> Source:
    """Return where the prices of a venue come from: what the venue says itself, else `[market]`."""
    configured = settings.venues.get(venue)
    if configured is not None and configured.source is not None:
        return configured.source
    return settings.market.source


def symbols_of(settings: Settings, venue: str) -> tuple[str, ...]:
    """Return the symbols that are followed at a venue: its own, else those of `[market]`; empty: all that there are."""
    configured = settings.venues.get(venue)
    own = () if configured is None else configured.symbols
    return own or settings.market.symbols


def is_remote(settings: Settings, venue: str | None) -> bool:
    """Whether a venue is one in another process; None: the venue of accounts that name none."""
    configured = settings.venues.get(venue or venues_of(settings)[0])
    return configured is not None and configured.kind == "remote"


def is_live(settings: Settings, venue: str | None) -> bool:
    """Whether a venue runs here on the prices of a real exchange, so that accounts can trade real money there."""
    name = venue or venues_of(settings)[0]
    return name in venues_of(settings) and source_of(settings, name) == "live" and not is_remote(settings, name)
