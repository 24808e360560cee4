"""A simulated Binance: spot or USD-M, REST and streams on one port, with real signatures, weights and listen keys.

`python -m tests.support.venues.binance --port 0` runs one as a process of its own (`kit.serve`).
"""

import json
import secrets
from decimal import Decimal
from typing import Any, Final

from tests.support.venues.binance_access import Access, BinanceError, Limits, params_of, sign
from tests.support.venues.binance_desk import Desk
from tests.support.venues.binance_public import PublicBoard
from tests.support.venues.binance_spot import SpotDesk
from tests.support.venues.binance_usdm import UsdmDesk
from tests.support.venues.binance_words import (
    REFUSALS,
    algo_update,
    execution_report,
    order_trade_update,
    text,
)
from tests.support.venues.core import (
    BalanceEvent,
    OrderEvent,
    SimAccount,
    SimClock,
    SimEvent,
    SimMarket,
    SimRefusal,
)
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Answer, Call, VenueServer, serve
from tests.support.venues.sockets import SimSocket

LISTEN_KEY_MS: Final = 60 * 60_000


class BinanceSimulator(VenueServer):
    """One of Binance's markets."""

    secret_patterns = (
        r"(signature=)[0-9a-f]+",
        r'("signature":\s*")[^"]+',
        r'("apiKey":\s*")[^"]+',
        r"(listenKey=)\w+",
    )
    secret_headers = ("X-MBX-APIKEY",)

    def __init__(self, market: str = "spot", *, clock: SimClock | None = None, depth: int = 20) -> None:
        exchange = SimExchange(clock or SimClock())
        super().__init__(exchange)
        self.market = market
        is_spot = market == "spot"
        if is_spot:
            exchange.fee_in = lambda pair, side: pair.base if side == "buy" else pair.quote
        for base in ("BTC", "ETH"):
            exchange.add_market(a_market(base, is_spot=is_spot), depth=depth)
        self.desk: Desk = SpotDesk(exchange) if is_spot else UsdmDesk(exchange)
        self.board = PublicBoard(exchange, market)
        self.access = Access(exchange, self.clock)
        self.limits = Limits(self.clock, 6_000 if is_spot else 2_400)
        self.listen_keys: dict[str, tuple[str, int]] = {}
        """Account -> (key, when it expires)."""
        self.maintenance = False
        exchange.listeners.append(self._on_event)
        self.controls |= {"expire_listen_keys": self.expire_listen_keys, "terminate_streams": self.terminate_streams}
        self.controls["set_candles"] = self.board.set_candles

    def add_account(self, name: str = "ann", **balances: str) -> SimAccount:
        """Open an account with a key that may trade."""
        account = SimAccount(name, api_key=f"key-{name}-{'k' * 40}", secret=f"secret-{name}-{'s' * 40}")
        return self.exchange.add_account(account, **(balances or {"USDT": "100000", "BTC": "5", "BNB": "10"}))

    def urls(self) -> dict[str, Any]:
        """Return ccxt's `urls` that lead here."""
        http, ws = self.http, self.ws
        return {
            "api": {
                "public": f"{http}/api/v3",
                "private": f"{http}/api/v3",
                "sapi": f"{http}/sapi/v1",
                "fapiPublic": f"{http}/fapi/v1",
                "fapiPrivate": f"{http}/fapi/v1",
                "fapiPrivateV2": f"{http}/fapi/v2",
                "fapiPrivateV3": f"{http}/fapi/v3",
                "ws": {
                    "spot": f"{ws}/ws",
                    "linear": f"{ws}/ws",
                    "ws-api": {"spot": f"{ws}/ws-api/v3", "linear": f"{ws}/ws-fapi/v1"},
                },
            }
        }

    # --- REST ---------------------------------------------------------------------------------------------------------

    async def answer(self, call: Call) -> Answer:
        self.exchange.tick()
        account: SimAccount | None = None
        if self.maintenance:
            return self._error(BinanceError(0, "Service Unavailable.", 503), None)
        try:
            params = params_of(call)
            route = self.desk.routes.get((call.method, call.path))
            if route is not None:
                self.limits.take(route.weight)
                account = self.access.signed(call, needs=route.needs)
                if route.orders:
                    self.limits.order(account.name)
                body = route.handler(account, params)
            elif call.path == "/fapi/v1/listenKey" and self.market == "usdm":
                self.limits.take(1)
                body = self._listen_key(call)
            else:
                weight, body = self.board.get(call.path, params)
                self.limits.take(weight)
        except SimRefusal as refusal:
            code, message = REFUSALS[self.market][refusal.word]
            return self._error(BinanceError(code, message), account)
        except BinanceError as error:
            return self._error(error, account)
        return Answer(body, headers=self.limits.headers(account.name if account else None))

    def _error(self, error: BinanceError, account: SimAccount | None) -> Answer:
        headers = {**self.limits.headers(account.name if account else None), **error.headers}
        more = {} if error.data is None else {"data": error.data}
        return Answer({"code": error.code, "msg": error.message, **more}, error.status, headers)

    def _listen_key(self, call: Call) -> dict[str, Any]:
        account = self.access.by_key(call)
        now_ms = self.clock.now_ms()
        key, until_ms = self.listen_keys.get(account.name, ("", 0))
        if now_ms >= until_ms:
            key = ""
        if call.method == "POST":
            key = key or secrets.token_hex(32)
            self.listen_keys[account.name] = (key, now_ms + LISTEN_KEY_MS)
            return {"listenKey": key}
        if not key:
            raise BinanceError(-1125, "This listenKey does not exist.")
        if call.method == "PUT":
            self.listen_keys[account.name] = (key, now_ms + LISTEN_KEY_MS)
            return {"listenKey": key}
        del self.listen_keys[account.name]
        return {}

    # --- Sockets ------------------------------------------------------------------------------------------------------

    async def on_open(self, socket: SimSocket) -> bool:
        if not socket.path.endswith("/private/ws"):
            return True
        for name, (key, until_ms) in self.listen_keys.items():
            if key == socket.query.get("listenKey") and self.clock.now_ms() < until_ms:
                socket.state["account"] = name
                socket.subscriptions.add(f"user/{name}")
                return True
        # The venue takes the socket and says nothing on it.
        return True

    async def on_text(self, socket: SimSocket, text: str) -> None:
        wish = json.loads(text)
        method, number = wish.get("method"), wish.get("id")
        if socket.path.startswith("/ws-api"):
            socket.push(self._ws_api(socket, method, number, wish.get("params", {})))
        elif method == "SUBSCRIBE":
            socket.subscriptions.update(wish["params"])
            socket.push({"result": None, "id": number})
        elif method == "UNSUBSCRIBE":
            socket.subscriptions.difference_update(wish["params"])
            socket.push({"result": None, "id": number})
        else:
            socket.push({"error": {"code": 2, "msg": "Invalid request: unknown variant"}, "id": number})

    def _ws_api(self, socket: SimSocket, method: str, number: Any, params: dict[str, Any]) -> dict[str, Any]:
        try:
            account = self._subscriber(method, params)
        except BinanceError as error:
            failure = {"code": error.code, "msg": error.message}
            return {"id": number, "status": error.status, "error": failure, "rateLimits": []}
        socket.state["account"] = account.name
        socket.state["subscription"] = 0
        socket.subscriptions.add(f"user/{account.name}")
        return {"id": number, "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []}

    def _subscriber(self, method: str, params: dict[str, Any]) -> SimAccount:
        if method != "userDataStream.subscribe.signature":
            raise BinanceError(-1000, "Unknown method.")
        account = self.access.key(str(params.get("apiKey", "")), "127.0.0.1")
        signed = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        if sign(signed, account.secret) != params.get("signature"):
            raise BinanceError(-1022, "Signature for this request is not valid.")
        self.access.timely({name: str(value) for name, value in params.items()})
        return account

    # --- What is pushed -----------------------------------------------------------------------------------------------

    def tell(self, account: str, event: dict[str, Any]) -> None:
        """Push an event to an account's streams."""
        for socket in self.sockets:
            if socket.state.get("account") != account:
                continue
            if "subscription" in socket.state:
                socket.push({"subscriptionId": 0, "event": event})
            elif self.clock.now_ms() < self.listen_keys.get(account, ("", 0))[1]:
                socket.push(event)

    def publish(self, stream: str, payload: dict[str, Any]) -> None:
        """Push a payload to whoever has subscribed its stream."""
        for socket in self.sockets:
            if stream in socket.subscriptions:
                socket.push({"stream": stream, "data": payload} if "stream" in socket.path else payload)

    def expire_listen_keys(self) -> None:
        """Let all listen keys die now, as the venue says it: one event, then silence."""
        for name, (key, _) in list(self.listen_keys.items()):
            self.tell(name, {"e": "listenKeyExpired", "E": self.clock.now_ms(), "listenKey": key})
            self.listen_keys[name] = (key, 0)

    def terminate_streams(self) -> None:
        """End the subscriptions of spot's user streams; the sockets stay open."""
        for socket in self.sockets:
            if "subscription" in socket.state:
                self.tell(socket.state["account"], {"e": "eventStreamTerminated", "E": self.clock.now_ms()})
                del socket.state["account"]

    def _on_event(self, event: SimEvent) -> None:
        if isinstance(event, OrderEvent):
            for payload in self._order_events(event):
                self.tell(event.order.account, payload)
        elif isinstance(event, BalanceEvent):
            self.tell(event.account, self._account_event(event))
        else:
            for stream, payload in self.board.frames(event):
                self.publish(stream, payload)

    def _order_events(self, event: OrderEvent) -> list[dict[str, Any]]:
        order = event.order
        if self.market == "spot":
            return [execution_report(event, None)]
        market = self.exchange.market(order.symbol)
        if "algo" not in order.extra:
            return [order_trade_update(event, market)]
        if event.word == "triggered":
            self.exchange.accounts[order.account].orders[order.id].extra["triggered"] = "1"
            order.extra["triggered"] = "1"
            told = [algo_update(order, "TRIGGERING", event.time_ms), order_trade_update(event, market)]
            return [*told, algo_update(order, "TRIGGERED", event.time_ms)]
        if "triggered" not in order.extra:
            return [
                algo_update(order, {"new": "NEW", "cancelled": "CANCELED"}.get(event.word, "EXPIRED"), event.time_ms)
            ]
        told = [order_trade_update(event, market)]
        return told if order.is_open else [*told, algo_update(order, "FINISHED", event.time_ms)]

    def _account_event(self, event: BalanceEvent) -> dict[str, Any]:
        if self.market == "spot":
            rows = [
                {"a": asset, "f": text(balance.free), "l": text(balance.locked)}
                for asset, balance in event.balances.items()
            ]
            return {"e": "outboundAccountPosition", "E": event.time_ms, "u": event.time_ms, "B": rows}
        wallets = [{"a": asset, "wb": text(balance.total), "bc": "0"} for asset, balance in event.balances.items()]
        positions = [{"s": position.symbol, "pa": text(position.size, 3)} for position in event.positions]
        account = {"B": wallets, "P": positions, "m": event.why}
        return {"e": "ACCOUNT_UPDATE", "T": event.time_ms, "E": event.time_ms, "a": account}


def a_market(base: str, *, is_spot: bool) -> SimMarket:
    """Return a market in BASE/USDT with rules like the venue's."""
    last = {"BTC": Decimal(60000), "ETH": Decimal(3000)}[base]
    market = SimMarket(f"{base}USDT", base, "USDT", last=last)
    if not is_spot:
        market.is_margined = True
        market.step = market.min_quantity = Decimal("0.001")
        market.tick = Decimal("0.10")
        market.maker_fee, market.taker_fee = Decimal("0.0002"), Decimal("0.0005")
    return market


def a_process(market: str = "spot") -> BinanceSimulator:
    """Make the simulator that runs as a process, with one account."""
    venue = BinanceSimulator(market)
    venue.add_account()
    return venue


if __name__ == "__main__":
    serve(a_process)
