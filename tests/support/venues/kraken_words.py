"""What a simulated Kraken calls things: errors, orders, trades, pairs, executions. Shapes of docs.kraken.com.

Real ids of orders and trades look like `OQCLML-BW3P3-BUCMWZ`; here they are numbers, as in every simulator.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

import msgspec

from engine.messages.render import rfc3339
from tests.support.venues.core import OrderEvent, SimMarket, SimOrder, SimTrade

ERRORS: Final = {
    "unknown_symbol": "EQuery:Unknown asset pair",
    "unknown_order": "EOrder:Unknown order",
    "already_done": "EOrder:Unknown order",
    "duplicate_client_id": "EOrder:cl_ord_id is not unique",
    "lot_size": "EOrder:Order minimum not met",
    "price_filter": "EOrder:Tick size check failed:price",
    "min_notional": "EOrder:Cost minimum not met",
    "insufficient_balance": "EOrder:Insufficient funds",
    "would_take": "EOrder:Post only order",
    "would_trigger": "EOrder:Invalid price",
    "market_closed": "EService:Market in cancel_only mode",
}
PERMISSIONS: Final = {
    "read": ["query-funds", "query-open-trades", "query-closed-trades", "create-ws-token"],
    "trade": ["modify-trades", "close-trades"],
}
LEGACY: Final = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD"}
SHORT: Final = {"BTC": "XBT"}

encode = msgspec.json.Encoder(decimal_format="number").encode


def plain(value: Decimal) -> str:
    return f"{value:f}"


def at(ms: int) -> str:
    return rfc3339(ms * 1_000_000)


def altname(market: SimMarket) -> str:
    return SHORT.get(market.base, market.base) + market.quote


def full_name(market: SimMarket) -> str:
    return LEGACY[market.base] + LEGACY[market.quote]


def pair(market: SimMarket) -> dict[str, Any]:
    return {
        "altname": altname(market), "wsname": f"{SHORT.get(market.base, market.base)}/{market.quote}",
        "base": LEGACY[market.base], "quote": LEGACY[market.quote], "pair_decimals": 1, "cost_decimals": 5,
        "lot_decimals": 8, "lot_multiplier": 1, "fees": [[0, Decimal("0.4")], [10000, Decimal("0.35")]],
        "fees_maker": [[0, Decimal("0.25")], [10000, Decimal("0.2")]], "ordermin": plain(market.min_quantity),
        "costmin": plain(market.min_notional), "tick_size": plain(market.tick),
        "status": "online" if market.status == "TRADING" else "cancel_only",
    }  # fmt: skip


def status(order: SimOrder) -> str:
    if order.is_open:
        return "open"
    if order.state == "filled":
        return "closed"
    # What an immediate order has left over is cancelled by Kraken, not expired.
    return "expired" if order.state == "expired" and order.tif == "GTC" and order.price else "canceled"


def listed(order: SimOrder, market: SimMarket, trades: Iterable[SimTrade]) -> dict[str, Any]:
    price, price2 = order.stop_price or order.price, order.price if order.stop_price else None
    return {
        "refid": None, "userref": None, "cl_ord_id": order.client_id, "status": status(order),
        "opentm": Decimal(order.created_ms) / 1000, "starttm": 0, "expiretm": 0,
        "descr": {
            "pair": altname(market), "type": order.side, "ordertype": order.type, "price": plain(price or Decimal(0)),
            "price2": plain(price2 or Decimal(0)), "leverage": "none", "order": "", "close": "",
        },
        "vol": plain(order.quantity), "vol_exec": plain(order.filled), "cost": plain(order.spent),
        "fee": plain(order.fee), "price": plain(order.average), "stopprice": "0.00000", "limitprice": "0.00000",
        "misc": "", "oflags": "fciq,post" if order.post_only else "fciq", "timeinforce": order.tif,
        "trades": [str(trade.id) for trade in trades if trade.order_id == order.id],
    }  # fmt: skip


def trade(one: SimTrade, market: SimMarket) -> dict[str, Any]:
    return {
        "ordertxid": str(one.order_id), "postxid": "", "pair": full_name(market),
        "time": Decimal(one.time_ms) / 1000, "type": one.side, "ordertype": "limit", "price": plain(one.price),
        "cost": plain(one.price * one.quantity), "fee": plain(one.fee), "vol": plain(one.quantity),
        "margin": "0.00000", "misc": "", "trade_id": one.id, "maker": one.is_maker,
    }  # fmt: skip


def pushed(order: SimOrder, market: SimMarket, kind: str) -> dict[str, Any]:
    """Return all that the stream tells of an order that is open."""
    return {
        "order_id": str(order.id), "cl_ord_id": order.client_id, "symbol": f"{market.base}/{market.quote}",
        "order_qty": order.quantity, "cum_cost": order.spent, "cum_qty": order.filled, "time_in_force": order.tif,
        "exec_type": kind, "side": order.side, "order_type": order.type, "order_userref": 0,
        "limit_price_type": "static", "limit_price": order.price or 0, "stop_price": order.stop_price or 0,
        "order_status": kind, "fee_usd_equiv": 0, "fee_ccy_pref": "fciq", "post_only": order.post_only,
        "timestamp": at(order.updated_ms),
    }  # fmt: skip


def executions(event: OrderEvent, market: SimMarket) -> list[dict[str, Any]]:
    """Return what the stream tells of one event: of what is over, only what has changed."""
    order = event.order
    over = {
        "timestamp": at(event.time_ms), "order_userref": 0, "order_id": str(order.id), "cum_qty": order.filled,
        "cum_cost": order.spent, "fee_usd_equiv": order.fee, "avg_price": order.average,
    }  # fmt: skip
    if event.word == "trade":
        one = event.trade
        assert one is not None, "a trade has one"
        found = {
            "order_id": str(order.id), "cl_ord_id": order.client_id, "exec_id": str(one.id), "exec_type": "trade",
            "trade_id": one.id, "symbol": f"{market.base}/{market.quote}", "side": one.side, "last_qty": one.quantity,
            "last_price": one.price, "liquidity_ind": "m" if one.is_maker else "t", "cost": one.price * one.quantity,
            "order_userref": 0, "order_status": "partially_filled", "order_type": order.type,
            "timestamp": at(one.time_ms), "fee_usd_equiv": one.fee, "fees": [{"asset": one.fee_asset, "qty": one.fee}],
            "cum_qty": order.filled,
        }  # fmt: skip
        filled = {**over, "exec_type": "filled", "order_status": "filled"}
        return [found, filled] if order.state == "filled" else [found]
    if event.word == "new":
        return [pushed(order, market, "pending_new"), pushed(order, market, "new")]
    if event.word in ("cancelled", "expired"):
        word = status(order)
        return [{**over, "exec_type": word, "order_status": word, "reason": "User requested"}]
    return [pushed(order, market, "amended" if event.word == "amended" else "status")]


def checksum(market: SimMarket) -> int:
    """Return the checksum of the street's book, from its ten best levels a side."""
    text = ""
    for prices, book in ((sorted(market.asks)[:10], market.asks), (sorted(market.bids)[:-11:-1], market.bids)):
        for price in prices:
            for value, decimals in ((price, 1), (book[price], 8)):
                text += str(value.quantize(Decimal(1).scaleb(-decimals))).replace(".", "").lstrip("0")
    return crc32(text.encode())
