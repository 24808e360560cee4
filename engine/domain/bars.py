"""Candles from trades, and long candles from short ones.

Rules, all chosen so that our candles equal the venue's own:

- Intervals are aligned to midnight UTC, closed at the start and open at the end.
- A bar closes when a trade of a later interval arrives or the clock passes its end (`advance`). A trade for a bar that
  is already closed is counted in `late_trades` and dropped: a closed bar never changes.
- Only whole bars close. The interval in which the builder first looks is dropped, since its start was not seen, and so
  is the one in which the feed was lost (`interrupt`). What is still open at the end is not a bar.
- An interval without a trade gives a flat bar at the previous close with volume 0, as venues do, so that indicators see
  time pass. Before the first price there is nothing to show, so no bar; a silence longer than `SILENCE_MAX_NS` is a
  lost feed.
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from engine.domain.errors import BadInput
from engine.domain.values import SCALE_MAX, ZERO, add, multiply, round_money, scale_of

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
SILENCE_MAX_NS: Final = DAY_NS
"""Longest time without a trade that is filled with flat bars."""

_UNITS: Final = {"s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3_600 * SECOND_NS, "d": DAY_NS}
_TIMEFRAME = re.compile(r"([1-9][0-9]{0,4})([smhd])")


def parse_timeframe(text: str) -> int:
    """Return the length in nanoseconds of a timeframe such as `1m`, `5m`, `15m`, `1h`, `4h`, `1d`.

    Raises:
        BadInput: Not a number and one of s, m, h, d, or a length that does not divide a day, whose bars would start at
            another time each day.
    """
    match = _TIMEFRAME.fullmatch(text)
    length_ns = int(match[1]) * _UNITS[match[2]] if match else 0
    if not length_ns or length_ns > DAY_NS or DAY_NS % length_ns:
        raise BadInput("timeframe", expected="a length that divides a day, such as 1m, 15m, 4h or 1d", was=text)
    return length_ns


class Candle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One closed interval of trading. Prices are quote per base unit."""

    open_time_ns: int
    """First nanosecond of the interval."""
    close_time_ns: int
    """First nanosecond after it."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    """Base units traded."""
    quote_volume: Decimal
    """Quote units traded."""
    trades_count: int


class BarBuilder:
    """Builds the candles of one symbol and timeframe from its trades, in the order in which they came."""

    __slots__ = (
        "_close",
        "_high",
        "_is_whole",
        "_length_ns",
        "_low",
        "_open",
        "_open_ns",
        "_previous_close",
        "_quote_volume",
        "_trades_count",
        "_until_ns",
        "_volume",
        "late_trades",
    )

    def __init__(self, length_ns: int) -> None:
        """Start with nothing seen.

        Args:
            length_ns: Length of a bar, as `parse_timeframe` gives it.
        """
        self._length_ns = length_ns
        self.late_trades = 0
        """Trades that came after their bar had closed."""
        self._forget()

    def _forget(self) -> None:
        self._open_ns = self._until_ns = -1
        self._is_whole = False
        self._previous_close: Decimal | None = None
        self._clear()

    def _clear(self) -> None:
        self._open = self._high = self._low = self._close = self._volume = self._quote_volume = ZERO
        self._trades_count = 0

    def push(self, ts_ns: int, price: Decimal, quantity: Decimal) -> tuple[Candle, ...]:
        """Add a trade; return the bars that it closes, oldest first.

        Args:
            ts_ns: The venue's time of the trade.
            price: Above zero.
            quantity: Base units, above zero.
        """
        closed: tuple[Candle, ...] = ()
        if ts_ns >= self._until_ns:
            if self._open_ns >= 0:
                closed = self.advance(ts_ns)
            if self._open_ns < 0:
                # A first trade at the very start of an interval says nothing about others of the same instant.
                self._begin(ts_ns, is_whole=False)
        elif ts_ns < self._open_ns:
            self.late_trades += 1
            return closed
        if self._trades_count:
            if price > self._high:
                self._high = price
            elif price < self._low:
                self._low = price
        else:
            self._open = self._high = self._low = price
        self._close = price
        self._volume = add(self._volume, quantity)
        self._quote_volume = add(self._quote_volume, multiply(price, quantity))
        self._trades_count += 1
        return closed

    def advance(self, now_ns: int) -> tuple[Candle, ...]:
        """Tell that every trade before `now_ns` has been pushed; return the bars that this closes, oldest first.

        Call it with the market clock minus the time that a trade may travel: what comes later is dropped as late. The
        first call, before any trade, tells from when on the builder has seen everything.
        """
        if now_ns < self._until_ns:
            return ()
        if self._open_ns < 0:
            # Looking began at now_ns, so an interval that starts exactly here is seen whole.
            self._begin(now_ns, is_whole=now_ns % self._length_ns == 0)
            return ()
        if now_ns - self._until_ns > SILENCE_MAX_NS:
            closed = self._closing()
            self._forget()
            return closed
        closed = self._closing()
        self._begin(self._until_ns, is_whole=True)
        while now_ns >= self._until_ns:
            closed += self._closing()
            self._begin(self._until_ns, is_whole=True)
        return closed

    def interrupt(self) -> None:
        """Tell that trades were missed: the bar in progress, and the one in which the feed returns, are dropped."""
        self._forget()

    def _begin(self, ts_ns: int, *, is_whole: bool) -> None:
        self._open_ns = ts_ns - ts_ns % self._length_ns
        self._until_ns = self._open_ns + self._length_ns
        self._is_whole = is_whole

    def _closing(self) -> tuple[Candle, ...]:
        """Close the interval in progress: no bar if it was not seen whole or no price is known yet."""
        last = self._close if self._trades_count else self._previous_close
        candle = None
        if self._is_whole and last is not None:
            traded = self._trades_count > 0
            candle = Candle(
                open_time_ns=self._open_ns,
                close_time_ns=self._until_ns,
                open=self._open if traded else last,
                high=self._high if traded else last,
                low=self._low if traded else last,
                close=last,
                volume=self._volume,
                quote_volume=_storable(self._quote_volume),
                trades_count=self._trades_count,
            )
        self._previous_close = last
        self._clear()
        return () if candle is None else (candle,)


class BarMerger:
    """Builds candles of a longer timeframe from the closed candles of a shorter one.

    From the first trade on the result equals a `BarBuilder` of the longer timeframe on the same trades.
    """

    __slots__ = ("_length_ns", "_parts", "_short_ns")

    def __init__(self, length_ns: int, *, short_ns: int) -> None:
        """Start with nothing seen.

        Raises:
            BadInput: The longer length is not a multiple of the shorter.
        """
        if length_ns % short_ns:
            raise BadInput("length_ns", expected=f"a multiple of {short_ns}", was=length_ns)
        self._length_ns = length_ns
        self._short_ns = short_ns
        self._parts: list[Candle] = []

    def push(self, candle: Candle) -> Candle | None:
        """Add the next short candle; return the long one that it completes, or None.

        A long interval of which a part is missing gives no candle.
        """
        parts = self._parts
        if candle.open_time_ns % self._length_ns == 0:
            parts.clear()
        elif not parts or parts[-1].close_time_ns != candle.open_time_ns:
            parts.clear()
            return None
        parts.append(candle)
        if candle.close_time_ns % self._length_ns:
            return None
        merged = merge(parts)
        parts.clear()
        return merged


def merge(parts: list[Candle]) -> Candle:
    """Join consecutive candles (at least one) into one.

    Flat candles carry the price before them, which is no trade of this interval, so they count only if all are flat.
    """
    traded = [part for part in parts if part.trades_count] or parts[-1:]
    volume = quote_volume = ZERO
    for part in traded:
        volume = add(volume, part.volume)
        quote_volume = add(quote_volume, part.quote_volume)
    return Candle(
        open_time_ns=parts[0].open_time_ns,
        close_time_ns=parts[-1].close_time_ns,
        open=traded[0].open,
        high=max(part.high for part in traded),
        low=min(part.low for part in traded),
        close=traded[-1].close,
        volume=volume,
        quote_volume=quote_volume,
        trades_count=sum(part.trades_count for part in traded),
    )


def _storable(amount: Decimal) -> Decimal:
    return round_money(amount) if scale_of(amount) > SCALE_MAX else amount
