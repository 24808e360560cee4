"""How a simulated Hyperliquid writes orders, fills, books and refusals."""

from decimal import Decimal
from typing import Any, Final

from tests.support.venues.core import OrderEvent, PublicTrade, SimMarket, SimOrder, SimTrade

REFUSALS: Final = {
    "insufficient_balance": "Insufficient margin to place order.",
    "reduce_only": "Reduce only order would increase position.",
    "would_trigger": "Invalid TP/SL price.",
    "min_notional": "Order must have minimum value of $10.",
    "price_filter": "Price must be divisible by tick size.",
    "lot_size": "Order has invalid size.",
    "market_closed": "Trading is halted.",
    "no_liquidity": "No liquidity available for market order.",
    "unknown_symbol": "Invalid asset.",
}
NO_MATCH: Final = "Order could not immediately match against any resting orders."
UNKNOWN_ORDER: Final = "Order was never placed, already canceled, or filled."
NOT_OPEN: Final = "Cannot modify canceled or filled order"
SIDES: Final = {"buy": "B", "sell": "A"}


def text(value: Decimal) -> str:
    """Write a number as the venue does: at least one decimal."""
    plain = format(value.normalize(), "f") if value else "0"
    return plain if "." in plain else f"{plain}.0"


def limit_of(order: SimOrder) -> Decimal:
    return Decimal(order.extra.get("limit", "0")) if order.price is None else order.price


def short_order(order: SimOrder) -> dict[str, Any]:
    """Write an order as streams do."""
    written = {
        "coin": order.symbol,
        "side": SIDES[order.side],
        "limitPx": text(limit_of(order)),
        "sz": text(order.remaining),
        "oid": order.id,
        "timestamp": order.created_ms,
        "origSz": text(order.quantity),
    }
    return written | ({"cloid": order.client_id} if order.client_id else {})


def long_order(order: SimOrder) -> dict[str, Any]:
    """Write an order as frontendOpenOrders and orderStatus do."""
    is_trigger = order.stop_price is not None
    return short_order(order) | {
        "cloid": order.client_id or None,
        "triggerCondition": "N/A" if not is_trigger else f"Price at {order.stop_price}",
        "isTrigger": is_trigger,
        "triggerPx": text(order.stop_price) if order.stop_price is not None else "0.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": order.reduce_only,
        "orderType": order.type,
        "tif": None if is_trigger else order.extra.get("tif", "Gtc"),
    }


def status_of(order: SimOrder) -> str:
    """Return the venue's word for how an order stands."""
    if order.state in ("waiting", "open", "partial"):
        return "open"
    if order.state == "filled":
        return "filled"
    if "ended" in order.extra:
        return order.extra["ended"]
    if order.state == "expired":
        return "canceled" if order.filled else "iocCancelRejected"
    return "rejected" if order.state == "rejected" else "canceled"


def order_update(order: SimOrder, *, status: str = "") -> dict[str, Any]:
    """Write one of `orderUpdates`."""
    return {"order": short_order(order), "status": status or status_of(order), "statusTimestamp": order.updated_ms}


def order_status(order: SimOrder) -> dict[str, Any]:
    """Write the answer to orderStatus."""
    inner = {"order": long_order(order), "status": status_of(order), "statusTimestamp": order.updated_ms}
    return {"status": "order", "order": inner}


def fill(trade: SimTrade, *, start: Decimal, cloid: str = "") -> dict[str, Any]:
    """Write one execution; `start`: position, or balance, before it."""
    written = {
        "coin": trade.symbol,
        "px": text(trade.price),
        "sz": text(trade.quantity),
        "side": SIDES[trade.side],
        "time": trade.time_ms,
        "startPosition": text(start),
        "dir": "Buy" if trade.side == "buy" else "Sell",
        "closedPnl": text(trade.realized),
        "hash": f"0x{trade.id:064x}",
        "oid": trade.order_id,
        "crossed": not trade.is_maker,
        "fee": text(trade.fee),
        "tid": trade.id,
        "feeToken": trade.fee_asset,
        "twapId": None,
    }
    return written | ({"cloid": cloid} if cloid else {})


def book(market: SimMarket, time_ms: int, depth: int = 20) -> dict[str, Any]:
    """Write a whole book."""

    def levels(side: dict[Decimal, Decimal], *, best_first: bool) -> list[dict[str, Any]]:
        prices = sorted(side, reverse=best_first)[:depth]
        return [{"px": text(price), "sz": text(side[price]), "n": 1} for price in prices]

    sides = [levels(market.bids, best_first=True), levels(market.asks, best_first=False)]
    return {"coin": market.symbol, "time": time_ms, "levels": sides}


def bbo(market: SimMarket, time_ms: int) -> dict[str, Any]:
    """Write the best bid and ask."""
    bids, asks = book(market, time_ms, 1)["levels"]
    return {"coin": market.symbol, "time": time_ms, "bbo": [(bids or [None])[0], (asks or [None])[0]]}


def public_trade(trade: PublicTrade) -> dict[str, Any]:
    """Write one of `trades`."""
    return {
        "coin": trade.symbol,
        "side": "B" if trade.taker_buys else "A",
        "px": text(trade.price),
        "sz": text(trade.quantity),
        "time": trade.time_ms,
        "hash": f"0x{trade.id:064x}",
        "tid": trade.id,
        "users": ["0x" + "01" * 20, "0x" + "02" * 20],
    }


def context(market: SimMarket) -> dict[str, Any]:
    """Write activeAssetCtx, or activeSpotAssetCtx."""
    ctx: dict[str, Any] = {
        "markPx": text(market.last),
        "midPx": text(market.last),
        "prevDayPx": text(market.last),
        "dayNtlVlm": "1000.0",
        "dayBaseVlm": "10.0",
    }
    if market.is_margined:
        ctx |= {"funding": "0.0000125", "oraclePx": text(market.last), "openInterest": "1.0", "premium": "0.0"}
    return {"coin": market.symbol, "ctx": ctx}


def is_news(event: OrderEvent) -> bool:
    """Whether the venue tells an order's event by `orderUpdates`: partial fills are told by the fills alone."""
    return event.word != "trade" or event.order.state == "filled"
