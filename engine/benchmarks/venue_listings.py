"""Made-up listings of thousands of pairs, each as long as a real one: 3 kB at Binance, 1 kB at Coinbase."""

from typing import Any, Final

import msgspec

GROUPS: Final = tuple(f"TRD_GRP_{number:03}" for number in range(2, 130))
"""Binance names with each pair who may trade it, which is most of what it sends."""


def binance_listing(pairs: int) -> bytes:
    """Return GET /api/v3/exchangeInfo of so many pairs."""
    listed = [_binance_pair(number) for number in range(pairs)]
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000}
    return msgspec.json.encode(
        {"timezone": "UTC", "serverTime": 1_700_000_000_000, "rateLimits": [limit], "symbols": listed}
    )


def _binance_pair(number: int) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "100.00000000", "stepSize": "0.00000000"},
        {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2_000},
        {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2", "avgPriceMins": 5},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.00", "avgPriceMins": 5},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]
    return {
        "symbol": f"COIN{number}USDT", "status": "TRADING", "baseAsset": f"COIN{number}", "baseAssetPrecision": 8,
        "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8, "baseCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"],
        "icebergAllowed": True, "ocoAllowed": True, "otoAllowed": True, "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True, "cancelReplaceAllowed": True, "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True, "filters": filters, "permissions": [],
        "permissionSets": [["SPOT", "MARGIN", *GROUPS]], "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }  # fmt: skip


def coinbase_listing(products: int) -> bytes:
    """Return GET /api/v3/brokerage/market/products of so many products."""
    return msgspec.json.encode(
        {"products": [_coinbase_product(number) for number in range(products)], "num_products": products}
    )


def _coinbase_product(number: int) -> dict[str, Any]:
    base = f"COIN{number}"
    return {
        "product_id": f"{base}-USD", "price": "61234.56", "price_percentage_change_24h": "1.23456789012345",
        "volume_24h": "8123.45678901", "volume_percentage_change_24h": "-12.3456789012345",
        "base_increment": "0.00000001", "quote_increment": "0.01", "quote_min_size": "1", "quote_max_size": "150000000",
        "base_min_size": "0.00000001", "base_max_size": "3400", "base_name": f"Coin number {number}",
        "quote_name": "US Dollar", "watched": False, "is_disabled": False, "new": False, "status": "online",
        "cancel_only": False, "limit_only": False, "post_only": False, "trading_disabled": False,
        "auction_mode": False, "product_type": "SPOT", "quote_currency_id": "USD", "base_currency_id": base,
        "fcm_trading_session_details": None, "mid_market_price": "", "alias": "", "alias_to": [f"{base}-USDC"],
        "base_display_symbol": base, "quote_display_symbol": "USD", "view_only": False, "price_increment": "0.01",
        "display_name": f"{base}-USD", "product_venue": "CBE", "approximate_quote_24h_volume": "497436282.72",
        "new_at": "2023-01-01T00:00:00Z", "market_cap": "1230000000000", "about_description": "",
    }  # fmt: skip
