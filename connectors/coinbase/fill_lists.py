"""Coinbase's list of fills, oldest first, from a place that we name.

Coinbase lists the newest first and pages backwards; whoever compares wants the oldest first and goes on forwards. So a
question walks all pages since its place, puts them in order and gives the first part of it; the rest waits for the next
question. A place is the venue's sequence time of a fill in ns. A little before it is asked for again: the list may show
a fill later than one that came after it, and whether the filter means the trade's or the sequence's time is not told.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.bridge.errors import Unknown
from connectors.coinbase import private_wire as wire
from connectors.coinbase.exchange import Coinbase
from connectors.coinbase.order_lists import OrderLists
from connectors.coinbase.private_parse import venue_fill
from connectors.coinbase.times import rfc3339
from engine.domain.identifiers import AccountId, Venue
from engine.messages.venues import FillsQuery, VenueFill, VenueFills

PAGE: Final = 100
PAGES_MAX: Final = 400
"""Of one walk; 40,000 fills since the last comparison are more than an outage makes."""
GIVEN_MAX: Final = 500
"""Fills in one answer of ours, and all that share the last one's time."""
OVERLAP_NS: Final = 5_000_000_000

_fills = msgspec.json.Decoder(wire.Fills).decode


class FillLists:
    """Reads fills of one account."""

    def __init__(
        self,
        exchange: Coinbase,
        orders: OrderLists,
        *,
        account_id: AccountId,
        venue: Venue,
        since_ns: int,
        odd: Callable[[str], None],
    ) -> None:
        """Keep what it works with.

        Args:
            exchange: Of the account.
            orders: Finds our client ids of orders.
            account_id: Put into every fill.
            venue: Our name of it, put into every fill.
            since_ns: When the account was introduced; older fills are not asked for.
            odd: Told of entries that are no fills to book: their kind and product.
        """
        self._exchange = exchange
        self._orders = orders
        self._account_id = account_id
        self._venue = venue
        self._since_ns = since_ns
        self._odd = odd
        self._rest: tuple[VenueFill, ...] = ()
        self._rest_after: str | None = None
        """The place behind which `_rest` goes on."""

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return fills after a place, oldest first.

        Raises:
            BridgeError: No answer.
        """
        if query.venue_client_id is not None:
            return await self._of_client_id(query)
        if query.cursor is None or query.cursor != self._rest_after:
            place = self._since_ns if query.cursor is None else int(query.cursor)
            self._rest = await self._walk({"start_sequence_timestamp": rfc3339(max(0, place - OVERLAP_NS))})
        fills = self._rest[: _end_of(self._rest)]
        self._rest = self._rest[len(fills) :]
        # Never back: what lies before the place was only asked for again.
        last = fills[-1].cursor if fills else None
        cursor = max((one for one in (last, query.cursor) if one is not None), key=int, default=None)
        self._rest_after = cursor if self._rest else None
        return VenueFills(fills=fills, cursor=cursor, has_more=bool(self._rest))

    def of_orders(self, order_ids: Sequence[str]) -> AsyncIterator[tuple[VenueFill, ...]]:
        """Give the fills of some orders, by Coinbase's ids, page by page, the newest page first.

        Raises:
            BridgeError: No answer.
        """
        return self._pages({"order_ids": list(order_ids)})

    async def _of_client_id(self, query: FillsQuery) -> VenueFills:
        """Return all fills of one order at once; a place within them is behind what it names."""
        assert query.venue_client_id is not None, "asked for one order"
        order_id = await self._orders.order_id(query.venue_client_id)
        if order_id is None:
            return VenueFills(fills=(), cursor=query.cursor)
        fills = await self._walk({"order_ids": [order_id]})
        if query.cursor is not None:
            fills = tuple(fill for fill in fills if int(fill.cursor) >= int(query.cursor))
        return VenueFills(fills=fills, cursor=fills[-1].cursor if fills else query.cursor)

    async def _walk(self, filters: dict[str, Any]) -> tuple[VenueFill, ...]:
        """Return everything that a filter lets through, oldest first, each once."""
        found: dict[tuple[str, str], VenueFill] = {}
        async for page in self._pages(filters):
            found |= {(fill.external_trade_id, fill.side): fill for fill in page}
        # The list is newest first, also among fills of one time.
        oldest_first = list(reversed(found.values()))
        return tuple(sorted(oldest_first, key=lambda fill: int(fill.cursor)))

    async def _pages(self, filters: dict[str, Any]) -> AsyncIterator[tuple[VenueFill, ...]]:
        cursor = ""
        for _ in range(PAGES_MAX):
            params = {**filters, "limit": PAGE, **({"cursor": cursor} if cursor else {})}
            page = _fills(await self._exchange.ask(self._exchange.v3PrivateGetBrokerageOrdersHistoricalFills, params))
            yield await self._told(page.fills)
            if not page.cursor or not page.fills or page.cursor == cursor:
                return
            cursor = page.cursor
        raise Unknown("list_too_long", f"more than {PAGE * PAGES_MAX} fills")

    async def _told(self, entries: Sequence[wire.Fill]) -> tuple[VenueFill, ...]:
        client_ids = await self._orders.client_ids([entry.order_id for entry in entries])
        found: list[VenueFill] = []
        for entry in entries:
            fill = venue_fill(entry, client_ids[entry.order_id], self._account_id, self._venue)
            if fill is None:
                self._odd(f"{entry.trade_type} {entry.product_id}")
            else:
                found.append(fill)
        return tuple(found)


def _end_of(fills: Sequence[VenueFill]) -> int:
    """Return how many to give: fills of one time are not torn apart, or the next question would lose some."""
    end = min(GIVEN_MAX, len(fills))
    while 0 < end < len(fills) and fills[end].cursor == fills[end - 1].cursor:
        end += 1
    return end
