"""Prices, quantities and money as `Decimal`, in a decimal context that nobody else can change.

The thread's own context is never used for arithmetic: libraries mutate it (ccxt sets its precision while it rounds),
and a sum of money must not depend on who ran before. So engine code adds with `add(a, b)`, not with `a + b`.
Comparisons, `bool` and `copy_negate` do not read a context and are written as usual; unary minus, `abs` and `%` do and
are not.

Columns are NUMERIC(38, 18): whatever is stored has at most 18 decimals and 20 digits before the point, so that a
restart reads back exactly what memory held.
"""

import decimal
import re
from decimal import Decimal
from typing import Final

from engine.domain.errors import BadInput
from engine.domain.kinds import Side

DIGITS_MAX: Final = 38
"""Significant digits of a stored number."""
SCALE_MAX: Final = 18
"""Decimals of a stored number."""
MAGNITUDE_MAX: Final = 19
"""Exponent of the leading digit of a stored number: below 1E20."""
TEXT_MAX: Final = 64
"""Characters of a number's text; longer text is refused before it is parsed."""
NS_MAX: Final = 2**63 - 1
"""Latest time, as nanoseconds since 1970, that a 64-bit column holds."""

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
HUNDRED: Final = Decimal(100)
SMALLEST: Final = Decimal((0, (1,), -SCALE_MAX))
"""One unit of the last stored decimal."""

MONEY: Final = decimal.Context(
    prec=80,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-999,
    Emax=999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.FloatOperation],
)
"""The context of all money: 80 digits hold the product of any two stored numbers without rounding."""

add: Final = MONEY.add
subtract: Final = MONEY.subtract
multiply: Final = MONEY.multiply
divide: Final = MONEY.divide

_whole_part = MONEY.divide_int
_remainder = MONEY.remainder
_quantize = MONEY.quantize
_quantize_up = decimal.Context(
    prec=MONEY.prec, rounding=decimal.ROUND_CEILING, Emin=MONEY.Emin, Emax=MONEY.Emax, traps=[decimal.InvalidOperation]
).quantize
_QUANTA: Final = tuple(Decimal((0, (1,), -decimals)) for decimals in range(SCALE_MAX + 1))
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


def parse_decimal(text: object, *, field: str) -> Decimal:
    """Read a number from outside: text, an integer, or a Decimal. Anything else is refused.

    Text has ASCII digits only, with an optional sign, point and exponent: no blanks, no underscores, no `1.` or `.5`.

    Args:
        text: The value as it came.
        field: Its name, for the error.

    Raises:
        BadInput: Not a number, NaN, infinite, a float (already rounded by whoever made it), a bool, more than
            38 significant digits, more than 18 decimals, or 1E20 and above.
    """
    if type(text) is str:
        if len(text) > TEXT_MAX or _DECIMAL.fullmatch(text) is None:
            raise BadInput(field, expected=f"a decimal number of at most {DIGITS_MAX} digits", was=text)
        value = Decimal(text)
    elif type(text) is Decimal:
        value = text
    elif type(text) is int:
        # int to Decimal is exact and slow for huge numbers; 128 bits hold more than 38 digits.
        if text.bit_length() > 128:
            raise BadInput(field, expected=f"at most {DIGITS_MAX} digits", was=text)
        value = Decimal(text)
    else:
        raise BadInput(field, expected="a decimal number as text", was=text)
    return _storable(value, field)


def _storable(value: Decimal, field: str) -> Decimal:
    """Return the value if a NUMERIC(38, 18) column holds it exactly."""
    if not value.is_finite():
        raise BadInput(field, expected="a finite number", was=value)
    if not value:
        return ZERO
    if value.adjusted() > MAGNITUDE_MAX:
        raise BadInput(field, expected=f"a number below 1E{MAGNITUDE_MAX + 1}", was=value)
    if scale_of(value) > SCALE_MAX:
        raise BadInput(field, expected=f"at most {SCALE_MAX} decimals", was=value)
    return value


def scale_of(value: Decimal) -> int:
    """Count the decimals of a finite number that matter: 0.10 has one, 1E+2 has none."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), f"expected a finite number, was {value}"
    scale = -exponent if value else 0
    for digit in reversed(digits):
        if scale <= 0 or digit:
            break
        scale -= 1
    return max(scale, 0)


def require_decimal(value: Decimal, *, field: str) -> None:
    """Refuse what is not a finite `Decimal`: constructors check no types, and NaN passes every comparison silently.

    Raises:
        BadInput: The value is another type, NaN or infinite.
    """
    if type(value) is not Decimal or not value.is_finite():
        raise BadInput(field, expected="a finite Decimal", was=value)


def require_positive(value: Decimal, *, field: str) -> None:
    """Refuse what is not a finite Decimal above zero.

    Raises:
        BadInput: See the first line.
    """
    if type(value) is not Decimal or not value.is_finite() or value <= ZERO:
        raise BadInput(field, expected="a finite Decimal above zero", was=value)


def require_not_negative(value: Decimal, *, field: str) -> None:
    """Refuse what is not a finite Decimal at or above zero.

    Raises:
        BadInput: See the first line.
    """
    if type(value) is not Decimal or not value.is_finite() or value < ZERO:
        raise BadInput(field, expected="a finite Decimal, zero or more", was=value)


def require_fraction(value: Decimal, *, field: str) -> None:
    """Refuse what is not a Decimal from 0 to 1, both included.

    Raises:
        BadInput: See the first line.
    """
    if type(value) is not Decimal or not value.is_finite() or not ZERO <= value <= ONE:
        raise BadInput(field, expected="a Decimal fraction from 0 to 1", was=value)


def require_ns(value: int, *, field: str) -> None:
    """Refuse what is not a time in integer nanoseconds since 1970 that a 64-bit column holds.

    Raises:
        BadInput: See the first line.
    """
    if type(value) is not int or not 0 <= value <= NS_MAX:
        raise BadInput(field, expected="integer nanoseconds since 1970", was=value)


def round_to_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Round a price to the tick so that it never gets worse for us: a buy goes down, a sell goes up.

    Args:
        price: Quote per base unit, zero or more.
        tick: Smallest price step, above zero.
        side: Of our order.

    Returns:
        A multiple of `tick`. A buy below one tick becomes 0, which the instrument's check refuses.
    """
    below = multiply(_whole_part(price, tick), tick)
    if side is Side.BUY or below == price:
        return below
    return add(below, tick)


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Round a quantity (zero or more) down to a multiple of `step` (above zero)."""
    return multiply(_whole_part(quantity, step), step)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Tell whether `value` is a whole number of `step` (above zero)."""
    return not _remainder(value, step)


def round_money(value: Decimal, decimals: int = SCALE_MAX) -> Decimal:
    """Round an amount half to even to `decimals` (0 to 18) decimals; it keeps that many, trailing zeros included."""
    return _quantize(value, _QUANTA[decimals])


def round_money_up(value: Decimal, decimals: int = SCALE_MAX) -> Decimal:
    """Round an amount up, towards plus infinity, to `decimals` (0 to 18) decimals: what must suffice."""
    return _quantize_up(value, _QUANTA[decimals])


def text_of(value: Decimal) -> str:
    """Write a finite number canonically: no exponent, no trailing zeros, no minus zero.

    Equal numbers have equal text, so the text may serve as a key.
    """
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
