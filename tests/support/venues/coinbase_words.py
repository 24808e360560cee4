"""The words of a simulated Coinbase: orders, fills, products, reasons, in the shapes of its documentation."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from tests.support.venues.core import SimAccount, SimMarket, SimOrder, SimTrade

NEW_ORDER: Final = {
    "unknown_symbol": ("INVALID_PRODUCT_ID", "UNKNOWN_PREVIEW_FAILURE_REASON"),
    "insufficient_balance": ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    "lot_size": ("INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION"),
    "price_filter": ("INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
    "min_notional": ("UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    "would_take": ("INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    "would_trigger": ("UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"),
    "no_liquidity": ("INVALID_NO_LIQUIDITY", "PREVIEW_INVALID_NO_LIQUIDITY"),
    "market_closed": ("ORDER_ENTRY_DISABLED", "UNKNOWN_PREVIEW_FAILURE_REASON"),
}
"""Word of the exchange -> (error, preview_failure_reason)."""

CONFIGURATIONS: Final = {
    "market_market_ioc": ("MARKET", "IOC"),
    "market_market_fok": ("MARKET", "FOK"),
    "limit_limit_gtc": ("LIMIT", "GTC"),
    "sor_limit_ioc": ("LIMIT", "IOC"),
    "limit_limit_fok": ("LIMIT", "FOK"),
    "stop_limit_stop_limit_gtc": ("STOP_LIMIT", "GTC"),
}
_TIMES: Final = {"GTC": "GOOD_UNTIL_CANCELLED", "IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL"}


def uuid_of(number: int) -> str:
    """Return the id of an order or a trade as Coinbase would write it."""
    return str(UUID(int=number | 0x4000 << 64 | 0x8000 << 48))


def number_of(text: str) -> int:
    """Return what `uuid_of` made a text of; 0 for others."""
    try:
        return UUID(text).int & ((1 << 48) - 1)
    except ValueError:
        return 0


def at(ms: int) -> str:
    """Return a time with the microseconds that Coinbase writes."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}000Z"


def plain(value: Decimal) -> str:
    return f"{value:f}"


def status_of(order: SimOrder) -> str:
    if order.state == "expired":
        return "EXPIRED" if order.tif == "GTC" else "CANCELLED"
    done = {"filled": "FILLED", "cancelled": "CANCELLED", "rejected": "FAILED"}
    return done.get(order.state, "OPEN")


def placed(order: SimOrder, configuration: Any) -> dict[str, Any]:
    """Return the answer to a new order."""
    return {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": uuid_of(order.id),
        "success_response": {
            "order_id": uuid_of(order.id),
            "product_id": order.symbol,
            "side": order.side.upper(),
            "client_order_id": order.client_id,
        },
        "order_configuration": configuration,
    }


def not_placed(word: str, detail: str, configuration: Any) -> dict[str, Any]:
    error, preview = NEW_ORDER[word]
    return {
        "success": False,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": "",
        "error_response": {
            "error": error,
            "message": word.replace("_", " "),
            "error_details": detail,
            "preview_failure_reason": preview,
        },
        "order_configuration": configuration,
    }


def historical(order: SimOrder) -> dict[str, Any]:
    """Return an order as the lists show it."""
    values: dict[str, Any] = {"base_size": plain(order.quantity)}
    if order.price is not None:
        values["limit_price"] = plain(order.price)
    if order.type == "LIMIT" and order.tif == "GTC":
        values["post_only"] = order.post_only
    if order.stop_price is not None:
        values["stop_price"] = plain(order.stop_price)
        values["stop_direction"] = f"STOP_DIRECTION_STOP_{'DOWN' if order.stop_below else 'UP'}"
    return {
        "order_id": uuid_of(order.id),
        "product_id": order.symbol,
        "user_id": order.account,
        "order_configuration": {order.extra["configuration"]: values},
        "side": order.side.upper(),
        "client_order_id": order.client_id,
        "status": status_of(order),
        "time_in_force": _TIMES[order.tif],
        "created_time": at(order.created_ms),
        "completion_percentage": plain(order.filled * 100 / order.quantity),
        "filled_size": plain(order.filled),
        "average_filled_price": plain(order.average),
        "fee": "",
        "number_of_fills": "0",
        "filled_value": plain(order.spent),
        "pending_cancel": False,
        "size_in_quote": False,
        "total_fees": plain(order.fee),
        "size_inclusive_of_fees": False,
        "total_value_after_fees": plain(order.spent + order.fee),
        "trigger_status": "INVALID_ORDER_TYPE",
        "order_type": order.type,
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": order.state == "filled",
        "product_type": "SPOT",
        "reject_message": "",
        "cancel_message": "",
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": plain(order.locked),
        "is_liquidation": False,
        "last_fill_time": None,
        "edit_history": [],
    }


def pushed(order: SimOrder) -> dict[str, Any]:
    """Return an order as the `user` channel tells it: sums only, and nothing left once it is done."""
    return {
        "avg_price": plain(order.average),
        "cancel_reason": "",
        "client_order_id": order.client_id,
        "completion_percentage": plain(order.filled * 100 / order.quantity),
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": plain(order.filled),
        "filled_value": plain(order.spent),
        "leaves_quantity": plain(order.remaining) if order.is_open else "0",
        "limit_price": "" if order.price is None else plain(order.price),
        "number_of_fills": "0",
        "order_id": uuid_of(order.id),
        "order_side": order.side.upper(),
        "order_type": {"STOP_LIMIT": "Stop Limit"}.get(order.type, order.type.capitalize()),
        "outstanding_hold_amount": plain(order.locked),
        "post_only": str(order.post_only).lower(),
        "product_id": order.symbol,
        "product_type": "SPOT",
        "reject_reason": "",
        "retail_portfolio_id": order.account,
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": status_of(order),
        "stop_price": "" if order.stop_price is None else plain(order.stop_price),
        "time_in_force": _TIMES[order.tif],
        "total_fees": plain(order.fee),
        "total_value_after_fees": plain(order.spent + order.fee),
        "trigger_status": "INVALID_ORDER_TYPE",
        "creation_time": at(order.created_ms),
        "end_time": "0001-01-01T00:00:00Z",
        "start_time": "0001-01-01T00:00:00Z",
    }


def fill(trade: SimTrade) -> dict[str, Any]:
    return {
        "entry_id": f"entry-{trade.id}",
        "trade_id": str(trade.id),
        "order_id": uuid_of(trade.order_id),
        "trade_time": at(trade.time_ms),
        "trade_type": "FILL",
        "price": plain(trade.price),
        "size": plain(trade.quantity),
        "commission": plain(trade.fee),
        "product_id": trade.symbol,
        "sequence_timestamp": at(trade.time_ms),
        "liquidity_indicator": "MAKER" if trade.is_maker else "TAKER",
        "size_in_quote": False,
        "user_id": trade.account,
        "side": trade.side.upper(),
    }


def wallets(account: SimAccount) -> list[dict[str, Any]]:
    """Return the wallets of an account, by currency."""
    return [
        {
            "uuid": f"wallet-{account.name}-{asset}",
            "name": f"{asset} Wallet",
            "currency": asset,
            "available_balance": {"value": plain(balance.free), "currency": asset},
            "default": True,
            "active": True,
            "created_at": at(0),
            "updated_at": at(0),
            "deleted_at": None,
            "type": "ACCOUNT_TYPE_FIAT" if asset in ("USD", "EUR") else "ACCOUNT_TYPE_CRYPTO",
            "ready": True,
            "hold": {"value": plain(balance.locked), "currency": asset},
        }
        for asset, balance in sorted(account.balances.items())
    ]


def product(market: SimMarket, alias: str = "") -> dict[str, Any]:
    """Return a market as the listing shows it; `alias`: the product whose market data it has."""
    is_open = market.status == "TRADING"
    return {
        "product_id": market.symbol,
        "price": plain(market.last),
        "base_increment": plain(market.step),
        "quote_increment": "0.01",
        "price_increment": plain(market.tick),
        "quote_min_size": plain(market.min_notional),
        "quote_max_size": "150000000",
        "base_min_size": plain(market.min_quantity),
        "base_max_size": plain(market.max_quantity),
        "base_name": market.base,
        "quote_name": market.quote,
        "is_disabled": not is_open,
        "new": False,
        "status": "online" if is_open else "delisted",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": not is_open,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": market.quote,
        "base_currency_id": market.base,
        "alias": alias,
        "alias_to": [],
        "view_only": False,
    }
