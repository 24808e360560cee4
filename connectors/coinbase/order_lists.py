"""Coinbase's lists of orders: open ones page by page, and one order by our client id.

Coinbase finds no order by its client id. Of orders that were seen its own id is remembered. Any other is looked for in
the list since the time at which it was made, which our ids tell: they are UUIDs of version 7.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from connectors.bridge.errors import UNKNOWN_ORDER, Refused, Unknown
from connectors.coinbase import private_wire as wire
from connectors.coinbase.exchange import Coinbase
from connectors.coinbase.private_parse import Seen, historical_order, is_spot
from connectors.coinbase.symbols import product_of
from connectors.coinbase.times import rfc3339
from engine.domain.identifiers import Symbol
from engine.messages.venues import OpenOrdersQuery, OrderAbsent, OrderFound, OrderQuery, VenueOrder, VenueOrders

PAGE: Final = 250
PAGES_MAX: Final = 40
"""Of one search; an order that is not among so many is not proven absent."""
BEFORE_NS: Final = 60 * 1_000_000_000
"""So long before its birth, by our clock, an order is looked for by the venue's."""
KNOWN_MAX: Final = 20_000

_orders = msgspec.json.Decoder(wire.Orders).decode
_one = msgspec.json.Decoder(wire.OneOrder).decode


class KnownIds:
    """Coinbase's ids and ours of the newest orders that were seen."""

    def __init__(self, limit: int = KNOWN_MAX) -> None:
        """Remember `limit` orders."""
        self._limit = limit
        self._by_client: OrderedDict[str, str] = OrderedDict()
        self._by_order: dict[str, str] = {}

    def learn(self, order_id: str, client_id: str) -> None:
        """Remember a pair; orders placed elsewhere may have no client id."""
        if not order_id or self._by_order.get(order_id) == client_id:
            return
        self._by_order[order_id] = client_id
        self._by_client[client_id or order_id] = order_id
        if len(self._by_client) > self._limit:
            _, oldest = self._by_client.popitem(last=False)
            self._by_order.pop(oldest, None)

    def see(self, seen: Seen) -> None:
        """Remember an order of the stream."""
        self.learn(seen.order_id, seen.client_id)

    def order_id(self, client_id: str) -> str | None:
        """Return Coinbase's id."""
        return self._by_client.get(client_id)

    def client_id(self, order_id: str) -> str | None:
        """Return ours."""
        return self._by_order.get(order_id)


class OrderLists:
    """Reads orders of one account."""

    def __init__(self, exchange: Coinbase, known: KnownIds, now_ns: Callable[[], int]) -> None:
        """Keep what it works with; `now_ns` is the venue's time."""
        self._exchange = exchange
        self.known = known
        self._now_ns = now_ns

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        """Return one page of open orders.

        Raises:
            BridgeError: No answer.
        """
        at_ns = self._now_ns()
        page = await self._page({"order_status": "OPEN"}, query.after)
        orders = tuple(self._order(order, at_ns) for order in page.orders if is_spot(order))
        return VenueOrders(orders=orders, next_after=page.cursor if page.has_next and page.cursor else None)

    async def find(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        """Return an order by our client id.

        Raises:
            BridgeError: No answer, or none that proves anything.
        """
        at_ns = self._now_ns()
        order = await self.by_client_id(query.symbol, query.venue_client_id)
        return OrderAbsent(venue_time_ns=at_ns) if order is None else OrderFound(order=order)

    async def by_client_id(self, symbol: Symbol, client_id: str) -> VenueOrder | None:
        """Return an order by our client id, None where Coinbase has none.

        Raises:
            BridgeError: As `find`.
        """
        order_id = self.known.order_id(client_id)
        if order_id is not None and (order := await self.by_order_id(order_id)) is not None:
            return order
        return await self._search({"product_ids": [product_of(symbol)]}, client_id)

    async def order_id(self, client_id: str) -> str | None:
        """Return Coinbase's id of an order by ours, whatever its product; None where Coinbase lists none.

        Raises:
            BridgeError: As `find`.
        """
        order_id = self.known.order_id(client_id)
        if order_id is None and (order := await self._search({}, client_id)) is not None:
            order_id = order.external_order_id
        return order_id

    async def by_order_id(self, order_id: str) -> VenueOrder | None:
        """Return an order by Coinbase's id, None where it has none.

        Raises:
            BridgeError: No answer.
        """
        at_ns = self._now_ns()
        try:
            raw = await self._exchange.ask(
                self._exchange.v3PrivateGetBrokerageOrdersHistoricalOrderId, {"order_id": order_id}
            )
        except Refused as error:
            if error.code == UNKNOWN_ORDER:
                return None
            raise
        return self._order(_one(raw).order, at_ns)

    async def client_ids(self, order_ids: Sequence[str]) -> dict[str, str]:
        """Return our ids by Coinbase's; empty for orders that it does not list any more.

        Raises:
            BridgeError: No answer.
        """
        missing = [order_id for order_id in dict.fromkeys(order_ids) if self.known.client_id(order_id) is None]
        for start in range(0, len(missing), 50):
            some = missing[start : start + 50]
            page = await self._page({"order_ids": some}, None)
            for order in page.orders:
                self.known.learn(order.order_id, order.client_order_id)
        return {order_id: self.known.client_id(order_id) or "" for order_id in order_ids}

    async def _search(self, filters: dict[str, Any], client_id: str) -> VenueOrder | None:
        """Look through the list since the order's birth, newest first."""
        born_ns = born_of(client_id)
        if born_ns is not None:
            start_ns = born_ns + self._exchange.bridge.time.offset_ns - BEFORE_NS
            filters = {**filters, "start_date": rfc3339(max(0, start_ns))}
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            at_ns = self._now_ns()
            page = await self._page(filters, cursor)
            for order in page.orders:
                self.known.learn(order.order_id, order.client_order_id)
                if order.client_order_id == client_id:
                    return historical_order(order, at_ns)
            if not page.has_next or not page.cursor or page.cursor == cursor:
                return None
            cursor = page.cursor
        raise Unknown("list_too_long", f"order not among the newest {PAGE * PAGES_MAX}")

    async def _page(self, filters: dict[str, Any], cursor: str | None) -> wire.Orders:
        params = {**filters, "limit": PAGE}
        if cursor:
            params["cursor"] = cursor
        return _orders(await self._exchange.ask(self._exchange.v3PrivateGetBrokerageOrdersHistoricalBatch, params))

    def _order(self, order: wire.HistoricalOrder, at_ns: int) -> VenueOrder:
        self.known.learn(order.order_id, order.client_order_id)
        return historical_order(order, at_ns)


def born_of(client_id: str) -> int | None:
    """Return when an id of ours was made, in ns; None for ids of others."""
    try:
        uuid = UUID(client_id)
    except ValueError:
        return None
    return (uuid.int >> 80) * 1_000_000 if uuid.version == 7 else None
