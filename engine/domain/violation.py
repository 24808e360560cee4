"""Why a rule says no, as data: a stable code, the limit, and the value that broke it."""

from decimal import Decimal

import msgspec

from engine.domain.values import text_of


class Violation(msgspec.Struct, frozen=True, gc=False):
    """One broken rule. Checks return None when the rule holds, so that the good path builds nothing."""

    code: str
    """Stable name of the rule, such as `order_notional`; callers decide on it."""
    limit: str
    """The limit as text: a canonical number, or what was expected."""
    value: str
    """The value that broke it, as text."""

    def __str__(self) -> str:
        return f"{self.code}: expected {self.limit}, was {self.value}"


def violation(code: str, limit: Decimal | int | str, value: Decimal | int | str) -> Violation:
    """Build a violation, with numbers in canonical text."""
    return Violation(code, _text(limit), _text(value))


def _text(value: Decimal | int | str) -> str:
    return text_of(value) if isinstance(value, Decimal) else str(value)
