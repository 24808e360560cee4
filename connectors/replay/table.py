"""CSV files of candles or trades, compressed or not, played as the market that they describe.

A candle becomes four frames at its open, a quarter and half of its time, and just before its end: open, the extremes
(low first if it rose), close, each a trade of a quarter of the volume. So candles built from them equal the file's, and
nothing is known before its time. A candle says nothing about the spread: quotes are bid = ask.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from connectors.replay.columns import (
    CANDLE_NAMES,
    TRADE_NAMES,
    find_columns,
    read_amount,
    read_symbol,
    read_time,
    symbol_of_file,
    timeframe_text,
)
from connectors.replay.infer import Scales, infer_instrument
from connectors.replay.lines import LineError, read_lines
from engine.domain.bars import parse_timeframe
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.kinds import Side
from engine.domain.values import SCALE_MAX, ZERO, multiply, round_money, scale_of, subtract
from engine.messages.market import MarketMessage, QuoteTick, TradePrint

HEADER_LINES_MAX: Final = 5
"""Some vendors write a line of their own before the header."""
SORT_MAX: Final = 5_000_000
"""Frames of a file that are sorted in memory if they are not in order of time."""

_QUARTER: Final = Decimal("0.25")
_COLUMNS: Final = {"candles": CANDLE_NAMES, "trades": TRADE_NAMES}


class Print:
    """One price of a row, at one time."""

    __slots__ = ("price", "quantity", "side", "size", "symbol", "trade_id", "ts_ns")

    def __init__(
        self, symbol: Symbol, ts_ns: int, trade_id: str, price: Decimal, quantity: Decimal, side: Side, size: Decimal
    ) -> None:
        """Keep it: `quantity` 0 is a quote without a trade, `size` is what the quote shows on both sides."""
        self.symbol = symbol
        self.ts_ns = ts_ns
        self.trade_id = trade_id
        self.price = price
        self.quantity = quantity
        self.side = side
        self.size = size


Item = tuple[int, int, Print | LineError | None]
"""(market time in ns, line, what is there; None: nothing to play)."""


class TableFile:
    """One CSV file. Subclasses say what a row means."""

    kind: Literal["candles", "trades"]

    def __init__(self, path: Path, *, venue: Venue, symbol: Symbol | None = None) -> None:
        """Scan the file.

        Args:
            path: Of the file, compressed or not.
            venue: Our name of the venue whose market it shall be.
            symbol: What the rows are about if no column says it; None: what the file's name says.

        Raises:
            LineError: Not such a table, or nothing says which symbol it is about.
            OSError: The file cannot be read.
        """
        self.path = path
        self.venue = venue
        self.candles: dict[Symbol, str] = {}
        """Symbols played from candles, and the timeframe of these."""
        self._header_line, self._columns = _header(path, self.kind)
        self._symbol = symbol or symbol_of_file(path)
        if self._symbol is None and "symbol" not in self._columns:
            reason = "expected a column `symbol` or a file name such as BTCUSDT-1h.csv"
            raise LineError(path, self._header_line, reason=reason)
        self._prepare()
        self.frames = 0
        self.first_ns: int | None = None
        self.last_ns = 0
        self._is_sorted = True
        scales = self._scan()
        self.instruments = tuple(infer_instrument(venue, each, scales[each]) for each in sorted(scales))

    def items(self) -> Iterator[Item]:
        """Yield what the rows say in order of time."""
        if self._is_sorted:
            yield from self._unsorted()
        else:
            yield from sorted(self._unsorted(), key=_time_of)

    def parse(self, payload: Print | None, at_ns: int, frame: int) -> tuple[MarketMessage, ...]:
        """Turn one price into a quote and, if something was traded, a trade."""
        if payload is None:
            return ()
        quote = QuoteTick(
            venue=self.venue,
            symbol=payload.symbol,
            ts_event_ns=payload.ts_ns,
            ts_init_ns=at_ns,
            frame=frame,
            bid=payload.price,
            ask=payload.price,
            bid_size=payload.size,
            ask_size=payload.size,
        )
        if not payload.quantity:
            return (quote,)
        trade = TradePrint(
            venue=self.venue,
            symbol=payload.symbol,
            ts_event_ns=payload.ts_ns,
            ts_init_ns=at_ns,
            frame=frame,
            trade_id=payload.trade_id,
            price=payload.price,
            quantity=payload.quantity,
            aggressor=payload.side,
        )
        return quote, trade

    def _prepare(self) -> None:
        """Learn what the rows need to be understood."""

    def _prints(self, line: int, cells: Sequence[str]) -> Sequence[Print | None]:
        """Read one row.

        Raises:
            BadInput: It is not what the header says.
        """
        raise NotImplementedError

    def _scan(self) -> dict[Symbol, Scales]:
        scales: dict[Symbol, Scales] = defaultdict(Scales)
        for at_ns, line, payload in self._unsorted():
            self.frames += 1
            if self.first_ns is None:
                self.first_ns = at_ns
            self._is_sorted = self._is_sorted and at_ns >= self.last_ns
            self.first_ns = min(self.first_ns, at_ns)
            self.last_ns = max(self.last_ns, at_ns)
            if isinstance(payload, Print):
                scales[payload.symbol].see(payload.price, payload.size)
            if not self._is_sorted and self.frames > SORT_MAX:
                reason = f"expected rows in order of time in a file of more than {SORT_MAX} prices"
                raise LineError(self.path, line, reason=reason)
        return scales

    def _unsorted(self) -> Iterator[Item]:
        """Yield what the rows say in order of the file."""
        at_ns = 0
        self._begin()
        try:
            for line, data in read_lines(self.path):
                if line <= self._header_line:
                    continue
                try:
                    for payload in self._prints(line, _cells(data)):
                        at_ns = at_ns if payload is None else payload.ts_ns
                        yield at_ns, line, payload
                except (BadInput, csv.Error, UnicodeDecodeError, IndexError) as error:
                    yield at_ns, line, LineError(self.path, line, reason=str(error))
        except LineError as error:
            yield at_ns, error.line, error

    def _begin(self) -> None:
        """Forget what was remembered of earlier rows."""

    def _row_symbol(self, cells: Sequence[str]) -> Symbol:
        place = self._columns.get("symbol")
        if place is None:
            assert self._symbol is not None, "checked by the constructor"
            return self._symbol
        return read_symbol(cells[place])


class CandleFile(TableFile):
    """Rows of open, high, low, close, volume."""

    kind = "candles"

    def _prepare(self) -> None:
        self._timeframe, self._length_ns = self._find_timeframe()
        self._seen: dict[Symbol, set[int]] = {}

    def _begin(self) -> None:
        self._seen = {}

    def _prints(self, line: int, cells: Sequence[str]) -> Sequence[Print | None]:
        columns = self._columns
        if "timeframe" in columns and cells[columns["timeframe"]].strip() != self._timeframe:
            return (None,)
        symbol = self._row_symbol(cells)
        open_ns = read_time(cells[columns["time"]])
        low, high, first, last = (read_amount(cells[columns[name]], name) for name in ("low", "high", "open", "close"))
        volume = read_amount(cells[columns["volume"]], "volume")
        if not ZERO < low <= min(first, last) <= max(first, last) <= high or volume < ZERO:
            expected = "0 < low <= open, close <= high and a volume of zero or more"
            raise BadInput("row", expected=expected, was=b",".join(each.encode() for each in cells))
        if open_ns % self._length_ns:
            raise BadInput("time", expected=f"the start of an interval of {self._timeframe}", was=open_ns)
        seen = self._seen.setdefault(symbol, set())
        if open_ns in seen:
            raise BadInput("time", expected="one row for each interval", was=open_ns)
        seen.add(open_ns)
        self.candles[symbol] = self._timeframe
        return self._path(line, symbol, open_ns, (first, low, high, last), volume)

    def _path(
        self,
        line: int,
        symbol: Symbol,
        open_ns: int,
        prices: tuple[Decimal, Decimal, Decimal, Decimal],
        volume: Decimal,
    ) -> list[Print]:
        """Lay the open, low, high and close of a candle out in time."""
        first, low, high, last = prices
        quantity = multiply(volume, _QUARTER)
        if scale_of(quantity) > SCALE_MAX:
            quantity = round_money(quantity)
        remainder = subtract(volume, multiply(quantity, Decimal(3)))
        rose = last >= first
        steps = (
            (first, 0, quantity),
            (low if rose else high, self._length_ns // 4, quantity),
            (high if rose else low, self._length_ns // 2, quantity),
            (last, self._length_ns - 1, remainder),
        )
        prints = []
        before = first
        for number, (price, delay_ns, part) in enumerate(steps):
            side = Side.BUY if price > before or (price == before and rose) else Side.SELL
            prints.append(Print(symbol, open_ns + delay_ns, f"{line}-{number}", price, part, side, volume))
            before = price
        return prints

    def _find_timeframe(self) -> tuple[str, int]:
        """Return the timeframe of the rows: the shortest that the column names, else the shortest distance of rows."""
        named: dict[str, int] = {}
        times: dict[Symbol, int] = {}
        shortest_ns = 0
        line = self._header_line
        for line, data in read_lines(self.path):
            if line <= self._header_line:
                continue
            try:
                cells = _cells(data)
                if "timeframe" in self._columns:
                    text = cells[self._columns["timeframe"]].strip()
                    named[text] = parse_timeframe(text)
                    continue
                symbol, at_ns = self._row_symbol(cells), read_time(cells[self._columns["time"]])
            except (BadInput, csv.Error, UnicodeDecodeError, IndexError):
                continue  # Reported when the row is played.
            distance_ns = abs(at_ns - times.get(symbol, at_ns))
            times[symbol] = at_ns
            if (not shortest_ns or distance_ns < shortest_ns) and timeframe_text(distance_ns) is not None:
                shortest_ns = distance_ns
        if named:
            text = min(named, key=named.__getitem__)
            return text, named[text]
        guess = timeframe_text(shortest_ns)
        if guess is None:
            reason = "expected two rows or more at a distance that divides a day, or a column `timeframe`"
            raise LineError(self.path, line, reason=reason)
        return guess, shortest_ns


class TradeFile(TableFile):
    """Rows of price and quantity."""

    kind = "trades"

    def _begin(self) -> None:
        self._before: dict[Symbol, tuple[Decimal, Side]] = {}

    def _prints(self, line: int, cells: Sequence[str]) -> Sequence[Print | None]:
        columns = self._columns
        symbol = self._row_symbol(cells)
        price = read_amount(cells[columns["price"]], "price")
        quantity = read_amount(cells[columns["quantity"]], "quantity")
        if price <= ZERO or quantity <= ZERO:
            raise BadInput("row", expected="a price and a quantity above zero", was=f"{price} {quantity}")
        side = self._side(symbol, price, cells)
        trade_id = cells[columns["id"]].strip() if "id" in columns else str(line)
        return (Print(symbol, read_time(cells[columns["time"]]), trade_id, price, quantity, side, quantity),)

    def _side(self, symbol: Symbol, price: Decimal, cells: Sequence[str]) -> Side:
        """Return the taker's side; where no column tells it, a price that rises was bought."""
        if "side" in self._columns:
            text = cells[self._columns["side"]].strip().lower()
            if text not in ("buy", "sell"):
                raise BadInput("side", expected="buy or sell", was=text)
            return Side(text)
        before, side = self._before.get(symbol, (price, Side.BUY))
        if price != before:
            side = Side.BUY if price > before else Side.SELL
        self._before[symbol] = (price, side)
        return side


def kind_of_table(path: Path) -> Literal["candles", "trades"] | None:
    """Tell what a CSV file holds by its header; None if it is no such table."""
    for kind in ("candles", "trades"):
        try:
            _header(path, kind)
        except LineError:
            continue
        return kind
    return None


def _header(path: Path, kind: str) -> tuple[int, dict[str, int]]:
    """Return (line of the header, place of each column)."""
    lines = read_lines(path)
    for line, data in lines:
        try:
            columns = find_columns(_cells(data), _COLUMNS[kind])
        except (csv.Error, UnicodeDecodeError):
            columns = None
        if columns is not None:
            return line, columns
        if line >= HEADER_LINES_MAX:
            break
    wanted = ", ".join("/".join(names) for names in _COLUMNS[kind].values())
    raise LineError(path, 1, reason=f"expected a header with {wanted}")


def _cells(data: bytes) -> list[str]:
    return next(csv.reader([data.decode("utf-8-sig")]))


def _time_of(item: Item) -> int:
    return item[0]
