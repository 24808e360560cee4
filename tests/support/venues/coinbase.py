"""A simulated Coinbase Advanced Trade: REST and both sockets on one port, tokens checked, numbers without holes."""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

from tests.support.venues import coinbase_words as words
from tests.support.venues.coinbase_access import UNAUTHORIZED, Access, CoinbaseError, Limits
from tests.support.venues.coinbase_feed import CoinbaseFeed
from tests.support.venues.core import SimAccount, SimOrder, SimRefusal
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Answer, Call, VenueServer
from tests.support.venues.sockets import SimSocket

BASE: Final = "/api/v3/brokerage"
GRANULARITIES: Final = {
    "ONE_MINUTE": 60, "FIVE_MINUTE": 300, "FIFTEEN_MINUTE": 900, "THIRTY_MINUTE": 1800, "ONE_HOUR": 3600,
    "TWO_HOUR": 7200, "FOUR_HOUR": 14400, "SIX_HOUR": 21600, "ONE_DAY": 86400,
}  # fmt: skip


class CoinbaseSimulator(VenueServer):
    """The venue. `lag_s` lets the list of fills trail; `queues_edits` leaves edits undone until `do_edits`."""

    secret_patterns = (r'("jwt":\s*")[^"]+',)

    def __init__(self, exchange: SimExchange | None = None, *, aliases: dict[str, str] | None = None) -> None:
        super().__init__(exchange or SimExchange(duplicates="return_first"))
        self.access = Access(self.exchange, self.clock)
        self.limits = Limits(self.clock)
        self.aliases = aliases or {}
        self.feed = CoinbaseFeed(self.exchange, self.clock, self.sockets, self.access, self.aliases)
        self.lag_s = 0.0
        self.queues_edits = False
        self.queued: list[Callable[[], Any]] = []
        self._beating: asyncio.Task[None] | None = None
        self._routes: list[tuple[str, re.Pattern[str], str, Callable[..., Any]]] = [
            (method, re.compile(f"{BASE}{path}"), needs, do)
            for method, path, needs, do in (
                ("GET", "/time", "", self._time),
                ("GET", "/market/products", "", self._products),
                ("GET", "/market/products/([^/]+)/candles", "", self._candles),
                ("GET", "/market/product_book", "", self._book),
                ("GET", "/key_permissions", "read", self._permissions),
                ("GET", "/accounts", "read", self._accounts),
                ("POST", "/orders", "trade", self._place),
                ("POST", "/orders/batch_cancel", "trade", self._cancel),
                ("POST", "/orders/edit", "trade", self._edit),
                ("GET", "/orders/historical/batch", "read", self._orders),
                ("GET", "/orders/historical/fills", "read", self._fills),
                ("GET", "/orders/historical/([^/]+)", "read", self._order),
            )
        ]

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self._beating = asyncio.create_task(self.feed.beat())

    async def stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
            self._beating = None
        await super().stop()

    # --- Sockets ------------------------------------------------------------------------------------------------------

    async def on_text(self, socket: SimSocket, text: str) -> None:
        self.feed.take(socket, text)

    # --- REST ---------------------------------------------------------------------------------------------------------

    async def answer(self, call: Call) -> Answer:
        try:
            return Answer(self._route(call))
        except CoinbaseError as error:
            kind = "text/plain" if isinstance(error.body, str) else "application/json"
            return Answer(error.body, error.status, error.headers, content_type=kind)

    def _route(self, call: Call) -> Any:
        for method, path, needs, do in self._routes:
            found = path.fullmatch(call.path)
            if found is None or method != call.method:
                continue
            if not needs:
                self.limits.take(call.ip, self.limits.per_address)
                return do(call, *found.groups())
            account = self.access.of_request(call, needs=needs)
            self.limits.take(account.name, self.limits.per_key)
            return do(call, account, *found.groups())
        raise CoinbaseError(404, {"error": "NOT_FOUND", "message": f"no such path {call.path}"})

    def _time(self, _call: Call) -> Any:
        now_ms = self.clock.now_ms()
        return {"iso": words.at(now_ms), "epochSeconds": str(now_ms // 1000), "epochMillis": str(now_ms)}

    def _products(self, _call: Call) -> Any:
        found = [
            words.product(market, self.aliases.get(market.symbol, "")) for market in self.exchange.markets.values()
        ]
        return {"products": found, "num_products": len(found)}

    def _candles(self, call: Call, product: str) -> Any:
        if product not in self.exchange.markets:
            raise CoinbaseError(404, {"error": "NOT_FOUND", "message": "valid product_id is required"})
        length = GRANULARITIES[call.query["granularity"]]
        start, end = int(call.query["start"]), int(call.query["end"])
        starts = range(-(-start // length) * length, end + 1, length)
        if len(starts) > 350:
            message = "start and end argument is invalid - number of candles requested should be less than 350"
            raise CoinbaseError(400, {"error": "INVALID_ARGUMENT", "error_details": message, "message": message})
        return {"candles": [candle(at, length) for at in reversed(starts)]}

    def _book(self, call: Call) -> Any:
        market = self.exchange.market(call.query["product_id"])
        sides = {
            name: [
                {"price": words.plain(price), "size": words.plain(book[price])}
                for price in sorted(book, reverse=name == "bids")
            ]
            for name, book in (("bids", market.bids), ("asks", market.asks))
        }
        return {"pricebook": {"product_id": market.symbol, **sides, "time": words.at(self.clock.now_ms())}}

    def _permissions(self, _call: Call, account: SimAccount) -> Any:
        return {
            "can_view": "read" in account.permissions,
            "can_trade": "trade" in account.permissions,
            "can_transfer": False,
            "portfolio_uuid": f"portfolio-{account.name}",
            "portfolio_type": "DEFAULT",
        }

    def _accounts(self, call: Call, account: SimAccount) -> Any:
        found, cursor = page(words.wallets(account), call, lambda wallet: wallet["uuid"])
        return {"accounts": found, "has_next": bool(cursor), "cursor": cursor, "size": len(found)}

    # --- Orders -------------------------------------------------------------------------------------------------------

    def _place(self, call: Call, account: SimAccount) -> Any:
        body = json.loads(call.body)
        if set(body) != {"client_order_id", "product_id", "side", "order_configuration"}:
            raise CoinbaseError(400, {"error": "INVALID_ARGUMENT", "message": f"fields {sorted(body)}"})
        ((kind, values),) = body["order_configuration"].items()
        if kind not in words.CONFIGURATIONS or not all(isinstance(one, str | bool) for one in values.values()):
            raise CoinbaseError(400, {"error": "INVALID_ARGUMENT", "message": f"order_configuration {kind}"})
        type_, tif = words.CONFIGURATIONS[kind]
        try:
            order = self.exchange.place(
                account,
                symbol=body["product_id"],
                side=body["side"].lower(),
                type=type_,
                quantity=Decimal(values["base_size"]),
                client_id=body["client_order_id"],
                price=Decimal(values["limit_price"]) if "limit_price" in values else None,
                stop_price=Decimal(values["stop_price"]) if "stop_price" in values else None,
                stop_below=values.get("stop_direction") == "STOP_DIRECTION_STOP_DOWN",
                tif=tif,
                post_only=values.get("post_only", False),
                extra={"configuration": kind},
            )
        except SimRefusal as refusal:
            return words.not_placed(refusal.word, refusal.detail, body["order_configuration"])
        return words.placed(order, body["order_configuration"])

    def _cancel(self, call: Call, account: SimAccount) -> Any:
        return {"results": [self._cancelled(account, order_id) for order_id in json.loads(call.body)["order_ids"]]}

    def _cancelled(self, account: SimAccount, order_id: str) -> Any:
        order = account.orders.get(words.number_of(order_id))
        if order is None or not order.is_open:
            return {"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": order_id}
        self.exchange.cancel(account, order)
        return {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": order_id}

    def _edit(self, call: Call, account: SimAccount) -> Any:
        body = json.loads(call.body)
        order = account.orders.get(words.number_of(body["order_id"]))
        size, price = Decimal(body.get("size", "0")), Decimal(body.get("price", "0"))
        why = self._why_no_edit(order, size, price)
        if why:
            return {"success": False, "errors": [{"edit_failure_reason": why, "preview_failure_reason": ""}]}
        assert order is not None, "else there is a reason"
        stop = Decimal(body["stop_price"]) if "stop_price" in body else None

        def do() -> None:
            self.exchange.amend(account, order, quantity=size, price=price, stop_price=stop)

        if self.queues_edits:
            self.queued.append(do)
            return {"success": True, "errors": []}
        try:
            do()
        except SimRefusal as refusal:
            preview = words.NEW_ORDER[refusal.word][1]
            error = {"edit_failure_reason": "UNKNOWN_EDIT_ORDER_FAILURE_REASON", "preview_failure_reason": preview}
            return {"success": False, "errors": [error]}
        return {"success": True, "errors": []}

    @staticmethod
    def _why_no_edit(order: SimOrder | None, size: Decimal, price: Decimal) -> str:
        if order is None:
            return "ORDER_NOT_FOUND"
        if not order.is_open:
            return "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
        if order.tif != "GTC":
            return "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
        if size <= order.filled:
            return "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"
        if price <= 0:
            return "INVALID_EDITED_PRICE"
        is_same = (size, price) == (order.quantity, order.price)
        return "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST" if is_same else ""

    def do_edits(self) -> None:
        """Do what `queues_edits` has left undone."""
        waiting, self.queued = self.queued, []
        for do in waiting:
            do()

    def _order(self, _call: Call, account: SimAccount, order_id: str) -> Any:
        order = account.orders.get(words.number_of(order_id))
        if order is None:
            message = "order with this orderID was not found"
            raise CoinbaseError(404, {"error": "NOT_FOUND", "error_details": message, "message": message})
        return {"order": words.historical(order)}

    def _orders(self, call: Call, account: SimAccount) -> Any:
        asked = parse_qs(call.query_string)
        orders = [order for order in reversed(account.orders.values()) if self._is_asked_for(order, asked)]
        found, cursor = page(orders, call, lambda order: str(order.id))
        return {
            "orders": [words.historical(order) for order in found],
            "sequence": "0",
            "has_next": bool(cursor),
            "cursor": cursor,
        }

    @staticmethod
    def _is_asked_for(order: SimOrder, asked: dict[str, list[str]]) -> bool:
        return (
            ("order_status" not in asked or words.status_of(order) in asked["order_status"])
            and ("product_ids" not in asked or order.symbol in asked["product_ids"])
            and ("order_ids" not in asked or words.uuid_of(order.id) in asked["order_ids"])
            and ("start_date" not in asked or words.at(order.created_ms) >= asked["start_date"][0])
        )

    def _fills(self, call: Call, account: SimAccount) -> Any:
        asked = parse_qs(call.query_string)
        visible_ms = self.clock.now_ms() - round(self.lag_s * 1000)
        trades = [
            trade
            for trade in reversed(account.trades)
            if ("order_ids" not in asked or words.uuid_of(trade.order_id) in asked["order_ids"])
            and ("start_sequence_timestamp" not in asked
                 or words.at(trade.time_ms) > asked["start_sequence_timestamp"][0])
            and trade.time_ms <= visible_ms
        ]  # fmt: skip
        found, cursor = page(trades, call, lambda trade: str(trade.id))
        return {"fills": [words.fill(trade) for trade in found], "cursor": cursor}


def page(items: list[Any], call: Call, key: Callable[[Any], str]) -> tuple[list[Any], str]:
    """Return a page and the cursor of the next one, empty at the end: the key of the last item."""
    cursor, limit = call.query.get("cursor", ""), int(call.query.get("limit", "100"))
    keys = [key(item) for item in items]
    if cursor and cursor not in keys:
        raise CoinbaseError(400, {"error": "INVALID_ARGUMENT", "error_details": "bad cursor", "message": "bad cursor"})
    start = keys.index(cursor) + 1 if cursor else 0
    found = items[start : start + limit]
    return found, keys[start + limit - 1] if start + limit < len(items) else ""


def candle(start: int, length: int) -> dict[str, str]:
    """Return a made-up candle, the same for the same time."""
    base = 100 + start // length % 50
    return {
        "start": str(start), "low": f"{base - 1}.5", "high": f"{base + 2}.25", "open": f"{base}",
        "close": f"{base + 1}.00", "volume": f"{base}.12345678",
    }  # fmt: skip


__all__ = ["UNAUTHORIZED", "CoinbaseSimulator"]
