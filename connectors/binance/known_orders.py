"""What this process has seen of an account: which orders and which symbols.

Binance's trades name the order by Binance's number only, and can be asked for per symbol only.
"""

from collections import OrderedDict
from typing import Any, Final, NamedTuple

from connectors.binance.symbols import raw_name
from connectors.binance.words import ALGO
from engine.messages.venues import VenueFill, VenueOrder, VenueOrderDone, VenueOrderUpdate

KNOWN_MAX: Final = 100_000


class Known(NamedTuple):
    """One order."""

    symbol: str
    """Binance's name."""
    external_id: str
    client_id: str


class KnownOrders:
    """The newest orders, by both of their ids, and all symbols."""

    def __init__(self, limit: int = KNOWN_MAX) -> None:
        """Remember `limit` orders."""
        self._limit = limit
        self._by_client: OrderedDict[str, Known] = OrderedDict()
        self._by_external: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._conditional: OrderedDict[str, None] = OrderedDict()
        self.symbols: set[str] = set()
        """Binance's names."""

    def learn(self, symbol: str, external_id: str, client_id: str) -> None:
        """Remember an order; the venue's id may change, when a conditional order becomes an ordinary one."""
        self.symbols.add(symbol)
        if not (external_id and client_id):
            return
        self._by_client[client_id] = Known(symbol, external_id, client_id)
        self._by_client.move_to_end(client_id)
        if not external_id.startswith(ALGO):
            self._by_external[symbol, external_id] = client_id
            self._conditional.pop(client_id, None)
        for kept in (self._by_client, self._by_external):
            if len(kept) > self._limit:
                kept.popitem(last=False)

    def expect_conditional(self, client_id: str) -> None:
        """Remember that an order of ours is a conditional one, before the venue has said anything of it."""
        self._conditional[client_id] = None
        if len(self._conditional) > self._limit:
            self._conditional.popitem(last=False)

    def is_conditional(self, client_id: str, external_id: str | None) -> bool:
        """Whether an order waits for its trigger, as far as is known."""
        known = self._by_client.get(client_id)
        if known is not None or external_id:
            return (known.external_id if known is not None else external_id or "").startswith(ALGO)
        return client_id in self._conditional

    def see(self, item: Any) -> None:
        """Learn from a message of the stream, or from a listed order."""
        if isinstance(item, VenueOrderUpdate):
            item = item.order
        if isinstance(item, VenueFill | VenueOrder | VenueOrderDone):
            self.learn(raw_name(item.symbol), item.external_order_id, item.venue_client_id)

    def client_id(self, symbol: str, external_id: str) -> str | None:
        """Return our id of an order that the venue calls so; None if it was not seen."""
        return self._by_external.get((symbol, external_id))

    def order(self, client_id: str) -> Known | None:
        """Return an order by our id."""
        return self._by_client.get(client_id)
