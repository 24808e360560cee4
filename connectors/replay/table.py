"""CSV files of candles or trades, compressed or not, played as the market that they describe.

Each row becomes prices at times; each price is a frame of its own, with a quote and, if something was traded, a trade.
Rows say nothing about the spread, so quotes are bid = ask.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final

from connectors.replay.columns import find_columns, read_symbol, symbol_of_file
from connectors.replay.infer import Scales, infer_instrument
from connectors.replay.lines import LineError, read_lines
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.kinds import Side
from engine.messages.market import MarketMessage, QuoteTick, TradePrint

HEADER_LINES_MAX: Final = 5
"""Some vendors write a line of their own before the header."""
SORT_MAX: Final = 5_000_000
"""Frames of a file that are sorted in memory if they are not in order of time."""


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

    names: ClassVar[Mapping[str, tuple[str, ...]]]
    """The columns that make a file one of this kind."""

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
        self._header_line, self._columns = find_header(path, self.names)
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
        for line, data in self._rows():
            if isinstance(data, LineError):
                yield at_ns, line, data
                return
            try:
                for payload in self._prints(line, cells_of(data)):
                    at_ns = at_ns if payload is None else payload.ts_ns
                    yield at_ns, line, payload
            except (BadInput, csv.Error, UnicodeDecodeError, IndexError) as error:
                yield at_ns, line, LineError(self.path, line, reason=str(error))

    def _rows(self) -> Iterator[tuple[int, bytes | LineError]]:
        """Yield (line, row) below the header; at last why there is no more, if the file is cut off."""
        try:
            for line, data in read_lines(self.path):
                if line > self._header_line:
                    yield line, data
        except LineError as error:
            yield error.line, error

    def _begin(self) -> None:
        """Forget what was remembered of earlier rows."""

    def _row_symbol(self, cells: Sequence[str]) -> Symbol:
        place = self._columns.get("symbol")
        if place is None:
            assert self._symbol is not None, "checked by the constructor"
            return self._symbol
        return read_symbol(cells[place])


def find_header(path: Path, names: Mapping[str, tuple[str, ...]]) -> tuple[int, dict[str, int]]:
    """Return (line of the header, place of each column).

    Raises:
        LineError: One of the wanted columns is missing.
    """
    lines = read_lines(path)
    for line, data in lines:
        try:
            columns = find_columns(cells_of(data), names)
        except (csv.Error, UnicodeDecodeError):
            columns = None
        if columns is not None:
            return line, columns
        if line >= HEADER_LINES_MAX:
            break
    wanted = ", ".join("/".join(names) for names in names.values())
    raise LineError(path, 1, reason=f"expected a header with {wanted}")


def cells_of(data: bytes) -> list[str]:
    """Split one row.

    Raises:
        csv.Error: It is no CSV.
        UnicodeDecodeError: It is no UTF-8.
    """
    return next(csv.reader([data.decode("utf-8-sig")]))


def _time_of(item: Item) -> int:
    return item[0]
