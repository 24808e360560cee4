"""Commands of the connector protocol as requests of Binance's: pure and exact.

An order that contradicts itself is refused here, before it leaves.

A request's timestamp is set so that its window ends with the command's `valid_until_ns` by the venue's clock: whatever
reaches the matching engine later is refused with -1021, a definite no.
Source: Binance spot, "Trading endpoints", "Timing security"; USD-M, "Trade" and "Algo" endpoints.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

import msgspec

from connectors.binance.capabilities import RECEIVE_WINDOW_NS
from connectors.binance.generations import replacement_of
from connectors.binance.symbols import Market, raw_name
from connectors.binance.words import ALGO, NS_PER_MS
from connectors.bridge import errors
from connectors.bridge.errors import Refused
from engine.domain.kinds import PRICED_TYPES, TRIGGERED_TYPES, OrderType, PositionSide, TimeInForce
from engine.domain.values import text_of
from engine.messages.venues import VenueAmend, VenueCancel, VenueOrder, VenueSubmit

Method = Literal["GET", "POST", "PUT", "DELETE"]
Api = Literal["public", "private", "fapiPublic", "fapiPrivate", "fapiPrivateV2", "fapiPrivateV3", "sapi"]

RECEIVE_WINDOW_MS: Final = RECEIVE_WINDOW_NS // NS_PER_MS


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One REST request without its signature."""

    method: Method
    api: Api
    """Which of ccxt's addresses."""
    path: str
    params: Mapping[str, str | int]
    weight: int = 1
    """Of the limit per minute and address."""
    orders: int = 0
    """Of the limits of orders per account."""


_ORDER_API: Final[Mapping[Market, Api]] = {"spot": "private", "usdm": "fapiPrivate"}

_SPOT_TRIGGERED: Final = {
    OrderType.STOP: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}
_USDM_TRIGGERED: Final = {
    OrderType.STOP: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT_MARKET",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
}


def timestamp_ms(valid_until_ms: int, now_ms: int) -> int:
    """Return the timestamp whose window ends at `valid_until_ms`, never one that lies ahead; venue time."""
    return min(now_ms, valid_until_ms - RECEIVE_WINDOW_MS)


def _timed(params: dict[str, str | int], timestamp: int) -> dict[str, str | int]:
    return {**params, "recvWindow": RECEIVE_WINDOW_MS, "timestamp": timestamp}


# --- Orders -----------------------------------------------------------------------------------------------------------


def submit(order: VenueSubmit, market: Market, *, timestamp: int, is_hedged: bool = False) -> Request:
    """Return the request that places an order.

    Raises:
        Refused: The order cannot be said in Binance's words; nothing was sent.
    """
    is_triggered = order.type in TRIGGERED_TYPES
    params: dict[str, str | int] = {
        "symbol": raw_name(order.symbol),
        "side": order.side.value.upper(),
        "quantity": text_of(order.quantity),
    }
    if market == "usdm":
        params |= _position(order, is_hedged=is_hedged)
    elif order.reduce_only or order.position_side is not PositionSide.NET:
        raise Refused("reduce_only_unsupported", "spot has no positions")
    if market == "usdm" and is_triggered:
        return _algo(order, params, timestamp)
    params |= _terms(order, market)
    if is_triggered:
        params["stopPrice"] = text_of(_required(order.stop_price, "stop price"))
    params["newClientOrderId"] = order.venue_client_id
    # The answer then tells of an immediate end (FOK, IOC) as well; its fills come by the stream, with their fees.
    params["newOrderRespType"] = "RESULT"
    return Request(
        method="POST",
        api=_ORDER_API[market],
        path="order",
        params=_timed(params, timestamp),
        weight=1 if market == "spot" else 0,
        orders=1,
    )


def _terms(order: VenueSubmit, market: Market) -> dict[str, str | int]:
    """Return type, price and time in force of an order that is not an algo order."""
    if order.type is OrderType.MARKET:
        return {"type": "MARKET"}
    if order.type not in PRICED_TYPES:
        return {"type": _SPOT_TRIGGERED[order.type]}
    price = text_of(_required(order.price, "price"))
    if order.type in TRIGGERED_TYPES:
        if order.post_only:
            raise Refused(errors.WOULD_TAKE, "an order with a trigger cannot be post-only")
        return {"type": _SPOT_TRIGGERED[order.type], "price": price, "timeInForce": order.time_in_force.value}
    if not order.post_only:
        return {"type": "LIMIT", "price": price, "timeInForce": order.time_in_force.value}
    if order.time_in_force is not TimeInForce.GTC:
        raise Refused(errors.WOULD_TAKE, f"a post-only order cannot be {order.time_in_force}")
    if market == "spot":
        return {"type": "LIMIT_MAKER", "price": price}
    return {"type": "LIMIT", "price": price, "timeInForce": "GTX"}


def _algo(order: VenueSubmit, params: dict[str, str | int], timestamp: int) -> Request:
    """Return a conditional order of USD-M: it has an endpoint, ids and events of its own until it is triggered."""
    params |= {
        "algoType": "CONDITIONAL",
        "type": _USDM_TRIGGERED[order.type],
        "triggerPrice": text_of(_required(order.stop_price, "stop price")),
        "workingType": "CONTRACT_PRICE",
        "clientAlgoId": order.venue_client_id,
    }
    if order.type in PRICED_TYPES:
        tif = order.time_in_force.value if not order.post_only else "GTX"
        params |= {"price": text_of(_required(order.price, "price")), "timeInForce": tif}
    return Request(
        method="POST",
        api="fapiPrivate",
        path="algoOrder",
        params=_timed(params, timestamp),
        weight=0,
        orders=1,
    )


def _position(order: VenueSubmit, *, is_hedged: bool) -> dict[str, str | int]:
    """Return what says which position is meant: one netted, or one of two in hedge mode."""
    if is_hedged != (order.position_side is not PositionSide.NET):
        mode = "two positions (hedge mode)" if is_hedged else "one position (one-way mode)"
        raise Refused("position_side", f"the account has {mode}, the order is for {order.position_side}")
    if is_hedged:
        # The position's side and the order's side say together what shrinks; `reduceOnly` is refused there.
        shrinks = (order.position_side is PositionSide.LONG) == (order.side.sign < 0)
        if order.reduce_only and not shrinks:
            raise Refused(errors.WOULD_NOT_REDUCE, f"{order.side} opens {order.position_side}")
        return {"positionSide": order.position_side.value.upper()}
    return {"reduceOnly": "true"} if order.reduce_only else {}


def _required(price: Decimal | None, what: str) -> Decimal:
    if price is None:
        raise Refused(errors.BAD_PRICE, f"the order has no {what}")
    return price


def cancel(message: VenueCancel, market: Market, *, timestamp: int, is_algo: bool) -> Request:
    """Return the request that cancels one order, by our id."""
    if is_algo:
        external = message.external_order_id or ""
        named: dict[str, str | int] = (
            {"algoId": external.removeprefix(ALGO)}
            if external.startswith(ALGO)
            else {"clientAlgoId": message.venue_client_id}
        )
        return Request(method="DELETE", api="fapiPrivate", path="algoOrder", params=_timed(named, timestamp))
    params = {"symbol": raw_name(message.symbol), **_named(message.venue_client_id, message.external_order_id)}
    return Request(method="DELETE", api=_ORDER_API[market], path="order", params=_timed(params, timestamp))


def _named(client_id: str, external_id: str | None) -> dict[str, str | int]:
    """Name an order: by the venue's number where we know it, since a client id may come again."""
    if external_id and external_id.isdigit():
        return {"orderId": external_id}
    return {"origClientOrderId": client_id}


def replace_spot(message: VenueAmend, known: VenueOrder, wire_id: str, *, timestamp: int) -> Request:
    """Return the request that replaces a spot order by one with other values, or changes nothing.

    The venue does it only while nothing of the order has filled: of an order in parts nobody could say how much the new
    one may still trade.

    Args:
        message: What is to change.
        known: How the order stands, as the venue says.
        wire_id: The client id by which the venue knows it.
        timestamp: Of the request.

    Raises:
        Refused: It cannot be said, or has filled in part; nothing was sent.
    """
    if known.filled_quantity:
        raise Refused("partially_filled", "spot replaces only orders of which nothing has filled")
    next_id, cancel_id = replacement_of(wire_id)
    wanted = VenueSubmit(
        order_id=message.order_id,
        account_id=message.account_id,
        venue_client_id=next_id,
        venue="",
        symbol=message.symbol,
        side=known.side,
        type=known.type,
        quantity=message.quantity or known.quantity,
        price=message.price or known.price,
        stop_price=message.stop_price or known.stop_price,
        time_in_force=known.time_in_force,
        post_only=known.post_only,
        valid_until_ns=message.valid_until_ns,
    )
    placing = submit(wanted, "spot", timestamp=timestamp)
    params: dict[str, str | int] = {
        **placing.params,
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelRestrictions": "ONLY_NEW",
        "cancelOrderId": known.external_order_id,
        "cancelNewClientOrderId": cancel_id,
    }
    return Request(method="POST", api="private", path="order/cancelReplace", params=params, weight=1, orders=1)


def amend_usdm(message: VenueAmend, known: VenueOrder, *, timestamp: int) -> Request:
    """Return the request that changes a USD-M order in place; the venue wants all values, also those that stay.

    Args:
        message: What is to change.
        known: How the order stands, as the venue says.
        timestamp: Of the request.

    Raises:
        Refused: It is a conditional order, which the venue cannot change.
    """
    if message.stop_price is not None or known.external_order_id.startswith(ALGO):
        raise Refused("amend_unsupported", "conditional orders cannot be changed; cancel and place it anew")
    params: dict[str, str | int] = {
        "symbol": raw_name(message.symbol),
        **_named(message.venue_client_id, message.external_order_id),
        "side": known.side.value.upper(),
        "quantity": text_of(message.quantity or known.quantity),
        "price": text_of(_required(message.price or known.price, "price")),
    }
    return Request(method="PUT", api="fapiPrivate", path="order", params=_timed(params, timestamp), orders=1)


def dead_man(symbol: str, timeout_ms: int, *, timestamp: int) -> Request:
    """Return the request that lets the venue cancel a symbol's orders after `timeout_ms`; 0 disarms."""
    params: dict[str, str | int] = {"symbol": symbol, "countdownTime": timeout_ms}
    return Request(
        method="POST", api="fapiPrivate", path="countdownCancelAll", params=_timed(params, timestamp), weight=10
    )


# --- Questions --------------------------------------------------------------------------------------------------------


def order_query(raw_symbol: str, market: Market, *, client_id: str = "", order_id: str = "") -> Request:
    """Return the question for one order."""
    named: dict[str, str | int] = {"orderId": order_id} if order_id else {"origClientOrderId": client_id}
    return Request(
        method="GET",
        api=_ORDER_API[market],
        path="order",
        params={"symbol": raw_symbol, **named},
        weight=4 if market == "spot" else 1,
    )


def algo_query(client_id: str) -> Request:
    """Return the question for one conditional order."""
    return Request(method="GET", api="fapiPrivate", path="algoOrder", params={"clientAlgoId": client_id})


def open_orders(market: Market) -> Request:
    """Return the question for all open orders, in all symbols."""
    return Request(
        method="GET", api=_ORDER_API[market], path="openOrders", params={}, weight=80 if market == "spot" else 40
    )


def open_algo_orders() -> Request:
    """Return the question for all conditional orders that wait."""
    return Request(method="GET", api="fapiPrivate", path="openAlgoOrders", params={}, weight=40)


TRADES_MAX: Final = 1000
"""Trades in one answer."""


def trades(raw_symbol: str, market: Market, *, from_id: int = 0, order_id: str = "") -> Request:
    """Return the question for trades of one symbol from a number on, or for those of one order."""
    params: dict[str, str | int] = {"symbol": raw_symbol, "limit": TRADES_MAX}
    params |= {"orderId": order_id} if order_id else {"fromId": from_id}
    if market == "spot":
        return Request(method="GET", api="private", path="myTrades", params=params, weight=5 if order_id else 20)
    return Request(method="GET", api="fapiPrivate", path="userTrades", params=params, weight=5)


def account(market: Market) -> Request:
    """Return the question for balances."""
    if market == "spot":
        return Request(method="GET", api="private", path="account", params={"omitZeroBalances": "true"}, weight=20)
    return Request(method="GET", api="fapiPrivateV3", path="account", params={}, weight=5)


def positions() -> Request:
    """Return the question for open positions."""
    return Request(method="GET", api="fapiPrivateV3", path="positionRisk", params={}, weight=5)


def income(since_ms: int) -> Request:
    """Return the question for fees paid since a time, which names the symbols that were traded."""
    params: dict[str, str | int] = {"incomeType": "COMMISSION", "startTime": since_ms, "limit": TRADES_MAX}
    return Request(method="GET", api="fapiPrivate", path="income", params=params, weight=30)


def order_test(raw_symbol: str, market: Market) -> Request:
    """Return a question that needs the permission to trade and places nothing; its order need not be allowed."""
    params: dict[str, str | int] = {
        "symbol": raw_symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "1",
    }  # fmt: skip
    return Request(method="POST", api=_ORDER_API[market], path="order/test", params=params)


def account_config() -> Request:
    """Return the question for permissions and the position mode of USD-M."""
    return Request(method="GET", api="fapiPrivate", path="accountConfig", params={}, weight=5)


def symbol_config() -> Request:
    """Return the question for margin modes and leverage of USD-M."""
    return Request(method="GET", api="fapiPrivate", path="symbolConfig", params={}, weight=5)


def listen_key(method: Method) -> Request:
    """Return the request that makes (POST), prolongs (PUT) or ends (DELETE) the key of the user stream."""
    return Request(method=method, api="fapiPrivate", path="listenKey", params={})
