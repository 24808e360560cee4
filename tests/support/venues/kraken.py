"""A simulated Kraken, spot: REST and both sockets on one port; HMAC-SHA512 and nonces are checked."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from engine.messages.render import from_rfc3339
from tests.support.venues import kraken_words as words
from tests.support.venues.core import BookChange, OrderEvent, PublicTrade, SimAccount, SimEvent, SimMarket, SimRefusal
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Answer, Call, VenueServer
from tests.support.venues.sockets import SimSocket

PAGE: Final = 50
TOKEN_MS: Final = 900_000
NONCE_WINDOW: Final = 10_000
TRADING: Final = frozenset({"AddOrder", "CancelOrder", "CancelAllOrdersAfter"})


class KrakenError(Exception):
    """An answer with an error."""


class KrakenSimulator(VenueServer):
    """The venue."""

    secret_patterns = (r'("token":\s*")[^"]+',)
    secret_headers = ("API-Sign",)

    def __init__(self, exchange: SimExchange | None = None) -> None:
        super().__init__(exchange or SimExchange())
        self.exchange.listeners.append(self.hear)
        self.tokens: dict[str, tuple[str, int]] = {}
        self.beat_s = 1.0
        self._beating: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self._beating = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
            self._beating = None
        await super().stop()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.beat_s)
            for socket in self.sockets:
                if socket.subscriptions:
                    socket.push({"channel": "heartbeat"})

    # --- REST ---------------------------------------------------------------------------------------------------------

    def line_of(self, call: Call) -> str:
        return f"{call.line} cl_ord_id" if b"cl_ord_id=" in call.body and "Orders" in call.path else call.line

    async def answer(self, call: Call) -> Answer:
        try:
            result = self._answer(call)
        except SimRefusal as refusal:
            return Answer({"error": [words.ERRORS[refusal.word]]})
        except KrakenError as error:
            return Answer({"error": [str(error)]})
        return Answer(words.encode({"error": [], "result": result}))

    def _answer(self, call: Call) -> Any:
        group, _, name = call.path.removeprefix("/0/").partition("/")
        if group == "public":
            return getattr(self, f"_public_{name}")(call)
        body = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        return getattr(self, f"_private_{name}")(self._who(call, name, body), body)

    def _who(self, call: Call, name: str, body: dict[str, str]) -> SimAccount:
        account = self.exchange.account_of(call.headers.get("api-key", ""))
        if account is None or account.is_revoked:
            raise KrakenError("EAPI:Invalid key")
        digest = hashlib.sha256(body["nonce"].encode() + call.body).digest()
        signed = hmac.new(base64.b64decode(account.secret), call.path.encode() + digest, hashlib.sha512).digest()
        if base64.b64encode(signed).decode() != call.headers.get("api-sign"):
            raise KrakenError("EAPI:Invalid signature")
        nonce = int(body["nonce"])
        if nonce in account.nonces or nonce <= max(account.nonces, default=0) - NONCE_WINDOW:
            raise KrakenError("EAPI:Invalid nonce")
        account.nonces.add(nonce)
        is_barred = account.allowed_ips is not None and call.ip not in account.allowed_ips
        if is_barred or (name in TRADING and "trade" not in account.permissions):
            raise KrakenError("EGeneral:Permission denied")
        return account

    def _public_Time(self, _call: Call) -> Any:  # noqa: N802 - the venue's name, here and below.
        return {"unixtime": self.clock.now_ms() // 1000, "rfc1123": ""}

    def _public_AssetPairs(self, _call: Call) -> Any:  # noqa: N802
        return {words.full_name(market): words.pair(market) for market in self.exchange.markets.values()}

    def _public_OHLC(self, call: Call) -> Any:  # noqa: N802
        market, length = self._market(call.query["pair"]), int(call.query["interval"]) * 60
        now_s = self.clock.now_ms() // 1000
        starts = range(int(call.query["since"]) // length * length + length, now_s + 1, length)[-720:]
        rows = [[start, "100.1", "102.2", "99.9", "101.5", "101.0", "2.50000000", 7] for start in starts]
        return {words.full_name(market): rows, "last": now_s // length * length}

    def _private_GetApiKeyInfo(self, account: SimAccount, _body: dict[str, str]) -> Any:  # noqa: N802
        names = [name for one in ("read", "trade") if one in account.permissions for name in words.PERMISSIONS[one]]
        return {"api_key_name": account.name, "permissions": names}

    def _private_GetWebSocketsToken(self, account: SimAccount, _body: dict[str, str]) -> Any:  # noqa: N802
        token = f"token-{account.name}-{len(self.tokens)}"
        self.tokens[token] = (account.name, self.clock.now_ms() + TOKEN_MS)
        return {"token": token, "expires": TOKEN_MS // 1000}

    def _private_AddOrder(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        wait_ms = from_rfc3339(body["deadline"]) // 1_000_000 - self.clock.now_ms()
        if wait_ms < 0:
            raise KrakenError("EService:Deadline elapsed")
        if not 1_000 <= wait_ms <= 60_000:
            raise KrakenError("EGeneral:Invalid arguments:deadline")
        prices = [Decimal(body[name]) for name in ("price", "price2") if name in body]
        is_profit, is_limit = "take-profit" in body["ordertype"], "limit" in body["ordertype"]
        is_stop = is_profit or "stop-loss" in body["ordertype"]
        if len(prices) != is_stop + is_limit:
            raise KrakenError("EGeneral:Invalid arguments:price")
        order = self.exchange.place(
            account, symbol=self._market(body["pair"]).symbol, side="buy" if body["type"] == "buy" else "sell",
            type=body["ordertype"], quantity=Decimal(body["volume"]), client_id=body["cl_ord_id"],
            price=prices[-1] if is_limit else None, stop_price=prices[0] if is_stop else None,
            stop_below=(body["type"] == "sell") != is_profit,
            tif=body.get("timeinforce", "GTC"), post_only="post" in body["oflags"].split(","),
        )  # fmt: skip
        return {"descr": {"order": ""}, "txid": [str(order.id)]}

    def _private_CancelOrder(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        order = account.orders.get(int(body["txid"])) if "txid" in body else account.by_client_id(body["cl_ord_id"])
        if order is None:
            raise SimRefusal("unknown_order")
        self.exchange.cancel(account, order)
        return {"count": 1}

    def _private_CancelAllOrdersAfter(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        wait_ms, now_ms = int(body["timeout"]) * 1000, self.clock.now_ms()
        account.dead_man_ms = now_ms + wait_ms if wait_ms else 0
        return {"currentTime": words.at(now_ms), "triggerTime": words.at(now_ms + wait_ms) if wait_ms else "0"}

    def _private_OpenOrders(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        return {"open": self._orders(account, body, is_open=True)}

    def _private_ClosedOrders(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        found = self._orders(account, body, is_open=False)
        return {"closed": dict(list(found.items())[:PAGE]), "count": len(found)}

    def _private_QueryOrders(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        ids = body["txid"].split(",")
        assert len(ids) <= 50
        orders = (account.orders[int(one)] for one in ids if int(one) in account.orders)
        return {str(one.id): words.listed(one, self.exchange.market(one.symbol), ()) for one in orders}

    def _orders(self, account: SimAccount, body: dict[str, str], *, is_open: bool) -> dict[str, Any]:
        trades = account.trades if body.get("trades") == "true" else ()
        return {
            str(order.id): words.listed(order, self.exchange.market(order.symbol), trades)
            for order in reversed(account.orders.values())
            if order.is_open is is_open and body.get("cl_ord_id") in (None, order.client_id)
        }

    def _private_TradesHistory(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        assert body["consolidate_taker"] == "false", "else trades are put together under other ids"
        ids = {str(trade.id): place for place, trade in enumerate(account.trades)}
        start, end = body["start"], body.get("end")
        trades = [
            trade
            for place, trade in enumerate(account.trades)
            if (place > ids[start] if start in ids else trade.time_ms > float(start) * 1000)
            and (end is None or place <= ids[end])
        ]
        skip = int(body.get("ofs", "0"))
        return {"trades": self._trades(list(reversed(trades))[skip : skip + PAGE]), "count": len(trades)}

    def _private_QueryTrades(self, account: SimAccount, body: dict[str, str]) -> Any:  # noqa: N802
        ids = body["txid"].split(",")
        assert len(ids) <= 20
        return self._trades(trade for trade in account.trades if str(trade.id) in ids)

    def _trades(self, trades: Iterable[Any]) -> dict[str, Any]:
        return {str(one.id): words.trade(one, self.exchange.market(one.symbol)) for one in trades}

    def _private_BalanceEx(self, account: SimAccount, _body: dict[str, str]) -> Any:  # noqa: N802
        held = account.balances.items()
        return {
            words.LEGACY[name]: {"balance": words.plain(each.total), "hold_trade": words.plain(each.locked)}
            for name, each in held
        } | {"XBT.F": {"balance": "3.0000000000", "hold_trade": "0.0000000000"}}

    def _market(self, name: str) -> SimMarket:
        for market in self.exchange.markets.values():
            if name in (words.altname(market), words.full_name(market)):
                return market
        raise SimRefusal("unknown_symbol", name)

    # --- Sockets ------------------------------------------------------------------------------------------------------

    async def on_text(self, socket: SimSocket, text: str) -> None:
        message = json.loads(text)
        params = message["params"]
        channel = params["channel"]
        if channel == "executions":
            self._subscribe_executions(socket, params["token"])
            return
        for symbol in params["symbol"]:
            said = {"method": "subscribe", "success": symbol in self.exchange.markets}
            if not said["success"]:
                socket.push({**said, "error": f"Currency pair not supported {symbol}", "symbol": symbol})
                continue
            socket.subscriptions.add(f"{channel}:{symbol}")
            socket.push({**said, "result": {"channel": channel, "symbol": symbol, "snapshot": True}})
            market = self.exchange.market(symbol)
            if channel == "book":
                sides = [[(price, book[price]) for price in book] for book in (market.bids, market.asks)]
                socket.push(self._book(market, "snapshot", *sides))
            elif channel == "ticker":
                socket.push(self._ticker(market, "snapshot"))

    def _subscribe_executions(self, socket: SimSocket, token: str) -> None:
        name, until_ms = self.tokens.get(token, ("", 0))
        if self.clock.now_ms() > until_ms:
            socket.push({"method": "subscribe", "success": False, "error": "ESession:Invalid session"})
            return
        socket.state["account"] = name
        socket.subscriptions.add("executions")
        socket.push({"method": "subscribe", "success": True, "result": {"channel": "executions", "snap_orders": True}})
        orders = self.exchange.accounts[name].open_orders()
        self._say(socket, "snapshot", [words.pushed(one, self.exchange.market(one.symbol), "new") for one in orders])

    @staticmethod
    def _say(socket: SimSocket, kind: str, data: list[Any]) -> None:
        number = socket.state["sequence"] = socket.state.get("sequence", 0) + 1
        frame = {"channel": "executions", "type": kind, "data": data, "sequence": number}
        socket.push(words.encode(frame).decode())

    def hear(self, event: SimEvent) -> None:
        """Tell those who are subscribed."""
        if isinstance(event, OrderEvent):
            for socket in self.sockets:
                if socket.state.get("account") == event.order.account:
                    for one in words.executions(event, self.exchange.market(event.order.symbol)):
                        self._say(socket, "update", [one])
        elif isinstance(event, BookChange):
            market = self.exchange.market(event.symbol)
            self._tell(f"book:{event.symbol}", self._book(market, "update", event.bids, event.asks))
            self._tell(f"ticker:{event.symbol}", self._ticker(market, "update"))
        elif isinstance(event, PublicTrade):
            one = {
                "symbol": event.symbol, "side": "buy" if event.taker_buys else "sell", "price": event.price,
                "qty": event.quantity, "ord_type": "limit", "trade_id": event.id, "timestamp": words.at(event.time_ms),
            }  # fmt: skip
            frame = {"channel": "trade", "type": "update", "data": [one]}
            self._tell(f"trade:{event.symbol}", words.encode(frame).decode())

    def _tell(self, subscription: str, frame: str) -> None:
        for socket in self.sockets:
            if subscription in socket.subscriptions:
                socket.push(frame)

    def _book(self, market: SimMarket, kind: str, bids: Iterable[Any], asks: Iterable[Any]) -> str:
        sides = {
            name: [{"price": price, "qty": quantity} for price, quantity in levels]
            for name, levels in (("bids", bids), ("asks", asks))
        }
        one = {"symbol": market.symbol, **sides, "checksum": words.checksum(market),
               "timestamp": words.at(self.clock.now_ms())}  # fmt: skip
        return words.encode({"channel": "book", "type": kind, "data": [one]}).decode()

    def _ticker(self, market: SimMarket, kind: str) -> str:
        bid, ask = market.best("bid") or Decimal(0), market.best("ask") or Decimal(0)
        one = {
            "symbol": market.symbol, "bid": bid, "bid_qty": market.bids.get(bid, 0), "ask": ask,
            "ask_qty": market.asks.get(ask, 0), "last": market.last, "volume": Decimal("1000.5"),
            "vwap": market.last, "low": market.last, "high": market.last, "change": 0, "change_pct": 0,
        }  # fmt: skip
        return words.encode({"channel": "ticker", "type": kind, "data": [one]}).decode()
