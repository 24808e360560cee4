"""What a simulated Coinbase says on its sockets: subscriptions, books, trades, orders, heartbeats, all numbered."""

import asyncio
import json
from typing import Any, Final

from tests.support.venues import coinbase_words as words
from tests.support.venues.coinbase_access import Access, CoinbaseError
from tests.support.venues.core import BookChange, OrderEvent, PublicTrade, SimClock, SimEvent
from tests.support.venues.exchange import SimExchange
from tests.support.venues.sockets import SimSocket, SocketHub

PUBLIC: Final = frozenset({"ticker", "ticker_batch", "level2", "market_trades", "candles", "status"})
DATA: Final = {"level2": "l2_data"}
"""Channels whose frames have another name."""
BATCH: Final = 50
"""Open orders in one snapshot event of the `user` channel."""
REFUSED: Final = {"type": "error", "message": "authentication failure"}


class CoinbaseFeed:
    """All sockets of the venue."""

    def __init__(
        self, exchange: SimExchange, clock: SimClock, sockets: SocketHub, access: Access, aliases: dict[str, str]
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.sockets = sockets
        self.access = access
        self.aliases = aliases
        self.beat_s = 1.0
        self.ack_after_s = 0.0
        """How long acknowledgements come after what was subscribed."""
        exchange.listeners.append(self.hear)

    def take(self, socket: SimSocket, text: str) -> None:
        """Take a client's frame."""
        try:
            message = json.loads(text)
            kind, channel = message["type"], message["channel"]
        except (ValueError, KeyError, TypeError):
            socket.push({"type": "error", "message": "failure to parse"})
            return
        if kind == "subscribe":
            self._subscribe(socket, channel, message.get("product_ids", []), message.get("jwt"))
        else:
            subscribed = socket.state.setdefault("channels", {})
            subscribed.pop(channel, None)
            self._acknowledge(socket)

    def _subscribe(self, socket: SimSocket, channel: str, products: list[str], token: str | None) -> None:
        account = None
        try:
            account = self.access.of_token(token, None) if token is not None else None
        except CoinbaseError:
            socket.push(REFUSED)
            return
        channels: dict[str, list[str]] = socket.state.setdefault("channels", {})
        if channel == "heartbeats":
            channels[channel] = ["heartbeats"]
        elif channel == "user" and account is not None:
            channels[channel] = [f"user-of-{account.name}"]
            socket.state["account"] = account.name
            socket.subscriptions.add("user")
            self._snapshot_of_orders(socket, account.name)
        elif channel in PUBLIC:
            # What it does not know is only missing from the acknowledgement.
            known = [name for name in (self.aliases.get(one, one) for one in products) if name in self.exchange.markets]
            channels[channel] = sorted({*channels.get(channel, []), *known})
            if not channels[channel]:
                del channels[channel]
            socket.subscriptions.update(f"{channel}:{name}" for name in known)
            for name in known:
                self._begin(socket, channel, name)
        else:
            socket.push(REFUSED)
            return
        self._acknowledge(socket)

    def _acknowledge(self, socket: SimSocket) -> None:
        if self.ack_after_s:
            asyncio.get_running_loop().call_later(self.ack_after_s, self._say_channels, socket)
        else:
            self._say_channels(socket)

    def _say_channels(self, socket: SimSocket) -> None:
        channels = {name: list(products) for name, products in socket.state.get("channels", {}).items()}
        self.say(socket, "subscriptions", [{"subscriptions": channels}])

    def say(self, socket: SimSocket, channel: str, events: list[Any]) -> None:
        """Send a frame with the next number of the connection."""
        number = socket.state.get("next", 0)
        socket.state["next"] = number + 1
        socket.push(
            {
                "channel": channel,
                "client_id": "",
                "timestamp": words.at(self.clock.now_ms()),
                "sequence_num": number,
                "events": events,
            }
        )

    def _snapshot_of_orders(self, socket: SimSocket, account: str) -> None:
        orders = [words.pushed(order) for order in self.exchange.accounts[account].open_orders()]
        for start in range(0, max(1, len(orders)), BATCH):
            self.say(socket, "user", [{"type": "snapshot", "orders": orders[start : start + BATCH]}])

    def _begin(self, socket: SimSocket, channel: str, product: str) -> None:
        market = self.exchange.market(product)
        if channel == "level2":
            levels = [("bid", price, size) for price, size in market.bids.items()]
            levels += [("offer", price, size) for price, size in market.asks.items()]
            self.say(socket, "l2_data", [self._book("snapshot", product, levels)])
        elif channel in ("ticker", "ticker_batch"):
            self.say(socket, channel, [{"type": "snapshot", "tickers": [self._ticker(product, channel)]}])
        elif channel == "market_trades":
            self.say(socket, channel, [{"type": "snapshot", "trades": []}])

    def _book(self, kind: str, product: str, levels: list[Any]) -> Any:
        at = words.at(self.clock.now_ms())
        rows = [
            {"side": side, "event_time": at, "price_level": words.plain(price), "new_quantity": words.plain(size)}
            for side, price, size in levels
        ]
        return {"type": kind, "product_id": product, "updates": rows}

    def _ticker(self, product: str, channel: str) -> Any:
        market = self.exchange.market(product)
        found = {
            "type": "ticker", "product_id": product, "price": words.plain(market.last), "volume_24_h": "1000.5",
            "price_percent_chg_24_h": "1.25",
        }  # fmt: skip
        bid, ask = market.best("bid"), market.best("ask")
        if channel == "ticker" and bid is not None and ask is not None:
            found |= {
                "best_bid": words.plain(bid), "best_bid_quantity": words.plain(market.bids[bid]),
                "best_ask": words.plain(ask), "best_ask_quantity": words.plain(market.asks[ask]),
            }  # fmt: skip
        return found

    # --- What happens -------------------------------------------------------------------------------------------------

    def hear(self, event: SimEvent) -> None:
        """Tell those who are subscribed."""
        if isinstance(event, OrderEvent):
            for socket in self.sockets:
                if socket.state.get("account") == event.order.account:
                    self.say(socket, "user", [{"type": "update", "orders": [words.pushed(event.order)]}])
        elif isinstance(event, BookChange):
            levels = [("bid", *level) for level in event.bids] + [("offer", *level) for level in event.asks]
            self._tell("level2", event.symbol, [self._book("update", event.symbol, levels)])
        elif isinstance(event, PublicTrade):
            self._tell("market_trades", event.symbol, [{"type": "update", "trades": [self._trade(event)]}])
            self._tell("ticker", event.symbol, [{"type": "update", "tickers": [self._ticker(event.symbol, "ticker")]}])

    @staticmethod
    def _trade(trade: PublicTrade) -> Any:
        return {
            "trade_id": str(trade.id), "product_id": trade.symbol, "price": words.plain(trade.price),
            "size": words.plain(trade.quantity), "time": words.at(trade.time_ms),
            # Of the order that was in the book.
            "side": "SELL" if trade.taker_buys else "BUY",
        }  # fmt: skip

    def _tell(self, channel: str, product: str, events: list[Any]) -> None:
        for socket in self.sockets:
            if product in socket.state.get("channels", {}).get(channel, ()):
                self.say(socket, DATA.get(channel, channel), events)

    async def beat(self) -> None:
        """Send heartbeats until cancelled."""
        count = 0
        while True:
            await asyncio.sleep(self.beat_s)
            count += 1
            for socket in self.sockets:
                if "heartbeats" in socket.state.get("channels", {}):
                    beat = {"current_time": words.at(self.clock.now_ms()), "heartbeat_counter": count}
                    self.say(socket, "heartbeats", [beat])
