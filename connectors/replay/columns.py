"""Which column of a CSV file is what, and how its values are written.

Header names are those of the tables `market_data_ohlcv` and `trades`, or the short names that data vendors use.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

from connectors.binance.symbols import QUOTES, split_pair
from engine.domain.bars import DAY_NS, SECOND_NS
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.values import NS_MAX, parse_decimal

TIME_NAMES: Final = ("open_time", "open_time_ms", "executed_at", "timestamp", "datetime", "time", "date", "created_at")
CANDLE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": TIME_NAMES,
    "open": ("open_price", "open"),
    "high": ("high_price", "high"),
    "low": ("low_price", "low"),
    "close": ("close_price", "close"),
    "volume": ("volume",),
}
TRADE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": TIME_NAMES,
    "price": ("price",),
    "quantity": ("quantity", "amount", "size", "qty"),
}
OPTIONAL_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "symbol": ("symbol",),
    "timeframe": ("timeframe",),
    "side": ("side", "aggressor"),
    "id": ("external_trade_id", "trade_id", "id"),
}

_UNIT_BY_DIGITS: Final = ((11, 1_000_000_000), (14, 1_000_000), (17, 1_000), (20, 1))
"""(digits below which a number is in this unit, nanoseconds of the unit): seconds until the year 5138, and so on."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def find_columns(header: Sequence[str], names: Mapping[str, tuple[str, ...]]) -> dict[str, int] | None:
    """Return where each wanted value stands, optional ones included; None if a wanted one is missing."""
    places = {name.strip().strip('"').lower(): place for place, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for wanted, spellings in {**names, **OPTIONAL_NAMES}.items():
        place = next((places[each] for each in spellings if each in places), None)
        if place is not None:
            found[wanted] = place
        elif wanted in names:
            return None
    return found


def read_time(text: str) -> int:
    """Return nanoseconds of a time: a number whose size tells its unit, or ISO 8601 (UTC if it names no zone).

    Raises:
        BadInput: Neither.
    """
    text = text.strip()
    whole, _, fraction = text.partition(".")
    if whole.isascii() and whole.isdigit():
        unit_ns = next((unit for digits, unit in _UNIT_BY_DIGITS if len(whole.lstrip("0")) <= digits), 0)
        if unit_ns and (not fraction or (fraction.isascii() and fraction.isdigit())):
            at_ns = int(Decimal(text) * unit_ns)
            if at_ns <= NS_MAX:
                return at_ns
    else:
        try:
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
            at_us = (at - _EPOCH) // _MICROSECOND
            if at_us >= 0:
                return at_us * 1_000
        except ValueError:
            pass
    raise BadInput("time", expected="seconds, ms, us or ns since 1970, or an ISO 8601 time", was=text)


def read_amount(text: str, field: str) -> Decimal:
    """Return a number as data vendors write it: blanks around it are allowed.

    Raises:
        BadInput: It is none.
    """
    return parse_decimal(text.strip(), field=field)


def read_symbol(text: str) -> Symbol:
    """Return our name of `BTC/USDT`, `BTC-USDT`, `BTC_USDT` or `BTCUSDT`; `BTC/USDT:USDT` stays.

    Raises:
        BadInput: The base and quote cannot be told apart.
    """
    name = text.strip().upper()
    if re.fullmatch(r"[^/: ]+/[^/: ]+(:[^/: ]+)?", name):
        return name
    parts = re.split(r"[-_/ ]", name)
    if len(parts) == 2 and all(part.isalnum() for part in parts):
        return f"{parts[0]}/{parts[1]}"
    base, quote = split_pair(name)
    return f"{base}/{quote}"


def symbol_of_file(path: Path) -> Symbol | None:
    """Guess the symbol from a file's name: `BTCUSDT-1h.2024.csv.gz`, `binance_btcusdt_day.csv`, `BTC-USD-1s.csv`."""
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", path.name) if part]
    for part in parts:
        try:
            base, quote = split_pair(part.upper())
        except BadInput:
            continue
        return f"{base}/{quote}"
    for base, quote in pairwise(parts):
        if quote.upper() in QUOTES:
            return f"{base.upper()}/{quote.upper()}"
    return None


def timeframe_text(length_ns: int) -> str | None:
    """Write a length as the timeframe that it is; None if its bars would not begin at the same time every day."""
    if length_ns <= 0 or length_ns > DAY_NS or DAY_NS % length_ns or length_ns % SECOND_NS:
        return None
    for unit, unit_ns in (("d", DAY_NS), ("h", 3_600 * SECOND_NS), ("m", 60 * SECOND_NS), ("s", SECOND_NS)):
        if length_ns % unit_ns == 0:
            return f"{length_ns // unit_ns}{unit}"
    return None
