"""CSV files of candles.

A candle becomes four frames at its open, a quarter and half of its time, and just before its end: open, the extremes
(low first if it rose), close, each a trade of a quarter of the volume. So candles built from them equal the file's, and
nothing is known before its time.
"""

import csv
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from connectors.replay.columns import CANDLE_NAMES, read_amount, read_time, timeframe_text
from connectors.replay.lines import LineError
from connectors.replay.table import Print, TableFile, cells_of
from engine.domain.bars import parse_timeframe
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.kinds import Side
from engine.domain.values import SCALE_MAX, ZERO, multiply, round_money, scale_of, subtract

_QUARTER: Final = Decimal("0.25")


class CandleFile(TableFile):
    """Rows of open, high, low, close, volume."""

    names = CANDLE_NAMES

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
        for _, data in self._rows():
            if isinstance(data, LineError):
                break  # Reported when the file is played.
            try:
                cells = cells_of(data)
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
            raise LineError(self.path, self._header_line, reason=reason)
        return guess, shortest_ns
