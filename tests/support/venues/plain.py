"""A made-up venue, as small as a venue can be: what the bridge and the connector are tried on beside the real ones.

REST requests are signed (`X-Time`, `X-Sign`: HMAC-SHA256 of time, method, path with query, and body), errors are
`{"error": word, "text": ...}`, and one socket at `/user` tells of orders once `{"op": "auth", ...}` has been answered.
"""

import asyncio
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any, Final

from tests.support.venues.core import OrderEvent, SimAccount, SimClock, SimEvent, SimOrder, SimRefusal, SimTrade
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Answer, Call, VenueServer
from tests.support.venues.sockets import SimSocket

WINDOW_MS: Final = 5_000
STATUS_OF: Final = {"bad_key": 401, "bad_sign": 401, "no_permission": 403, "bad_ip": 403, "bad_time": 400}


def sign(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "|".join(parts).encode(), hashlib.sha256).hexdigest()


def order_json(order: SimOrder) -> dict[str, Any]:
    return {
        "id": str(order.id),
        "client": order.client_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "tif": order.tif,
        "quantity": str(order.quantity),
        "price": None if order.price is None else str(order.price),
        "stop": None if order.stop_price is None else str(order.stop_price),
        "filled": str(order.filled),
        "state": order.state,
        "post_only": order.post_only,
        "at": order.updated_ms,
    }


def trade_json(trade: SimTrade, client: str) -> dict[str, Any]:
    return {
        "id": str(trade.id),
        "order": str(trade.order_id),
        "client": client,
        "symbol": trade.symbol,
        "side": trade.side,
        "price": str(trade.price),
        "quantity": str(trade.quantity),
        "fee": str(trade.fee),
        "fee_asset": trade.fee_asset,
        "maker": trade.is_maker,
        "at": trade.time_ms,
    }


class PlainVenue(VenueServer):
    """The server."""

    secret_headers = ("X-Sign",)

    def __init__(self, exchange: SimExchange | None = None, *, clock: SimClock | None = None) -> None:
        super().__init__(exchange, clock=clock)
        self.exchange.listeners.append(self._on_event)

    async def answer(self, call: Call) -> Answer:
        try:
            return Answer(self._answer(call))
        except SimRefusal as refusal:
            status = STATUS_OF.get(refusal.word, 400)
            return Answer({"error": refusal.word, "text": refusal.detail}, status)

    def _answer(self, call: Call) -> Any:  # noqa: PLR0911 - one line per request
        if call.path == "/time":
            return {"now": self.clock.now_ms()}
        account = self._check(call)
        body = json.loads(call.body) if call.body else {}
        match call.method, call.path:
            case "POST", "/order":
                return order_json(self._place(account, body))
            case "DELETE", "/order":
                return order_json(self.exchange.cancel(account, self._find(account, call.query["client"])))
            case "PUT", "/order":
                order = self._find(account, body["client"])
                changes = {name: Decimal(body[name]) for name in ("quantity", "price") if body.get(name) is not None}
                return order_json(self.exchange.amend(account, order, **changes))
            case "GET", "/order":
                return order_json(self._find(account, call.query["client"]))
            case "GET", "/open":
                after = int(call.query.get("after", "0"))
                found = sorted((order for order in account.open_orders() if order.id > after), key=lambda o: o.id)
                return {"orders": [order_json(order) for order in found[:50]], "more": len(found) > 50}
            case "GET", "/fills":
                after = int(call.query.get("after", "0"))
                client = call.query.get("client")
                found_trades = [
                    trade_json(trade, account.orders[trade.order_id].client_id)
                    for trade in account.trades
                    if trade.id > after and client in (None, account.orders[trade.order_id].client_id)
                ]
                return {"fills": found_trades[:100], "more": len(found_trades) > 100}
            case "GET", "/account":
                return {
                    "balances": {
                        asset: [str(balance.free), str(balance.locked)] for asset, balance in account.balances.items()
                    },
                    "can_trade": "trade" in account.permissions,
                    "hedged": account.is_hedged,
                    "at": self.clock.now_ms(),
                }
            case "POST", "/deadman":
                timeout_ms = int(body["timeout_ms"])
                account.dead_man_ms = self.clock.now_ms() + timeout_ms if timeout_ms else 0
                return {"until": account.dead_man_ms}
        raise SimRefusal("unknown_path", call.line)

    def _check(self, call: Call) -> SimAccount:
        path = call.path + (f"?{call.query_string}" if call.query_string else "")
        signed = (call.headers.get("x-time", ""), call.method, path, call.body.decode())
        return self._who(call.headers.get("x-key", ""), call.headers.get("x-sign", ""), signed, call.ip)

    def _who(self, key: str, signature: str, signed: tuple[str, ...], ip: str) -> SimAccount:
        account = self.exchange.account_of(key)
        if account is None or account.is_revoked:
            raise SimRefusal("bad_key", "no such key")
        if sign(account.secret, *signed) != signature:
            raise SimRefusal("bad_sign", "signature differs")
        if account.allowed_ips is not None and ip not in account.allowed_ips:
            raise SimRefusal("bad_ip", "address not allowed")
        if abs(int(signed[0]) - self.clock.now_ms()) > WINDOW_MS:
            raise SimRefusal("bad_time", "time is outside of the window")
        if signed[1] in ("POST", "DELETE", "PUT") and "trade" not in account.permissions:
            raise SimRefusal("no_permission", "key may only read")
        return account

    def _place(self, account: SimAccount, body: dict[str, Any]) -> SimOrder:
        if self.clock.now_ms() > body["valid_until"]:
            raise SimRefusal("expired", "valid_until has passed")
        return self.exchange.place(
            account,
            symbol=body["symbol"],
            side=body["side"],
            type=body["type"],
            quantity=Decimal(body["quantity"]),
            price=None if body["price"] is None else Decimal(body["price"]),
            client_id=body["client"],
            tif=body["tif"],
            post_only=body["post_only"],
        )

    def _find(self, account: SimAccount, client: str) -> SimOrder:
        order = account.by_client_id(client)
        if order is None:
            raise SimRefusal("unknown_order", client)
        return order

    # --- The socket ---------------------------------------------------------------------------------------------------

    async def on_text(self, socket: SimSocket, text: str) -> None:
        frame = json.loads(text)
        if frame["op"] == "auth":
            try:
                account = self._who(frame["key"], frame["sign"], (str(frame["time"]), "WS", "/user", ""), "")
            except SimRefusal as refusal:
                socket.push({"type": "refused", "error": refusal.word, "text": refusal.detail})
                return
            socket.state["account"] = account.name
            socket.push({"type": "ready"})
        elif frame["op"] == "prolong":
            await asyncio.sleep(0)
            socket.push({"type": "answer", "id": frame["id"], "ok": True})

    def _on_event(self, event: SimEvent) -> None:
        if not isinstance(event, OrderEvent):
            return
        frame = {
            "type": "order",
            "word": event.word,
            "order": order_json(event.order),
            "fill": None if event.trade is None else trade_json(event.trade, event.order.client_id),
        }
        for socket in self.sockets:
            if socket.state.get("account") == event.order.account:
                socket.push(frame)
