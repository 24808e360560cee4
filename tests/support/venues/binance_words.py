"""What a simulated Binance says of orders, trades and money: the documented shapes."""

from decimal import Decimal
from typing import Any, Final

from tests.support.venues.core import OrderEvent, SimMarket, SimOrder, SimTrade

STATUS: Final = {
    "waiting": "NEW",
    "open": "NEW",
    "partial": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
}
EXECUTION: Final = {
    "new": "NEW",
    "triggered": "NEW",
    "trade": "TRADE",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
}
ALGO_BASE: Final = 2_000_000_000_000_000

REFUSALS: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "spot": {
        "unknown_symbol": (-1121, "Invalid symbol."),
        "unknown_order": (-2011, "Unknown order sent."),
        "already_done": (-2011, "Unknown order sent."),
        "duplicate_client_id": (-2010, "Duplicate order sent."),
        "bad_client_id": (-1100, "Illegal characters found in parameter 'newClientOrderId'."),
        "lot_size": (-1013, "Filter failure: LOT_SIZE"),
        "price_filter": (-1013, "Filter failure: PRICE_FILTER"),
        "percent_price": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        "min_notional": (-1013, "Filter failure: NOTIONAL"),
        "insufficient_balance": (-2010, "Account has insufficient balance for requested action."),
        "would_take": (-2010, "Order would immediately match and take."),
        "would_trigger": (-2010, "Stop price would trigger immediately."),
        "market_closed": (-1013, "Market is closed."),
    },
    "usdm": {
        "unknown_symbol": (-1121, "Invalid symbol."),
        "unknown_order": (-2011, "Unknown order sent."),
        "already_done": (-2011, "Unknown order sent."),
        "duplicate_client_id": (-4116, "ClientOrderId is duplicated."),
        "bad_client_id": (-1100, "Illegal characters found in parameter 'newClientOrderId'."),
        "lot_size": (-1111, "Precision is over the maximum defined for this asset."),
        "price_filter": (-4014, "Price not increased by tick size."),
        "percent_price": (-4016, "Limit price can't be higher than that."),
        "min_notional": (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
        "insufficient_balance": (-2019, "Margin is insufficient."),
        "reduce_only": (-2022, "ReduceOnly Order is rejected."),
        "would_take": (-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."),
        "would_trigger": (-2021, "Order would immediately trigger."),
        "market_closed": (-4141, "Symbol is closed."),
    },
}
"""Word of the exchange -> code and sentence."""


def text(value: Decimal | None, digits: int = 8) -> str:
    return f"{value or Decimal(0):.{digits}f}"


# --- Spot -------------------------------------------------------------------------------------------------------------


def spot_order(order: SimOrder) -> dict[str, Any]:
    """Return GET order."""
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.filled),
        "cummulativeQuoteQty": text(order.spent),
        "status": STATUS[order.state],
        "timeInForce": order.tif,
        "type": order.type,
        "side": order.side.upper(),
        "stopPrice": text(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.state != "waiting",
        "workingTime": order.created_ms,
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def spot_ack(order: SimOrder, answers: str) -> dict[str, Any]:
    """Return POST order for this `newOrderRespType`."""
    full = spot_order(order)
    names = ["symbol", "orderId", "orderListId", "clientOrderId"]
    if answers != "ACK":
        names += ["price", "origQty", "executedQty", "cummulativeQuoteQty", "status", "timeInForce", "type", "side"]
    return {**{name: full[name] for name in names}, "transactTime": order.updated_ms}


def spot_cancelled(order: SimOrder, cancel_id: str) -> dict[str, Any]:
    """Return DELETE order: the cancel has an id of its own."""
    named = {"origClientOrderId": order.client_id, "clientOrderId": cancel_id, "transactTime": order.updated_ms}
    skipped = ("stopPrice", "time", "updateTime", "isWorking", "workingTime", "icebergQty")
    return {**{name: value for name, value in spot_order(order).items() if name not in skipped}, **named}


def execution_report(event: OrderEvent, fee_asset: str | None) -> dict[str, Any]:
    """Return the event of the user stream."""
    order, trade = event.order, event.trade
    is_end = event.word == "cancelled"
    return {
        "e": "executionReport",
        "E": event.time_ms,
        "s": order.symbol,
        "c": order.extra.get("cancel_id", "auto-cancel") if is_end else order.client_id,
        "S": order.side.upper(),
        "o": order.type,
        "f": order.tif,
        "q": text(order.quantity),
        "p": text(order.price),
        "P": text(order.stop_price),
        "F": "0.00000000",
        "g": -1,
        "C": order.client_id if is_end else "",
        "x": "REPLACED" if event.word == "amended" else EXECUTION[event.word],
        "X": STATUS[order.state],
        "r": "NONE",
        "i": order.id,
        "l": text(trade.quantity if trade else None),
        "z": text(order.filled),
        "L": text(trade.price if trade else None),
        "n": text(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else fee_asset,
        "T": trade.time_ms if trade else event.time_ms,
        "t": trade.id if trade else -1,
        "I": event.sequence,
        "w": order.is_open,
        "m": bool(trade and trade.is_maker),
        "M": False,
        "O": order.created_ms,
        "Z": text(order.spent),
        "Y": text(trade.price * trade.quantity if trade else None),
        "Q": "0.00000000",
        "W": order.created_ms,
        "V": "EXPIRE_MAKER",
    }


def spot_trade(trade: SimTrade) -> dict[str, Any]:
    """Return a row of myTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "isBuyer": trade.side == "buy",
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


# --- USD-M ------------------------------------------------------------------------------------------------------------

POSITION_SIDE: Final = {"net": "BOTH", "long": "LONG", "short": "SHORT"}


def usdm_order(order: SimOrder) -> dict[str, Any]:
    """Return GET order."""
    kind = order.extra.get("child_type", order.type)
    return {
        "avgPrice": text(order.average, 5),
        "clientOrderId": order.client_id,
        "cumQuote": text(order.spent, 5),
        "executedQty": text(order.filled, 3),
        "orderId": order.id,
        "origQty": text(order.quantity, 3),
        "origType": kind,
        "price": text(order.price, 2),
        "reduceOnly": order.reduce_only,
        "side": order.side.upper(),
        "positionSide": POSITION_SIDE[order.position_side],
        "status": STATUS[order.state],
        "stopPrice": "0.00",
        "closePosition": False,
        "symbol": order.symbol,
        "time": order.created_ms,
        "timeInForce": order.tif,
        "type": kind,
        "updateTime": order.updated_ms,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
    }


def algo_status(order: SimOrder) -> str:
    if "triggered" not in order.extra:
        return STATUS[order.state]
    return "TRIGGERED" if order.is_open else "FINISHED"


def algo_order(order: SimOrder) -> dict[str, Any]:
    """Return GET algoOrder."""
    has_child = "triggered" in order.extra
    return {
        "algoId": ALGO_BASE + order.id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.type,
        "symbol": order.symbol,
        "side": order.side.upper(),
        "positionSide": POSITION_SIDE[order.position_side],
        "timeInForce": order.tif,
        "quantity": text(order.quantity, 3),
        "algoStatus": algo_status(order),
        "actualOrderId": str(order.id) if has_child else "",
        "actualPrice": text(order.average, 5),
        "triggerPrice": text(order.stop_price, 2),
        "price": text(order.price, 2),
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "triggerTime": order.updated_ms if has_child else 0,
        "goodTillDate": 0,
    }


def order_trade_update(event: OrderEvent, market: SimMarket) -> dict[str, Any]:
    """Return the event of an ordinary order."""
    order, trade = event.order, event.trade
    kind = order.extra.get("child_type", order.type)
    return {
        "e": "ORDER_TRADE_UPDATE",
        "T": event.time_ms,
        "E": event.time_ms + 1,
        "o": {
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side.upper(),
            "o": kind,
            "f": order.tif,
            "q": text(order.quantity, 3),
            "p": text(order.price, 2),
            "ap": text(order.average, 5),
            "sp": "0",
            "x": "AMENDMENT" if event.word == "amended" else EXECUTION[event.word],
            "X": STATUS[order.state],
            "i": order.id,
            "l": text(trade.quantity if trade else None, 3),
            "z": text(order.filled, 3),
            "L": text(trade.price if trade else None, 2),
            "n": text(trade.fee if trade else None),
            "N": trade.fee_asset if trade else market.quote,
            "T": trade.time_ms if trade else event.time_ms,
            "t": trade.id if trade else 0,
            "b": "0",
            "a": "0",
            "m": bool(trade and trade.is_maker),
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": kind,
            "ps": POSITION_SIDE[order.position_side],
            "cp": False,
            "rp": text(trade.realized if trade else None),
            "pP": False,
            "si": ALGO_BASE + order.id if "algo" in order.extra else 0,
            "ss": -1 if "algo" in order.extra else 0,
            **({"st": "ALGO_CONDITION"} if "algo" in order.extra else {}),
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": 0,
            "er": "0",
        },
    }


def algo_update(order: SimOrder, status: str, time_ms: int) -> dict[str, Any]:
    """Return the event of a conditional order."""
    is_known = status in ("TRIGGERED", "FINISHED")
    return {
        "e": "ALGO_UPDATE",
        "T": time_ms,
        "E": time_ms,
        "o": {
            "caid": order.client_id,
            "aid": ALGO_BASE + order.id,
            "at": "CONDITIONAL",
            "o": order.type,
            "s": order.symbol,
            "S": order.side.upper(),
            "ps": POSITION_SIDE[order.position_side],
            "f": order.tif,
            "q": text(order.quantity, 3),
            "X": status,
            "ai": str(order.id) if is_known else "",
            **({"ap": text(order.average, 5), "aq": text(order.filled, 3), "act": "MARKET"} if is_known else {}),
            "tp": text(order.stop_price, 2),
            "p": text(order.price, 2),
            "V": "EXPIRE_MAKER",
            "wt": "CONTRACT_PRICE",
            "pm": "NONE",
            "cp": False,
            "pP": False,
            "R": order.reduce_only,
            "tt": 0,
            "gtd": 0,
        },
    }


def usdm_trade(trade: SimTrade) -> dict[str, Any]:
    """Return a row of userTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "side": trade.side.upper(),
        "price": text(trade.price, 2),
        "qty": text(trade.quantity, 3),
        "realizedPnl": text(trade.realized),
        "quoteQty": text(trade.price * trade.quantity, 5),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "positionSide": POSITION_SIDE[trade.position_side],
        "buyer": trade.side == "buy",
        "maker": trade.is_maker,
    }
