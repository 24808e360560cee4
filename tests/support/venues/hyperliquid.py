"""A simulated Hyperliquid: perpetuals and spot, two endpoints and a socket on one port, with real signatures.

`python -m tests.support.venues.hyperliquid --port 0` runs one as a process of its own (`kit.serve`).
"""

import json
from decimal import Decimal
from typing import Any, Final

from eth_account import Account

from tests.support.venues import hyperliquid_words as words
from tests.support.venues.core import (
    BookChange,
    OrderEvent,
    PublicTrade,
    SimAccount,
    SimClock,
    SimEvent,
    SimMarket,
    SimOrder,
    SimTrade,
)
from tests.support.venues.exchange import SimExchange
from tests.support.venues.hyperliquid_desk import ActionError, Desk
from tests.support.venues.hyperliquid_info import Info, Unreadable, request_of
from tests.support.venues.kit import Answer, Call, VenueServer, serve
from tests.support.venues.sockets import SimSocket

REPLAYED: Final = 30
WEIGHT_MAX: Final = 1_200
USERS_MAX: Final = 10
USER_CHANNELS: Final = ("orderUpdates", "userFills", "userEvents")
COIN_CHANNELS: Final = ("l2Book", "bbo", "trades", "activeAssetCtx", "candle")
UNREADABLE: Final = "Error parsing JSON into valid websocket request: "


def some_markets() -> dict[int, SimMarket]:
    """Return the markets of every simulator: two perpetuals, one of them delisted later if a test likes, and a pair."""
    perp: dict[str, Any] = {"is_margined": True, "min_notional": Decimal(10), "maker_fee": Decimal("0.00015")}
    return {
        0: SimMarket(
            "BTC", "BTC", "USDC", tick=Decimal(1), initial_margin=Decimal("0.025"), taker_fee=Decimal("0.00045"), **perp
        ),
        1: SimMarket(
            "ETH", "ETH", "USDC", tick=Decimal("0.1"), step=Decimal("0.0001"), min_quantity=Decimal("0.0001"),
            last=Decimal(3000), initial_margin=Decimal("0.04"), taker_fee=Decimal("0.00045"), **perp,
        ),
        10_107: SimMarket(
            "@107", "HYPE", "USDC", tick=Decimal("0.001"), step=Decimal("0.01"), min_quantity=Decimal("0.01"),
            min_notional=Decimal(10), last=Decimal("21.5"), maker_fee=Decimal("0.0004"), taker_fee=Decimal("0.0007"),
        ),
    }  # fmt: skip


class HyperliquidSimulator(VenueServer):
    """The venue. Its log shows signatures: they are public on the chain."""

    def __init__(self, *, clock: SimClock | None = None, depth: int = 20) -> None:
        exchange = SimExchange(clock or SimClock(), duplicates="ignore")
        super().__init__(exchange)
        exchange.fee_in = lambda market, side: market.base if side == "buy" and not market.is_margined else market.quote
        markets = some_markets()
        for market in markets.values():
            exchange.add_market(market, depth=depth, size=Decimal(50) if market.base == "HYPE" else Decimal(5))
        self.desk = Desk(exchange, {asset: market.symbol for asset, market in markets.items()}, self.clock)
        self.info = Info(exchange, self.desk, self.clock)
        self.keys: dict[str, str] = {}
        """Account -> private key of its API wallet."""
        self.prints: dict[str, list[PublicTrade]] = {}
        self.limit = WEIGHT_MAX
        self._weights: list[tuple[int, int]] = []
        exchange.listeners.append(self._on_event)

    def add_account(self, name: str = "ann", **balances: str) -> SimAccount:
        """Open an account, with an API wallet that may trade for it."""
        wallet, agent = (Account.from_key(_key_of(f"{name} {part}")) for part in ("wallet", "agent"))
        account = SimAccount(name, api_key=wallet.address.lower(), secret=agent.address.lower())
        self.desk.signers[wallet.address.lower()] = self.desk.signers[agent.address.lower()] = account
        self.keys[name] = _key_of(f"{name} agent")
        return self.exchange.add_account(account, **(balances or {"USDC": "1000000", "HYPE": "1000"}))

    def urls(self) -> dict[str, Any]:
        """Return ccxt's `urls` that lead here."""
        return {"api": {"public": self.http, "private": self.http, "ws": {"public": f"{self.ws}/ws"}}}

    # --- Requests -----------------------------------------------------------------------------------------------------

    def line_of(self, call: Call) -> str:
        """Add the type of a question or an action: `POST /info#orderStatus`."""
        try:
            request = json.loads(call.body)
            kind = request["action"]["type"] if "action" in request else request["type"]
        except (ValueError, KeyError, TypeError):
            return call.line
        return f"{call.line}#{kind}"

    async def answer(self, call: Call) -> Answer:
        self.exchange.tick()
        if call.path not in ("/info", "/exchange"):
            return Answer("Not found", status=404, content_type="text/plain")
        try:
            request = request_of(call.body)
            is_info = call.path == "/info"
            if not self._has_room(self.info.weight(request) if is_info else 1):
                return Answer("null", status=429)
            return Answer(json.dumps(self.info.answer(request) if is_info else self.desk.act(request)))
        except ActionError as error:
            return Answer({"status": "err", "response": str(error)})
        except (Unreadable, KeyError, TypeError, ValueError) as error:
            text = str(error) if isinstance(error, Unreadable) else f"Failed to deserialize the JSON body: {error!r}"
            return Answer(text, status=422, content_type="text/plain")

    def _has_room(self, weight: int) -> bool:
        now = self.clock.now_ms()
        self._weights = [(at, each) for at, each in self._weights if at > now - 60_000]
        if sum(each for _, each in self._weights) + weight > self.limit:
            return False
        self._weights.append((now, weight))
        return True

    # --- Sockets ------------------------------------------------------------------------------------------------------

    async def on_text(self, socket: SimSocket, text: str) -> None:
        self.exchange.tick()
        try:
            request = json.loads(text)
            method = request["method"]
        except (ValueError, KeyError, TypeError):
            socket.push({"channel": "error", "data": UNREADABLE + text})
            return
        if method == "ping":
            socket.push({"channel": "pong"})
        elif method in ("subscribe", "unsubscribe"):
            self._subscribe(socket, request["subscription"], text, wants=method == "subscribe")
        else:
            socket.push({"channel": "error", "data": UNREADABLE + text})

    def _subscribe(self, socket: SimSocket, wish: dict[str, Any], text: str, *, wants: bool) -> None:
        kind, of = wish.get("type", ""), str(wish.get("user") or wish.get("coin") or "").lower()
        name = f"{kind}:{of}"
        if kind not in (*USER_CHANNELS, *COIN_CHANNELS):
            socket.push({"channel": "error", "data": UNREADABLE + text})
            return
        market = next((each for each in self.exchange.markets.values() if each.symbol.lower() == of), None)
        if kind in COIN_CHANNELS and (market is None or market.status == "DELISTED"):
            socket.push({"channel": "error", "data": f"Invalid subscription {json.dumps(wish)}"})
            return
        if wants == (name in socket.subscriptions):
            word = "Already subscribed" if wants else "Already unsubscribed"
            socket.push({"channel": "error", "data": f"{word}: {json.dumps(wish)}"})
            return
        if wants and kind in USER_CHANNELS and len(self._users() | {of}) > USERS_MAX:
            socket.push({"channel": "error", "data": "Cannot track more than 10 total users."})
            return
        (socket.subscriptions.add if wants else socket.subscriptions.discard)(name)
        shown = wish | ({"aggregateByTime": False} if kind == "userFills" else {})
        data = {"method": "subscribe" if wants else "unsubscribe", "subscription": shown}
        socket.push({"channel": "subscriptionResponse", "data": data})
        if wants:
            self._greet(socket, kind, of, market)

    def _greet(self, socket: SimSocket, kind: str, of: str, market: SimMarket | None) -> None:
        now = self.clock.now_ms()
        if kind == "userFills":
            fills = self.info.answer({"type": "userFills", "user": of})
            socket.push({"channel": kind, "data": {"isSnapshot": True, "user": of, "fills": fills}})
        if market is None:
            return
        if kind == "l2Book":
            socket.push({"channel": kind, "data": words.book(market, now)})
        elif kind == "bbo":
            socket.push({"channel": kind, "data": words.bbo(market, now)})
        elif kind == "trades" and self.prints.get(market.symbol):
            newest = self.prints[market.symbol][-REPLAYED:]
            socket.push({"channel": kind, "data": [words.public_trade(each) for each in newest]})
        elif kind == "activeAssetCtx":
            channel = kind if market.is_margined else "activeSpotAssetCtx"
            socket.push({"channel": channel, "data": words.context(market)})

    def _users(self) -> set[str]:
        names = {name for socket in self.sockets for name in socket.subscriptions}
        return {name.partition(":")[2] for name in names if name.startswith(USER_CHANNELS)}

    def _tell(self, name: str, channel: str, data: Any) -> None:
        kind, _, of = name.partition(":")
        for socket in self.sockets:
            if f"{kind}:{of.lower()}" in socket.subscriptions:
                socket.push({"channel": channel, "data": data})

    # --- What happens -------------------------------------------------------------------------------------------------

    def _on_event(self, event: SimEvent) -> None:
        if isinstance(event, OrderEvent):
            self._on_order(event)
        elif isinstance(event, PublicTrade):
            self.prints.setdefault(event.symbol, []).append(event)
            self._tell(f"trades:{event.symbol}", "trades", [words.public_trade(event)])
        elif isinstance(event, BookChange):
            market = self.exchange.markets[event.symbol]
            self._tell(f"l2Book:{event.symbol}", "l2Book", words.book(market, event.time_ms))
            self._tell(f"bbo:{event.symbol}", "bbo", words.bbo(market, event.time_ms))

    def _on_order(self, event: OrderEvent) -> None:
        account = self.exchange.accounts[event.order.account]
        user = account.api_key
        if event.trade is not None:
            fill = self._fill(account, event.order, event.trade)
            self._tell(f"userFills:{user}", "userFills", {"user": user, "fills": [fill]})
            self._tell(f"userEvents:{user}", "user", {"fills": [fill]})
        if words.is_news(event):
            status = "triggered" if event.word == "triggered" else ""
            self._tell(f"orderUpdates:{user}", "orderUpdates", [words.order_update(event.order, status=status)])

    def _fill(self, account: SimAccount, order: SimOrder, trade: SimTrade) -> dict[str, Any]:
        known = self.info.fills.setdefault(account.name, [])
        for each in known:
            if each["tid"] == trade.id:
                return each  # Told again by a test that repeats events.
        change = trade.quantity if trade.side == "buy" else -trade.quantity
        market = self.exchange.markets[trade.symbol]
        now = account.position(trade.symbol).size if market.is_margined else account.balance(market.base).total
        cloid = order.client_id if self.info.names_orders_in_fills else ""
        fill = words.fill(trade, start=now - change, cloid=cloid)
        known.append(fill)
        return fill


def _key_of(name: str) -> str:
    """Return a private key that is always the same for a name."""
    return "0x" + (name.encode().hex() + "7a" * 32)[:64]


def _make() -> HyperliquidSimulator:
    server = HyperliquidSimulator()
    server.add_account()
    return server


if __name__ == "__main__":
    serve(_make)
