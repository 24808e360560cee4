"""Remembers what was told lately, so that each event of a venue is told once however often and by whom it comes."""

from collections.abc import Hashable
from typing import Any, Final

from engine.messages.venues import VenueFill, VenueOrderDone

REMEMBERED_MAX: Final = 20_000
"""More than a burst and the snapshots that venues repeat at a new connection."""


class Told:
    """The newest events; the oldest are forgotten first."""

    def __init__(self, limit: int = REMEMBERED_MAX) -> None:
        """Remember `limit` events."""
        self._limit = limit
        self._keys: dict[Hashable, None] = {}

    def is_new(self, event: Any) -> bool:
        """Whether an event was not told yet; from now on it was. Only fills and ends are remembered."""
        key = _key_of(event)
        if key is None:
            return True
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._limit:
            del self._keys[next(iter(self._keys))]
        return True


def _key_of(event: Any) -> Hashable | None:
    if isinstance(event, VenueFill):
        return (event.symbol, event.external_trade_id, event.side)
    if isinstance(event, VenueOrderDone):
        return (event.symbol, event.external_order_id, event.venue_client_id, event.reason, event.filled_quantity)
    return None
