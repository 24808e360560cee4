"""What a plan allows, in an auditor's own words: read from the configuration, not from the engine's policies."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from engine.messages.rows_executors import ExecutorRow
from engine.simulation.auditor_findings import ZERO, minus, plus, times, total

FLATTEN: Final = "flatten"
"""Slots that close at the end begin with it."""
GUARDED: Final = ("stop_price", "stop_percent")
LIMIT = tuple[str, Decimal, Decimal]
"""What, how much of it is on its way or traded, how much may be."""


class Amounts(NamedTuple):
    """What the orders of one slot add up to, base units."""

    opens: bool
    """They are of the plan's own side; the others close."""
    net: Decimal
    """Traded, without what was taken back."""
    gross: Decimal
    """Traded, with that."""
    used: Decimal
    """Traded, and all that the living order may still trade."""


def limits_of(row: ExecutorRow, slots: dict[str, Amounts]) -> Iterator[LIMIT]:
    """Return what a plan limits, each with where it stands."""
    quantity = Decimal(row.configuration["quantity"])
    opening = {name: each for name, each in slots.items() if each.opens and not name.startswith(FLATTEN)}
    entered = total(each.gross for each in opening.values())
    yield "closing", total(each.used for each in slots.values() if not each.opens), entered
    back = [each.used for name, each in slots.items() if each.opens and name.startswith(FLATTEN)]
    yield "taking back", total(back), total(each.gross for each in slots.values() if not each.opens)
    if row.kind == "dca":
        yield from _steps(row, quantity, opening)
    elif row.kind == "grid":
        for name, each in opening.items():
            closed = slots.get(name.replace("open:", "close:"))
            # With what was taken back of it: by then the next order may be on its way.
            yield name, minus(each.used, ZERO if closed is None else closed.gross), quantity
            yield f"closing of {name}", ZERO if closed is None else closed.used, each.gross
    else:
        yield "opening", total(each.used for each in opening.values()), quantity


def wants_guard(row: ExecutorRow) -> bool:
    """Tell whether a position of this plan must have a stop at the venue."""
    return row.kind in ("bracket", "dca") and any(row.configuration.get(name) is not None for name in GUARDED)


def _steps(row: ExecutorRow, quantity: Decimal, opening: dict[str, Amounts]) -> Iterator[LIMIT]:
    """The first order, and deeper ones each larger by a factor."""
    factor = Decimal(row.configuration["size_scale"])
    for name, each in opening.items():
        most = quantity
        if name != "base":
            for _ in range(int(name.partition(":")[2]) + 1):
                most = times(most, factor)
        yield name, each.used, most
    count = int(row.configuration["safety_orders"])
    if len(opening) > plus(Decimal(count), Decimal(1)):
        yield "orders", Decimal(len(opening)), Decimal(count + 1)
