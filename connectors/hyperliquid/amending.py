"""Changes open orders: at Hyperliquid a new order in the place of the old one, with a new number and the same cloid."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec

from connectors.bridge.errors import ALREADY_DONE, UNKNOWN_ORDER, BridgeError, Refused
from connectors.hyperliquid.answers import placed
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.order_lists import OrderLists
from connectors.hyperliquid.order_state import done_reason
from connectors.hyperliquid.private_wire import Order
from connectors.hyperliquid.requests import Action, amend_action
from connectors.hyperliquid.symbols import MarketName
from engine.domain.errors import BadInput
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO, add, subtract
from engine.messages.venues import VenueAmend, VenueAmended

Send = Callable[[Action], Awaitable[bytes]]
"""Signs an action and sends it once."""


class Amender:
    """The amends of one account."""

    def __init__(self, orders: OrderLists, known: KnownOrders, *, now_ns: Callable[[], int]) -> None:
        """Keep what it works with; `now_ns`: the venue's time."""
        self._orders = orders
        self._known = known
        self._now_ns = now_ns

    async def amend(self, amend: VenueAmend, market: MarketName, instrument: Instrument, *, send: Send) -> VenueAmended:
        """Replace an order, and say what holds now.

        Raises:
            Refused: A definite no: the order is as it was, or it is over.
            BridgeError: Also `Unknown`; then no end of the old number is believed until the order is asked for.
        """
        cloid = amend.venue_client_id
        listed = await self._listed(cloid)
        before = self._known.filled_before(listed.oid)
        action = amend_action(amend, listed, before, market, instrument)
        new = await self._replace(cloid, listed.oid, action, send)
        filled = subtract(listed.size, listed.sz)
        meanwhile = ZERO
        if new != listed.oid:
            meanwhile = await self._filled_since(listed)
            self._known.replaced(listed.oid, new, cloid, add(filled, meanwhile))
        rest = listed.sz if amend.quantity is None else subtract(amend.quantity, add(before, filled))
        return self._amended(amend, listed, new, add(add(before, filled), add(meanwhile, rest)))

    async def _replace(self, cloid: str, oid: int, action: Action, send: Send) -> int:
        """Send the modification; return the new number."""
        self._known.begin_amend(cloid, oid)
        try:
            new = placed(await send(action))
        except BridgeError as error:
            if not error.is_definite:
                self._known.doubt_amend(cloid)
            elif self._known.end_amend(cloid):
                # Its end came meanwhile and was not believed; the router asks for what is said to be over.
                raise Refused(ALREADY_DONE, error.message) from error
            raise
        except BaseException:
            self._known.doubt_amend(cloid)
            raise
        self._known.end_amend(cloid)
        return new

    async def _listed(self, cloid: str) -> Order:
        """Return an open order as the venue lists it: only the list tells what is left."""
        for order in await self._orders.listed():
            if order.cloid == cloid:
                return order
        raise Refused(UNKNOWN_ORDER, "Hyperliquid lists no such order")

    async def _filled_since(self, listed: Order) -> Decimal:
        """Return what an order has filled between being listed and being replaced: the new one does not know of it."""
        try:
            update = await self._orders.status(listed.oid)
            is_over = update is not None and done_reason(update.status, update.order.sz) is not None
        except (BridgeError, BadInput, msgspec.DecodeError):
            return ZERO  # The fills say it as well, later.
        if update is None or not is_over:
            return ZERO
        return max(ZERO, subtract(listed.sz, update.order.sz))

    def _amended(self, amend: VenueAmend, listed: Order, new: int, quantity: Decimal) -> VenueAmended:
        is_market = listed.isTrigger and listed.orderType.endswith("Market")
        limit = listed.limitPx if amend.price is None else amend.price
        trigger = listed.triggerPx if amend.stop_price is None else amend.stop_price
        return VenueAmended(
            request_id=amend.request_id,
            order_id=amend.order_id,
            account_id=amend.account_id,
            external_order_id=str(new),
            quantity=quantity,
            price=None if is_market else limit,
            stop_price=trigger if listed.isTrigger else None,
            venue_time_ns=self._now_ns(),
        )
