"""Frames of Binance's streams, made up in the documented shape; the same for every contestant."""

from collections.abc import Callable, Iterator
from typing import Final

LAST_PRICE: Final = "99999.00000000"
"""Of the last frame: whoever conflates still sees that it is over."""
START_MS: Final = 1_723_161_600_000


def names(symbols: int) -> list[str]:
    """Return Binance's names of so many pairs."""
    return [f"COIN{number}USDT" for number in range(symbols)]


def frames(kind: str, count: int, symbols: int, *, is_bare: bool) -> Iterator[str]:
    """Make frames of `bookTicker` or `trade`, the pairs in turn.

    Args:
        kind: Of the stream.
        count: How many.
        symbols: Over how many pairs.
        is_bare: The payload alone, as on a raw stream; else in the envelope of combined streams.
    """
    pairs = names(symbols)
    make = _MAKERS[kind]
    for number in range(count):
        pair = pairs[number % symbols]
        price = LAST_PRICE if number == count - 1 else f"{60_000 + number % 997}.{number % 100:02}000000"
        data = make(number, pair, price)
        yield data if is_bare else f'{{"stream":"{pair.lower()}@{kind}","data":{data}}}'


def depth(count: int, levels: int) -> list[bytes]:
    """Make diffs of one book that follow each other, half of `levels` a side; their distance to the middle wanders."""
    made = []
    for number in range(count):
        bids = _side(-1, levels // 2, number)
        asks = _side(1, levels - levels // 2, number)
        head = f'"e":"depthUpdate","E":{START_MS + number},"s":"COIN0USDT","U":{number + 1},"u":{number + 1}'
        made.append(f'{{"stream":"coin0usdt@depth@100ms","data":{{{head},"b":[{bids}],"a":[{asks}]}}}}'.encode())
    return made


def _side(step: int, count: int, number: int) -> str:
    middle, nearest = 600_000, 1 + number * 7 % 40
    level = '["{price:.2f}000000","{size}.00000000"]'
    # One of four levels is removed, as on a real book.
    sizes = [0 if (number + place) % 4 == 3 and place else 1 + (number + place) % 9 for place in range(count)]
    return ",".join(
        level.format(price=(middle + step * (nearest + place)) / 10, size=size) for place, size in enumerate(sizes)
    )


def _book_ticker(number: int, pair: str, price: str) -> str:
    return f'{{"u":{number},"s":"{pair}","b":"{price}","B":"1.43278800","a":"{price}","A":"2.52500800"}}'


def _trade(number: int, pair: str, price: str) -> str:
    at_ms = START_MS + number
    head = f'"e":"trade","E":{at_ms},"s":"{pair}","t":{number}'
    return f'{{{head},"p":"{price}","q":"0.00100000","T":{at_ms},"m":true,"M":true}}'


_MAKERS: Final[dict[str, Callable[[int, str, str], str]]] = {"bookTicker": _book_ticker, "trade": _trade}
