"""The public endpoints and streams of a simulated Binance."""

from typing import Any, Final

from tests.support.venues.binance_access import BinanceError
from tests.support.venues.binance_words import text
from tests.support.venues.core import BookChange, PublicTrade, SimMarket
from tests.support.venues.exchange import SimExchange

MINUTE_MS: Final = 60_000
INTERVALS: Final = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}


class PublicBoard:
    """What everybody may read."""

    def __init__(self, exchange: SimExchange, market: str) -> None:
        self.exchange = exchange
        self.is_spot = market == "spot"
        self.candles: dict[tuple[str, str], list[list[Any]]] = {}
        """(symbol, interval) -> klines as the venue writes them, oldest first."""

    def get(self, path: str, params: dict[str, str]) -> tuple[int, Any]:
        """Return (weight, answer).

        Raises:
            BinanceError: No such path, or no such symbol.
        """
        name = path.removeprefix("/api/v3/" if self.is_spot else "/fapi/v1/")
        if name == "ping":
            return 1, {}
        if name == "time":
            return 1, {"serverTime": self.exchange.clock.now_ms()}
        if name == "exchangeInfo":
            return 20, self.exchange_info()
        reads = {"depth": self.depth, "klines": self.klines, "premiumIndex": self.premium}
        if name not in reads:
            raise BinanceError(-1, "Not found", 404)
        return reads[name](self.exchange.market(params.get("symbol", "")), params)

    def exchange_info(self) -> dict[str, Any]:
        return {
            "timezone": "UTC",
            "serverTime": self.exchange.clock.now_ms(),
            "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}],
            "symbols": [self._pair(market) for market in self.exchange.markets.values()],
        }

    def _pair(self, market: SimMarket) -> dict[str, Any]:
        lot = {"minQty": str(market.min_quantity), "maxQty": str(market.max_quantity), "stepSize": str(market.step)}
        notional = {"minNotional": str(market.min_notional)} if self.is_spot else {"notional": str(market.min_notional)}
        pair = {
            "symbol": market.symbol,
            "status": market.status,
            "baseAsset": market.base,
            "quoteAsset": market.quote,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": str(market.tick)},
                {"filterType": "LOT_SIZE", **lot},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "100", "stepSize": "0"},
                {"filterType": "NOTIONAL" if self.is_spot else "MIN_NOTIONAL", **notional},
                {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2"},
            ],
        }
        if self.is_spot:
            return pair
        perpetual = {"contractType": "PERPETUAL", "marginAsset": market.quote}
        return {**pair, **perpetual, "requiredMarginPercent": "5.0000", "maintMarginPercent": "2.5000"}

    def depth(self, market: SimMarket, params: dict[str, str]) -> tuple[int, Any]:
        limit = int(params.get("limit", 100))
        book = {
            "lastUpdateId": market.update_id,
            "bids": [[text(price, 2), text(market.bids[price])] for price in sorted(market.bids, reverse=True)[:limit]],
            "asks": [[text(price, 2), text(market.asks[price])] for price in sorted(market.asks)[:limit]],
        }
        now_ms = self.exchange.clock.now_ms()
        weight = (50 if limit > 500 else 25 if limit > 100 else 5) if self.is_spot else 20
        return weight, book if self.is_spot else {"E": now_ms, "T": now_ms, **book}

    def klines(self, market: SimMarket, params: dict[str, str]) -> tuple[int, Any]:
        if params.get("interval") not in INTERVALS:
            raise BinanceError(-1120, "Invalid interval.")
        rows = self.candles.get((market.symbol, params["interval"]), [])
        since, until = int(params.get("startTime", 0)), int(params.get("endTime", 2**62))
        limit = int(params.get("limit", 500))
        return 2, [row for row in rows if since <= row[0] <= until][:limit]

    def set_candles(self, symbol: str, interval: str, first_ms: int, count: int) -> None:
        """Let there be past candles, one after another."""
        length_ms = INTERVALS[interval] * MINUTE_MS
        self.candles[symbol, interval] = [
            [at_ms, "100.00", "101.00", "99.00", "100.50", "2.5", at_ms + length_ms - 1, "250.0", 7, "1", "100", "0"]
            for at_ms in range(first_ms, first_ms + count * length_ms, length_ms)
        ]

    def premium(self, market: SimMarket, _params: dict[str, str]) -> tuple[int, Any]:
        return 1, self.mark_update(market.symbol, "0.0001")

    # --- Streams ------------------------------------------------------------------------------------------------------

    def frames(self, event: PublicTrade | BookChange) -> list[tuple[str, dict[str, Any]]]:
        """Return (stream, payload) of what the street does."""
        name = event.symbol.lower()
        if isinstance(event, PublicTrade):
            return [(f"{name}@trade", self._trade(event))]
        market = self.exchange.market(event.symbol)
        found = [(f"{name}@depth@100ms", self._depth(event))]
        if market.bids and market.asks:
            found.append((f"{name}@bookTicker", self._ticker(market, event)))
        return found

    def _trade(self, trade: PublicTrade) -> dict[str, Any]:
        shown = {
            "e": "trade", "E": trade.time_ms, "T": trade.time_ms, "s": trade.symbol, "t": trade.id,
            "p": text(trade.price, 2), "q": text(trade.quantity), "m": not trade.taker_buys,
        }  # fmt: skip
        return {**shown, "M": True} if self.is_spot else {**shown, "X": "MARKET"}

    def _depth(self, change: BookChange) -> dict[str, Any]:
        shown: dict[str, Any] = {"e": "depthUpdate", "E": change.time_ms}
        if not self.is_spot:
            shown["T"] = change.time_ms
        shown |= {"s": change.symbol, "U": change.first_id, "u": change.last_id}
        if not self.is_spot:
            shown["pu"] = change.previous_id
        for side, levels in (("b", change.bids), ("a", change.asks)):
            shown[side] = [[text(price, 2), text(quantity)] for price, quantity in levels]
        return shown

    def _ticker(self, market: SimMarket, change: BookChange) -> dict[str, Any]:
        bid, ask = max(market.bids), min(market.asks)
        shown: dict[str, Any] = {"u": change.last_id, "s": market.symbol}
        shown |= {"b": text(bid, 2), "B": text(market.bids[bid]), "a": text(ask, 2), "A": text(market.asks[ask])}
        if self.is_spot:
            return shown
        return {"e": "bookTicker", **shown, "T": change.time_ms, "E": change.time_ms}

    def mark_update(self, symbol: str, rate: str, price: str = "") -> dict[str, Any]:
        """Return a mark price with the funding that is ahead."""
        now_ms = self.exchange.clock.now_ms()
        mark = price or text(self.exchange.market(symbol).last, 2)
        return {
            "e": "markPriceUpdate", "E": now_ms, "s": symbol, "p": mark, "i": mark, "P": mark, "r": rate,
            "T": (now_ms // 28_800_000 + 1) * 28_800_000,
        }  # fmt: skip
