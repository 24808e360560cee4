"""A recorded file of venue frames: `<receive time in ns> <raw frame>` per line.

The file is read twice: a scan learns what the frames do not say one by one (which of Binance's markets it is, whose
book a REST snapshot is), then the frames are given.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.binance.instruments import parse_exchange_info
from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Market, Symbols
from connectors.replay.infer import Scales, infer_instrument
from connectors.replay.lines import LineError, read_lines
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.values import NS_MAX
from engine.messages.market import MarketMessage, QuoteTick, TradePrint

FRAME_LINE: Final = re.compile(rb"[0-9]{16,19} [{\[]")
"""How a recorded line begins."""
SAMPLES: Final = 2_000
"""Quotes and trades of a symbol whose decimals are looked at."""

_COMBINED: Final = b'{"stream":"'
_STREAM: Final = re.compile(rb'"stream"\s*:\s*"([^"@!]+)@([A-Za-z]+)')
_EVENT: Final = re.compile(rb'"s"\s*:\s*"([^"]+)"')
_EXCHANGE_INFO: Final = re.compile(rb'\{\s*"timezone"')

Item = tuple[int, int, bytes | LineError]
"""(receive time in ns, line, raw frame or why there is none)."""


class RecordedFile:
    """One file of frames."""

    def __init__(self, path: Path, *, venue: Venue, market: Market | None = None) -> None:
        """Scan the file.

        Args:
            path: Of the file, compressed or not.
            venue: Our name of the venue.
            market: Which of Binance's markets; None: what the frames look like.

        Raises:
            LineError: A snapshot without a symbol stands in a file of several symbols, or the file says nothing about
                any symbol.
            OSError: The file cannot be read.
        """
        self.path = path
        self.venue = venue
        self.frames = 0
        """Lines that are not blank."""
        self.first_ns: int | None = None
        """Receive time of the first frame; None if there is none."""
        self.last_ns = 0
        self.candles: dict[Symbol, str] = {}
        """Always empty: frames are no candles."""
        scan = _Scan(path)
        self.frames, self.first_ns, self.last_ns = scan.frames, scan.first_ns, scan.last_ns
        self.market: Market = market or scan.market or "spot"
        symbols = Symbols(self.market)
        self.instruments = self._instruments(scan, symbols)
        if not self.instruments:
            reason = f"expected market data of Binance in its {self.frames} frames, was none"
            raise LineError(path, 1, reason=reason)
        self._symbol = self._only_symbol(scan, symbols)
        self._parser = FrameParser(venue=venue, symbols=symbols, with_aggregates=not scan.has_trades)

    def items(self) -> Iterator[Item]:
        """Yield the frames in the order of the file; times are as recorded, which may step back."""
        at_ns = self.first_ns or 0
        try:
            for line, data in read_lines(self.path):
                text, _, raw = data.partition(b" ")
                if text.isdigit() and 0 < int(text) <= NS_MAX:
                    at_ns = int(text)
                    yield at_ns, line, raw
                else:
                    reason = f"expected a receive time in nanoseconds and a frame, was {data[:60]!r}"
                    yield at_ns, line, LineError(self.path, line, reason=reason)
        except LineError as error:
            yield at_ns, error.line, error

    def parse(self, raw: bytes, at_ns: int, frame: int) -> tuple[MarketMessage, ...]:
        """Turn one frame into its messages.

        Raises:
            BadInput: It is no frame of this market.
        """
        message = self._parser.parse(raw, at_ns, frame, symbol=self._symbol)
        return () if message is None else (message,)

    def _only_symbol(self, scan: "_Scan", symbols: Symbols) -> Symbol | None:
        """Return whose book a snapshot in this file is."""
        if scan.snapshot_line is None:
            return None
        if len(scan.pairs) != 1:
            names = ", ".join(sorted(scan.pairs)) or "none"
            reason = f"expected one symbol in a file that holds a snapshot without a symbol, was {names}"
            raise LineError(self.path, scan.snapshot_line, reason=reason)
        return symbols.unified(next(iter(scan.pairs)))

    def _instruments(self, scan: "_Scan", symbols: Symbols) -> tuple[Instrument, ...]:
        """Return the instruments that the frames are about, by the venue's own rules where the file has them."""
        listed: dict[Symbol, Instrument] = {}
        if scan.exchange_info is not None:
            try:
                listing = parse_exchange_info(scan.exchange_info, venue=self.venue, market=self.market)
            except BadInput:
                listing = None  # Reported when its frame is played.
            listed = {} if listing is None else {each.symbol: each for each in listing.instruments}
            symbols.learn(listed.values())
        scales = self._scales(symbols)
        names = []
        for pair in sorted(scan.pairs):
            try:
                names.append(symbols.unified(pair))
            except BadInput:
                continue  # Reported with each of its frames.
        return tuple(listed.get(each) or infer_instrument(self.venue, each, scales[each]) for each in names)

    def _scales(self, symbols: Symbols) -> dict[Symbol, Scales]:
        """Look at the decimals of the first quotes and trades of each symbol."""
        scales: dict[Symbol, Scales] = defaultdict(Scales)
        parser = FrameParser(venue=self.venue, symbols=symbols)
        left = SAMPLES
        for at_ns, _, raw in self.items():
            if isinstance(raw, LineError) or (b"@bookTicker" not in raw[:64] and b"rade" not in raw[:64]):
                continue
            try:
                message = parser.parse(raw, at_ns)
            except BadInput:
                continue
            if isinstance(message, QuoteTick):
                scales[message.symbol].see(message.bid, message.bid_size)
                scales[message.symbol].see(message.ask, message.ask_size)
            elif isinstance(message, TradePrint):
                scales[message.symbol].see(message.price, message.quantity)
            left -= 1
            if left <= 0:
                break
        return scales


class _Scan:
    """What one pass over the raw bytes tells."""

    def __init__(self, path: Path) -> None:
        self.frames = 0
        self.first_ns: int | None = None
        self.last_ns = 0
        self.pairs: set[str] = set()
        self.market: Market | None = None
        self.has_trades = False
        self.snapshot_line: int | None = None
        self.exchange_info: bytes | None = None
        self._streams: set[bytes] = set()
        try:
            for line, data in read_lines(path):
                self.frames += 1
                text, _, raw = data.partition(b" ")
                if text.isdigit():
                    self.last_ns = max(self.last_ns, int(text))
                    if self.first_ns is None:
                        self.first_ns = int(text)
                self._look(line, raw)
        except LineError:
            self.frames += 1  # Given as an item of its own.

    def _look(self, line: int, raw: bytes) -> None:
        if raw.startswith(_COMBINED):
            name = raw[len(_COMBINED) : raw.find(b'"', len(_COMBINED))]
            if name in self._streams and self.market is not None:
                return
            self._streams.add(name)
        stream = _STREAM.search(raw[:200])
        if stream is not None:
            self.pairs.add(stream[1].decode(errors="replace").upper())
            self.has_trades = self.has_trades or stream[2] == b"trade"
        elif b'"lastUpdateId"' in raw[:100]:
            self.snapshot_line = self.snapshot_line or line
        elif _EXCHANGE_INFO.match(raw):
            self.exchange_info = raw
        else:
            event = _EVENT.search(raw[:300])
            if event is not None:
                self.pairs.add(event[1].decode(errors="replace").upper())
                self.has_trades = self.has_trades or b'"e":"trade"' in raw[:300]
        if self.market is None:
            self.market = _market_of(raw)


def _market_of(raw: bytes) -> Market | None:
    """Tell the market by fields that only one of them sends; None if this frame does not say."""
    head = raw[:400]
    if b"depthUpdate" in head:
        return "usdm" if b'"pu"' in head else "spot"
    if b"bookTicker" in head:
        return "usdm" if b'"e":"bookTicker"' in head else "spot"
    if b'"e":"trade"' in head:
        return "usdm" if b'"X":' in head else "spot"
    return None
