"""Orders and changes as Coinbase's request bodies. Pure.

The same command gives the same body, byte for byte. `stop_direction` follows from the side: a buying stop waits for a
rise, a selling one for a fall; ccxt's unified call would turn it around.
Source: Coinbase Advanced Trade, POST /brokerage/orders, /orders/batch_cancel, /orders/edit.
"""

from decimal import Decimal
from typing import Any, Final

from connectors.bridge.errors import BAD_PRICE, BAD_QUANTITY, Refused
from connectors.coinbase.symbols import product_of
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.domain.values import is_multiple, text_of
from engine.messages.venues import VenueSubmit

Body = dict[str, Any]

UNSUPPORTED: Final = "unsupported"

_LIMIT: Final = {
    TimeInForce.GTC: "limit_limit_gtc",
    TimeInForce.IOC: "sor_limit_ioc",
    TimeInForce.FOK: "limit_limit_fok",
}


def new_order(order: VenueSubmit, instrument: Instrument | None = None) -> Body:
    """Return the body that places an order.

    Args:
        order: What to place; quantities are in the base asset, also of market buys.
        instrument: The product's rules; a value that they do not allow is refused here, whoever rounded it.

    Raises:
        Refused: Coinbase has no such order, or the value fits no step.
    """
    if order.reduce_only:
        raise Refused(UNSUPPORTED, "spot orders cannot be reduce-only")
    if instrument is not None:
        _check_steps(order, instrument)
    return {
        "client_order_id": order.venue_client_id,
        "product_id": product_of(order.symbol),
        "side": order.side.value.upper(),
        "order_configuration": _configuration(order),
    }


def _configuration(order: VenueSubmit) -> Body:
    size = text_of(order.quantity)
    if order.type is OrderType.MARKET:
        kind = "market_market_fok" if order.time_in_force is TimeInForce.FOK else "market_market_ioc"
        return {kind: {"base_size": size}}
    if order.price is None:
        raise Refused(UNSUPPORTED, f"a {order.type} order without a price")
    values: Body = {"base_size": size, "limit_price": text_of(order.price)}
    if order.type is OrderType.LIMIT:
        kind = _LIMIT[order.time_in_force]
        if order.time_in_force is TimeInForce.GTC:
            values["post_only"] = order.post_only
        elif order.post_only:
            raise Refused(UNSUPPORTED, f"post only with {order.time_in_force}")
        return {kind: values}
    if order.type is not OrderType.STOP_LIMIT or order.stop_price is None:
        raise Refused(UNSUPPORTED, f"a {order.type} order")
    if order.time_in_force is not TimeInForce.GTC or order.post_only:
        raise Refused(UNSUPPORTED, "a stop-limit order other than GTC, or post only")
    values["stop_price"] = text_of(order.stop_price)
    values["stop_direction"] = "STOP_DIRECTION_STOP_UP" if order.side is Side.BUY else "STOP_DIRECTION_STOP_DOWN"
    return {"stop_limit_stop_limit_gtc": values}


def _check_steps(order: VenueSubmit, instrument: Instrument) -> None:
    if not is_multiple(order.quantity, instrument.step_size):
        raise Refused(BAD_QUANTITY, f"expected a multiple of {instrument.step_size}, was {order.quantity}")
    for price in (order.price, order.stop_price):
        if price is not None and not is_multiple(price, instrument.tick_size):
            raise Refused(BAD_PRICE, f"expected a multiple of {instrument.tick_size}, was {price}")


def cancel_orders(*external_order_ids: str) -> Body:
    """Return the body that cancels orders by Coinbase's ids; it knows no other way."""
    return {"order_ids": list(external_order_ids)}


def edit_order(
    external_order_id: str, *, quantity: Decimal, price: Decimal | None, stop_price: Decimal | None = None
) -> Body:
    """Return the body that changes an order. Both values are always named: Coinbase reads an absent size as 0.

    Args:
        external_order_id: Coinbase's id.
        quantity: The order's whole quantity afterwards, what is filled included.
        price: Its limit afterwards.
        stop_price: Its trigger afterwards; None if it has none.
    """
    body: Body = {"order_id": external_order_id, "size": text_of(quantity)}
    if price is not None:
        body["price"] = text_of(price)
    if stop_price is not None:
        body["stop_price"] = text_of(stop_price)
    return body
