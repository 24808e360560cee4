"""Decoded payloads of Coinbase as messages: pure, and the same for the stream and for REST answers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

from connectors.coinbase import wire
from connectors.coinbase.times import NS_PER_S, time_ns
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.kinds import Side
from engine.domain.values import ZERO
from engine.messages.market import Bar, BookDelta, BookSnapshot, Level, QuoteTick, Ticker, TradePrint

STREAM_CANDLE: Final = ("5m", 300)
"""Timeframe and seconds of the candles that the stream gives."""

Levels = tuple[tuple[Level, ...], tuple[Level, ...]]
"""(bids, asks)."""

_TAKER: Final = {"BUY": Side.SELL, "SELL": Side.BUY}
"""Coinbase names the side of the order that was in the book. In its recorded trades, those of one taker walk upwards
where they are called `SELL` and downwards where they are called `BUY`, without an exception."""


class CandleLike(Protocol):
    """A candle of the stream or of REST."""

    start: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def number_or_none(text: str) -> Decimal | None:
    """Read a number that may be the empty text.

    Raises:
        ValueError: It is no finite number.
    """
    if not text:
        return None
    try:
        value = Decimal(text)
    except ArithmeticError:
        msg = f"expected a number, was {text!r}"
        raise ValueError(msg) from None
    if not value.is_finite():
        msg = f"expected a finite number, was {text}"
        raise ValueError(msg)
    return value


def quote_of(data: wire.Ticker, venue: Venue, symbol: Symbol, at_ns: int, received_ns: int) -> QuoteTick | None:
    """Return the best prices of a ticker; None where one is missing, as always in `ticker_batch`."""
    bid, ask = number_or_none(data.best_bid), number_or_none(data.best_ask)
    if not bid or not ask:
        return None
    sizes = [number_or_none(text) or ZERO for text in (data.best_bid_quantity, data.best_ask_quantity)]
    if sizes[0].is_signed() or sizes[1].is_signed():
        msg = f"expected sizes of zero or more, was {sizes[0]} and {sizes[1]}"
        raise ValueError(msg)
    return QuoteTick(
        venue=venue,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=received_ns,
        bid=bid,
        ask=ask,
        bid_size=sizes[0],
        ask_size=sizes[1],
    )


def ticker_of(data: wire.Ticker, venue: Venue, symbol: Symbol, at_ns: int, received_ns: int) -> Ticker:
    """Return the last price and the day's statistics of a ticker."""
    if not (data.price.is_finite() and data.price > ZERO):
        msg = f"expected a price above zero, was {data.price}"
        raise ValueError(msg)
    return Ticker(
        venue=venue,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=received_ns,
        price=data.price,
        bid=number_or_none(data.best_bid) or None,
        ask=number_or_none(data.best_ask) or None,
        volume_24h=number_or_none(data.volume_24_h),
        change_24h=number_or_none(data.price_percent_chg_24_h),
    )


def trade_of(data: wire.Trade, venue: Venue, symbol: Symbol, received_ns: int) -> TradePrint:
    """Return a public trade; the taker is who was not in the book.

    Raises:
        ValueError: The side is neither BUY nor SELL, or a number is no price or size.
    """
    aggressor = _TAKER.get(data.side)
    if aggressor is None:
        msg = f"expected side BUY or SELL, was {data.side!r}"
        raise ValueError(msg)
    return TradePrint(
        venue=venue,
        symbol=symbol,
        ts_event_ns=time_ns(data.time),
        ts_init_ns=received_ns,
        trade_id=data.trade_id,
        price=data.price,
        quantity=data.size,
        aggressor=aggressor,
    )


def bar_of(data: CandleLike, venue: Venue, symbol: Symbol, received_ns: int, timeframe: str, length_s: int) -> Bar:
    """Return a candle as a closed bar. Coinbase tells neither the quote volume nor the number of trades: both are 0.

    Raises:
        ValueError: The prices contradict each other, or are none.
    """
    prices = (data.open, data.high, data.low, data.close)
    if not all(price.is_finite() and price > ZERO for price in prices):
        msg = f"expected prices above zero, was {prices}"
        raise ValueError(msg)
    if not (data.low <= min(data.open, data.close) and max(data.open, data.close) <= data.high):
        msg = f"expected low <= open, close <= high, was {prices}"
        raise ValueError(msg)
    if not data.volume.is_finite() or data.volume.is_signed():
        msg = f"expected a volume of zero or more, was {data.volume}"
        raise ValueError(msg)
    open_ns = int(data.start) * NS_PER_S
    close_ns = open_ns + length_s * NS_PER_S
    return Bar(
        venue=venue,
        symbol=symbol,
        ts_event_ns=close_ns,
        ts_init_ns=received_ns,
        timeframe=timeframe,
        open_time_ns=open_ns,
        close_time_ns=close_ns,
        open=data.open,
        high=data.high,
        low=data.low,
        close=data.close,
        volume=data.volume,
        quote_volume=ZERO,
        trades_count=0,
    )


def split_levels(updates: Sequence[wire.LevelChange], where: str, *, removal: bool) -> Levels:
    """Return (bids, asks) of level changes, in their order.

    Raises:
        BadInput: A side, price or quantity that no book can hold; a quantity of 0 is good where it removes a level.
    """
    bids: list[Level] = []
    asks: list[Level] = []
    for change in updates:
        price, quantity = change.price_level, change.new_quantity
        if not (price.is_finite() and quantity.is_finite()) or price <= ZERO or quantity.is_signed():
            raise BadInput(where, expected="a price above zero and a quantity of zero or more", was=change)
        if not (quantity or removal):
            continue
        if change.side == "bid":
            bids.append((price, quantity))
        elif change.side == "offer":
            asks.append((price, quantity))
        else:
            raise BadInput(where, expected="side bid or offer", was=change.side)
    return tuple(bids), tuple(asks)


def snapshot_of(
    levels: Levels,
    venue: Venue,
    symbol: Symbol,
    at_ns: int,
    received_ns: int,
    number: int,
) -> BookSnapshot:
    """Return a whole book, best levels first, in whatever order they came."""
    return BookSnapshot(
        venue=venue,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=received_ns,
        last_update_id=number,
        bids=tuple(sorted(levels[0], reverse=True)),
        asks=tuple(sorted(levels[1])),
    )


def delta_of(
    levels: Levels,
    venue: Venue,
    symbol: Symbol,
    at_ns: int,
    received_ns: int,
    number: int,
    previous: int,
) -> BookDelta:
    """Return changed levels; `previous` is the number of the product's frame before, -1 where one was lost."""
    return BookDelta(
        venue=venue,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=received_ns,
        # A lost place fits neither behind a snapshot nor behind another diff.
        first_update_id=min(number, previous) if previous < 0 else number,
        last_update_id=number,
        prev_update_id=previous,
        bids=levels[0],
        asks=levels[1],
    )
