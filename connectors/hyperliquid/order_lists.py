"""Questions about the orders of one account, and the names behind their numbers."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from connectors.bridge.errors import Unknown
from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.order_state import venue_order
from connectors.hyperliquid.symbols import Symbols
from engine.domain.kinds import InstrumentKind
from engine.messages.venues import OpenOrdersQuery, OrderAbsent, OrderFound, OrderQuery, VenueOrder, VenueOrders

Ask = Callable[[dict[str, Any]], Awaitable[bytes]]
"""Asks an info request."""

EXTERNAL = "external:"
"""How the router calls orders without a cloid: `external:SYMBOL:NUMBER`."""

_decode_orders = msgspec.json.Decoder(tuple[wire.Order, ...]).decode
_decode_status = msgspec.json.Decoder(wire.OrderStatus).decode


class OrderLists:
    """What the venue knows of an account's orders."""

    def __init__(
        self,
        ask: Ask,
        user: str,
        *,
        kind: InstrumentKind,
        symbols: Symbols,
        known: KnownOrders,
        now_ns: Callable[[], int],
    ) -> None:
        """Keep what it works with; `user`: address of the account, `now_ns`: the venue's time."""
        self._ask = ask
        self._user = user
        self._kind = kind
        self._symbols = symbols
        self._known = known
        self._now_ns = now_ns

    async def listed(self) -> list[wire.Order]:
        """Return all open orders of the account's markets, in the long form; their names are learnt.

        Raises:
            BridgeError: No answer.
        """
        orders = _decode_orders(await self._ask({"type": "frontendOpenOrders", "user": self._user}))
        mine = [each for each in orders if self._symbols.kind(each.coin) is self._kind and ":" not in each.coin]
        for order in mine:
            self._known.learn(order.oid, order.cloid or "")
        return mine

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        """Return all open orders; the venue lists them in one answer."""
        del query
        orders = await self.listed()
        return VenueOrders(orders=tuple(self._shown(_as_open(each)) for each in orders))

    async def find(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        """Return an order by our name of it."""
        update = await self.by_name(query.venue_client_id)
        if update is None:
            return OrderAbsent(venue_time_ns=self._now_ns())
        self._known.settle(query.venue_client_id)
        return OrderFound(order=self._shown(update))

    async def by_name(self, client_id: str) -> wire.OrderUpdate | None:
        """Return an order by cloid, or by the number in a name that the router has made; None if there is none."""
        if client_id.startswith(EXTERNAL):
            return await self.status(int(client_id.rpartition(":")[2]))
        update = await self.status(client_id)
        newest = self._known.number_of(client_id)
        if update is not None and newest is not None and newest > update.order.oid:
            # The one that was replaced; the order lives on under a newer number.
            return await self.status(newest) or update
        return update

    async def status(self, name: int | str) -> wire.OrderUpdate | None:
        """Return an order by number or cloid; None if the venue has none.

        Raises:
            BridgeError: No answer, or one that proves nothing.
        """
        answer = _decode_status(await self._ask({"type": "orderStatus", "user": self._user, "oid": name}))
        if answer.status == "unknownOid":
            return None
        if answer.order is None:
            raise Unknown("bad_answer", f"an order without itself: {answer.status}")
        self._known.learn(answer.order.order.oid, answer.order.order.cloid or "")
        return answer.order

    async def name_of(self, oid: int) -> str:
        """Return the cloid behind a number; empty if it has none, or the venue does not know the number any more.

        Raises:
            BridgeError: No answer.
        """
        known = self._known.cloid_of(oid)
        if known is None:
            update = await self.status(oid)
            known = "" if update is None else update.order.cloid or ""
        return known

    def _shown(self, update: wire.OrderUpdate) -> VenueOrder:
        order = update.order
        return venue_order(
            update,
            self._symbols.unified(order.coin),
            client_id=order.cloid or "",
            filled_before=self._known.filled_before(order.oid),
        )


def _as_open(order: wire.Order) -> wire.OrderUpdate:
    return wire.OrderUpdate(order=order, status="open", statusTimestamp=order.timestamp)
