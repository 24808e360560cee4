"""The shape that all messages share.

A message is frozen, keyword-only and tagged with its class name. Two class attributes tell the mailbox how to treat it:
`__lane__` (control before orders before market) and `__conflate__` (fields whose values name the key of which only the
newest matters).
"""

from decimal import Decimal
from typing import ClassVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="msg", gc=False):
    """Base of commands, events and queries."""

    __lane__: ClassVar[str] = "orders"
    __conflate__: ClassVar[tuple[str, ...]] = ()


def require_positive(name: str, value: Decimal | None) -> None:
    """Refuse NaN, infinities, zero and negative numbers when a message is born.

    Raises:
        ValueError: `value` is present and not a finite number above zero.
    """
    if value is not None and not (value.is_finite() and value > 0):
        msg = f"{name}: expected a finite number above zero, was {value}"
        raise ValueError(msg)


def require_finite(name: str, value: Decimal | None) -> None:
    """Refuse NaN and infinities.

    Raises:
        ValueError: `value` is present and not finite.
    """
    if value is not None and not value.is_finite():
        msg = f"{name}: expected a finite number, was {value}"
        raise ValueError(msg)


def require_time(name: str, value_ns: int) -> None:
    """Refuse times that are not nanoseconds since 1970.

    Raises:
        ValueError: `value_ns` is negative or not an integer.
    """
    if type(value_ns) is not int or value_ns < 0:
        msg = f"{name}: expected integer nanoseconds since 1970, was {value_ns!r}"
        raise ValueError(msg)
