"""Binance's words for orders, both ways: types, times in force, sides, statuses.

Where Binance has more words than we do, ours say what matters to us: a trailing stop is a stop; LIMIT_MAKER and GTX are
limit orders that may only rest.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderType, PositionSide, Side, TimeInForce

_Word = TypeVar("_Word")

NS_PER_MS: Final = 1_000_000

ALGO: Final = "algo:"
"""Begins our external id of a conditional order on USD-M; what it becomes when it is triggered has an ordinary id."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_POSITION_SIDES: Final = {"BOTH": PositionSide.NET, "LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}
_TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "LIMIT_MAKER": OrderType.LIMIT,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
    "STOP": OrderType.STOP_LIMIT,
    "STOP_MARKET": OrderType.STOP,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT,
    "TRAILING_STOP_MARKET": OrderType.STOP,
    "LIQUIDATION": OrderType.LIMIT,
}
_TAKE_PROFIT: Final = {"spot": OrderType.TAKE_PROFIT, "usdm": OrderType.TAKE_PROFIT_LIMIT}
"""The one word that means two things: spot's has no limit price, USD-M's has."""
_TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "GTX": TimeInForce.GTC,
    "GTD": TimeInForce.GTC,
    "GTE_GTC": TimeInForce.GTC,
    "RPI": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"})
_DONE: Final = {
    "FILLED": DoneReason.FILLED,
    "CANCELED": DoneReason.CANCELLED,
    "EXPIRED": DoneReason.EXPIRED,
    "EXPIRED_IN_MATCH": DoneReason.EXPIRED,
    "REJECTED": DoneReason.REJECTED,
}
_ALGO_OPEN: Final = frozenset({"NEW", "TRIGGERING", "TRIGGERED"})


def side_of(word: str) -> Side:
    """Return the side; BadInput for a word that is none."""
    return _known(_SIDES, word, "side")


def position_side_of(word: str) -> PositionSide:
    """Return which position is meant; `BOTH` is the netted one."""
    return _known(_POSITION_SIDES, word, "positionSide")


def type_of(word: str, market: str) -> OrderType:
    """Return our type of an order."""
    if word == "TAKE_PROFIT":
        return _TAKE_PROFIT[market]
    return _known(_TYPES, word, "type")


def tif_of(word: str) -> TimeInForce:
    """Return our time in force."""
    return _known(_TIMES_IN_FORCE, word, "timeInForce")


def done_of(status: str) -> DoneReason | None:
    """Return why an order is done; None while it is open; BadInput for a status that is not known."""
    return None if status in _OPEN else _known(_DONE, status, "status")


def algo_done_of(status: str) -> DoneReason | None:
    """Return the same of a conditional order. `FINISHED` is no end: what it became has one of its own."""
    return None if status in _ALGO_OPEN else _known(_DONE, status, "algoStatus")


def is_post_only(type_word: str, tif_word: str) -> bool:
    """Whether an order may only rest."""
    return type_word == "LIMIT_MAKER" or tif_word == "GTX"


def present(value: Decimal) -> Decimal | None:
    """Return a price; the venue writes 0 where there is none."""
    return value or None


def _known(words: Mapping[str, _Word], word: str, field: str) -> _Word:
    found = words.get(word)
    if found is None:
        raise BadInput(field, expected=" or ".join(words), was=word)
    return found
