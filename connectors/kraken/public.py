"""Kraken's public market data: names, listing, streams (WebSocket v2), candles, time.

Kraken numbers nothing: each book frame carries the CRC32 of the ten best levels a side instead, over their digits in
the pair's decimals. A book that does not lead to it is stale within that message, and the socket is dialled anew.
`XXBTZUSD` and `XBTUSD` by REST are `BTC/USD` here and in streams; the legacy names are those of ccxt's
`commonCurrencies`. AssetPairs tells no largest order, so ours is out of the way.
Source: docs.kraken.com, WebSocket v2 `ticker`, `trade`, `book`, `status`, "Book checksum"; REST AssetPairs, OHLC.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

import msgspec

from connectors.bridge.exact import exact
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamEnded, StreamItem, StreamPlan, StreamReady
from connectors.kraken.exchange import Kraken
from connectors.live.adapter import Channel, Listing, PublicSetup
from connectors.live.base import JsonPlan, PublicBase, closed_bars, listing_of
from connectors.live.checked_books import CHECKED, CheckedBooks
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, Side
from engine.domain.values import is_multiple, multiply, round_money
from engine.messages.market import Bar, Level, QuoteTick, TradePrint
from engine.messages.market_live import InstrumentStatus
from engine.messages.render import from_rfc3339
from engine.runtime.clock import NS_PER_S
from engine.runtime.log import Logger

SILENCE_NS: Final = 10 * NS_PER_S
"""A heartbeat comes every second."""
SYMBOLS_MAX: Final = 100
"""Of one socket; Kraken tells no limit."""
DEPTH: Final = 100
CHANNELS: Final = {Channel.BOOK: "book", Channel.TRADES: "trade", Channel.QUOTES: "ticker"}
_OPTIONS: Final[Mapping[str, Any]] = {
    "ticker": {"event_trigger": "bbo"}, "trade": {"snapshot": False}, "book": {"depth": DEPTH}}  # fmt: skip
MINUTES: Final = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
_LEGACY: Final = re.compile("X(ETC|ETH|LTC|MLN|REP|XBT|XDG|XLM|XMR|XRP|ZEC)|Z(AUD|CAD|EUR|GBP|JPY|USD)")
Pair = Mapping[str, Any]
"""An entry of AssetPairs."""


def asset_of(name: str) -> str:
    """Return our name of an asset."""
    short = name[1:] if _LEGACY.fullmatch(name) else name
    return {"XBT": "BTC", "XDG": "DOGE"}.get(short, short)


def instrument_of(pair: Pair, venue: Venue) -> tuple[Instrument, str]:
    """Return a pair's rules, and why it takes no ordinary orders now."""
    base, quote = (asset_of(part) for part in pair["wsname"].split("/"))
    tick, step = (Decimal((0, (1,), -pair[name])) for name in ("pair_decimals", "lot_decimals"))
    smallest, taker = Decimal(pair["ordermin"]), Decimal(pair["fees"][0][1]) / 100
    return Instrument(
        venue=venue, symbol=f"{base}/{quote}", base=base, quote=quote, settle=quote, kind=InstrumentKind.SPOT,
        tick_size=Decimal(pair.get("tick_size", tick)), step_size=step, max_quantity=Decimal(10) ** 9,
        min_quantity=smallest if is_multiple(smallest, step) else smallest.quantize(step) + step,
        min_notional=Decimal(pair.get("costmin", 0)), taker_fee=taker,
        maker_fee=Decimal(pair["fees_maker"][0][1]) / 100 if pair.get("fees_maker") else taker,
    ), "" if pair["status"] == "online" else pair["status"]  # fmt: skip


def subscribe(channel: str, **params: Any) -> str:
    """Return the text that subscribes a channel."""
    return msgspec.json.encode({"method": "subscribe", "params": {"channel": channel, **params}}).decode()


def checksum(best: tuple[Sequence[Level], Sequence[Level]], pair: Pair) -> int:
    """Return the CRC32 of the best (bids, asks) of a book."""
    bids, asks = best
    digits = (f"{value:.{pair[places]}f}".replace(".", "").lstrip("0") for level in (*asks, *bids)
              for value, places in zip(level, ("pair_decimals", "lot_decimals"), strict=True))  # fmt: skip
    return crc32("".join(digits).encode())


def is_idle(frame: Any) -> bool:
    """Whether a frame only says that the socket lives."""
    return frame.get("channel") in ("heartbeat", "status") or frame.get("method") == "pong"


class KrakenPublic(PublicBase[Kraken]):
    """See `connectors.live.adapter.PublicAdapter`."""

    sequence_rule = CHECKED
    channels = frozenset(CHANNELS)

    def __init__(self, setup: PublicSetup, bridge: Bridge, log: Logger) -> None:  # noqa: ARG002
        """Keep what it works with."""
        super().__init__(setup, Kraken(bridge, setup.urls))
        self.pairs: Mapping[Symbol, Pair] = {}

    async def instruments(self) -> Listing:
        """Read the listing, off the loop. What no stream brings (dark pools) counts as unreadable."""
        raw = await self._exchange.ask(self._exchange.publicGetAssetPairs)
        listing, self.pairs = await asyncio.to_thread(
            lambda: listing_of(exact(raw)["result"].values(), lambda pair: instrument_of(pair, self.venue))
        )
        return listing

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        """Return the sockets for these symbols."""
        names = [name for channel, name in CHANNELS.items() if channel in channels]
        return [MarketPlan(self, symbols[start : start + SYMBOLS_MAX], names, f"market/{start // SYMBOLS_MAX}")
                for start in range(0, len(symbols), SYMBOLS_MAX)]  # fmt: skip

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        """Read closed candles: Kraken keeps the newest 720 only, and tells the mean price instead of the turnover."""
        minutes, pair = MINUTES.get(timeframe), self.pairs.get(symbol)
        if minutes is None or pair is None:
            raise BadInput("bars", expected=f"a listed pair, {', '.join(MINUTES)}", was=f"{symbol} {timeframe}")
        params = {"pair": pair["altname"], "interval": minutes, "since": since_ns // NS_PER_S - 1}
        told = (await self.ask("publicGetOHLC", params))["result"]
        rows = ((start, [*map(Decimal, (*prices, size)), round_money(multiply(Decimal(mean), Decimal(size)))], count)
                for name in told.keys() - {"last"} for start, *prices, mean, size, count in told[name])  # fmt: skip
        return closed_bars(
            rows, venue=self.venue, symbol=symbol, timeframe=timeframe, length_s=minutes * 60, since_ns=since_ns,
            until_ns=until_ns, now_ns=self._time.now_ns())  # fmt: skip


class MarketPlan(JsonPlan):
    """Some channels of some symbols on one socket."""

    silence_ns = SILENCE_NS

    def __init__(self, market: KrakenPublic, symbols: Sequence[Symbol], channels: Sequence[str], name: str) -> None:
        """Keep what is wanted; `channels` are Kraken's names."""
        super().__init__(name, lambda: str(market.wire.urls["api"]["ws"]["publicV2"]))
        self._market, self._symbols, self._channels = market, symbols, channels
        self._unanswered = 0
        self._books = CheckedBooks(market.venue, depth=DEPTH, top=10)

    async def opening(self) -> Sequence[str]:
        """Return the subscriptions; each symbol of each is answered by itself."""
        self._unanswered = len(self._channels) * len(self._symbols)
        self._books.forget()
        return [subscribe(channel, symbol=self._symbols, **_OPTIONS[channel]) for channel in self._channels]

    def read(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        if frame.get("method") == "subscribe":
            return self._answered(frame, received_ns)
        data = () if is_idle(frame) else frame["data"]
        return [item for one in data for item in self._items(frame, one, received_ns)]

    def _answered(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        self._unanswered -= 1
        found: list[StreamItem] = [StreamReady()] if self._unanswered == 0 else []
        if not frame["success"]:
            found.insert(0, InstrumentStatus(venue=self._market.venue, symbol=frame["symbol"], is_trading=False,
                                             reason=frame["error"], at_ns=received_ns))  # fmt: skip
        return found

    def _items(self, frame: Any, one: Any, received_ns: int) -> Sequence[StreamItem]:
        at_ns = from_rfc3339(one["timestamp"]) if one.get("timestamp") else received_ns
        if frame["channel"] == "book":
            return self._book(one, at_ns, received_ns, is_snapshot=frame["type"] == "snapshot")
        about = {"venue": self._market.venue, "symbol": one["symbol"], "ts_event_ns": at_ns, "ts_init_ns": received_ns}
        if frame["channel"] == "trade":
            return [TradePrint(**about, trade_id=str(one["trade_id"]), price=Decimal(one["price"]),
                               quantity=Decimal(one["qty"]), aggressor=Side(one["side"]))]  # fmt: skip
        if frame["channel"] != "ticker":
            raise BadInput("channel", expected="book, trade or ticker", was=frame["channel"])
        bid, bid_size, ask, ask_size = (Decimal(one[name]) for name in ("bid", "bid_qty", "ask", "ask_qty"))
        return [QuoteTick(**about, bid=bid, bid_size=bid_size, ask=ask, ask_size=ask_size)] if bid and ask else []

    def _book(self, one: Any, at_ns: int, received_ns: int, *, is_snapshot: bool) -> Sequence[StreamItem]:
        bids, asks = ([(Decimal(level["price"]), Decimal(level["qty"])) for level in one.get(side, ())]
                      for side in ("bids", "asks"))  # fmt: skip
        symbol, told, pair = one["symbol"], one["checksum"], self._market.pairs[one["symbol"]]
        message, is_right = self._books.take(
            symbol, bids, asks, is_snapshot=is_snapshot, is_right=lambda *best: checksum(best, pair) == told,
            received_ns=received_ns, at_ns=at_ns)  # fmt: skip
        return [message] if is_right else [message, StreamEnded(f"the checksum of the book of {symbol} differs")]
