"""Orders, cancels and edits at Coinbase: one request each, and what its answer proves.

The token of an order or an edit ends at its time limit. Coinbase answers a client id that it has seen with the first
order, so a repeated request could make no second one; none is repeated all the same. Cancels go by Coinbase's ids and
are only queued by their answer: the end comes by the stream. Edits are queued too, and done when the venue shows it.
"""

from decimal import Decimal
from typing import Final

import msgspec

from connectors.bridge.departure import Departure
from connectors.bridge.errors import (
    ALREADY_DONE,
    UNKNOWN_ORDER,
    AuthRefused,
    BridgeError,
    Refused,
    Unknown,
)
from connectors.bridge.exchange import Endpoint
from connectors.coinbase import private_wire as wire
from connectors.coinbase.exchange import Coinbase, expires_ns
from connectors.coinbase.order_lists import OrderLists, born_of
from connectors.coinbase.reasons import refusal
from connectors.coinbase.requests import Body, cancel_orders, edit_order, new_order
from connectors.coinbase.symbols import product_of
from connectors.live.adapter import Accepted
from engine.domain.instrument import Instrument
from engine.messages.venues import VenueAmend, VenueAmended, VenueCancel, VenueOrder, VenueSubmit
from engine.runtime.clock import NS_PER_S

YOUNG_NS: Final = 60 * NS_PER_S
"""An order younger than this may not be listed yet: its request may still be under way."""
EDIT_LOOKS_NS: Final = (0, 200_000_000, 400_000_000, 800_000_000, 1_600_000_000)
"""Before each look whether an edit that was taken has been done."""

_new_order = msgspec.json.Decoder(wire.NewOrder).decode
_cancels = msgspec.json.Decoder(wire.Cancels).decode
_edited = msgspec.json.Decoder(wire.Edited).decode


class Commands:
    """What changes something at one account."""

    def __init__(self, exchange: Coinbase, orders: OrderLists) -> None:
        """Keep what it works with: the account's connection, and where its orders are found."""
        self._exchange = exchange
        self._orders = orders
        self._time = exchange.bridge.time
        self._clock = exchange.bridge.clock

    async def submit(self, order: VenueSubmit, departure: Departure, instrument: Instrument | None) -> Accepted:
        """Place an order.

        Raises:
            BridgeError: As `PrivateAdapter.submit`.
        """
        body = new_order(order, instrument)
        answer = _new_order(
            await self._send(self._exchange.v3PrivatePostBrokerageOrders, body, departure, order.valid_until_ns)
        )
        if not answer.success:
            failure = answer.error_response or wire.Failure()
            raise refusal(
                [failure.error, failure.new_order_failure_reason, failure.preview_failure_reason],
                failure.error_details or failure.message,
            )
        placed = answer.success_response
        if placed is None or not placed.order_id:
            raise Unknown("bad_answer", "success without an order")
        if not _is_about(placed, order):
            raise Unknown("bad_answer", f"an answer about order {placed.client_order_id}")
        self._orders.known.learn(placed.order_id, order.venue_client_id)
        return Accepted(external_order_id=placed.order_id, venue_time_ns=self._time.now_ns())

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> None:
        """Cancel an order; its end comes by the stream.

        Raises:
            BridgeError: As `PrivateAdapter.cancel`.
        """
        order_id = await self._order_id(cancel)
        raw = await self._exchange.ask(
            self._exchange.v3PrivatePostBrokerageOrdersBatchCancel, cancel_orders(order_id), departure=departure
        )
        result = next((one for one in _cancels(raw).results if one.order_id == order_id), None)
        if result is None:
            raise Unknown("bad_answer", "no result for the order")
        if result.success or result.failure_reason == "DUPLICATE_CANCEL_REQUEST":
            return
        error = refusal([result.failure_reason])
        if isinstance(error, Refused) and error.code == UNKNOWN_ORDER and await self._is_over(order_id):
            error = Refused(ALREADY_DONE, "it is over", venue_code=error.venue_code)
        raise error

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Change an order; done when the venue shows it with its new values.

        Raises:
            BridgeError: As `PrivateAdapter.amend`.
        """
        order = await self._open_order(amend)
        quantity = amend.quantity or order.quantity
        price = amend.price or order.price
        stop_price = amend.stop_price or order.stop_price
        body = edit_order(order.external_order_id, quantity=quantity, price=price, stop_price=stop_price)
        answer = _edited(
            await self._send(self._exchange.v3PrivatePostBrokerageOrdersEdit, body, departure, amend.valid_until_ns)
        )
        if not answer.success:
            raise _edit_refusal(answer)
        venue_time_ns = await self._edited_at(order.external_order_id, (quantity, price, stop_price))
        return VenueAmended(
            request_id=amend.request_id,
            order_id=amend.order_id,
            account_id=amend.account_id,
            external_order_id=order.external_order_id,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            venue_time_ns=venue_time_ns,
        )

    async def _edited_at(self, order_id: str, wanted: tuple[Decimal, Decimal | None, Decimal | None]) -> int:
        """Return when the venue showed an order with its new quantity, price and stop price.

        Raises:
            Unknown: It has not, in time; whatever a look comes to says nothing of the edit.
        """
        for pause_ns in EDIT_LOOKS_NS:
            if pause_ns:
                await self._clock.sleep(pause_ns)
            try:
                now = await self._orders.by_order_id(order_id)
            except BridgeError as error:
                raise Unknown("edit_queued", "the edit was taken; its order cannot be read") from error
            if now is not None and (now.quantity, now.price, now.stop_price) == wanted:
                return now.venue_time_ns
        raise Unknown("edit_queued", "the edit was taken, and is not done yet")

    async def _send(self, endpoint: Endpoint, body: Body, departure: Departure, until_ns: int) -> bytes:
        """Send a command whose token ends with its time limit (wall clock)."""
        limit_ns = until_ns + self._time.offset_ns
        ends = expires_ns.set(limit_ns)
        try:
            return await self._exchange.ask(endpoint, body, departure=departure)
        except AuthRefused as error:
            if error.code != "bad_key" or self._time.now_ns() < limit_ns:
                raise
            # It was on its way for so long that its token had expired: that says nothing of the key.
            raise Refused("too_late", "Coinbase read it after its time limit") from error
        finally:
            expires_ns.reset(ends)

    async def _order_id(self, command: VenueCancel | VenueAmend) -> str:
        """Return Coinbase's id of the order that a command is about."""
        order_id = command.external_order_id or self._orders.known.order_id(command.venue_client_id)
        if order_id is not None:
            return order_id
        order = await self._orders.by_client_id(command.symbol, command.venue_client_id)
        if order is not None:
            return order.external_order_id
        born_ns = born_of(command.venue_client_id)
        if born_ns is not None and self._clock.now_ns() - born_ns < YOUNG_NS:
            # It may be on its way still, or the list may trail.
            raise Unknown("not_listed_yet", "Coinbase lists no such order yet")
        # Nothing left us, but that is what the venue would say.
        raise Refused(UNKNOWN_ORDER, "Coinbase lists no such order")

    async def _open_order(self, amend: VenueAmend) -> VenueOrder:
        order = await self._orders.by_order_id(await self._order_id(amend))
        if order is None:
            raise Refused(UNKNOWN_ORDER, "Coinbase has no such order")
        if not order.is_open:
            raise Refused(ALREADY_DONE, f"it is {order.done_reason}")
        return order

    async def _is_over(self, order_id: str) -> bool:
        """Tell an order that is done from one that never was: Coinbase calls both unknown when it cancels."""
        try:
            order = await self._orders.by_order_id(order_id)
        except BridgeError:
            return False
        return order is not None and not order.is_open


def _is_about(placed: wire.Placed, order: VenueSubmit) -> bool:
    wanted = (order.venue_client_id, product_of(order.symbol), order.side.value.upper())
    told = (placed.client_order_id, placed.product_id, placed.side)
    return all(not one or one == other for one, other in zip(told, wanted, strict=True))


def _edit_refusal(answer: wire.Edited) -> Exception:
    errors = answer.errors if isinstance(answer.errors, tuple) else (answer.errors,)
    reasons = [reason for one in errors for reason in (one.edit_failure_reason, one.preview_failure_reason)]
    failure = answer.error_response or wire.Failure()
    return refusal([*reasons, failure.edit_order_failure_reason, failure.error], failure.error_details)
