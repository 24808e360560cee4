"""Closes at the market what an executor holds, when nothing else can change it any more."""

from collections.abc import Mapping
from typing import Final

from actors.executors.plan import SlotName, Wanted, opposite, tradable
from actors.executors.running import Running
from engine.domain.kinds import OrderType, Side
from engine.domain.ports import Marks
from engine.domain.values import ZERO

FLATTEN: Final = "flatten"
BACK: Final = "flatten:back"
"""Slot of the order that takes back what was closed too much, as by an overfill. A slot's fills are of one side."""
SLOTS: Final = (FLATTEN, BACK)


def closing(running: Running, marks: Marks, *, is_asked: bool) -> Mapping[SlotName, Wanted]:
    """Return the order that closes; nothing where nothing is held, or something else may still fill.

    Args:
        running: The executor.
        marks: Newest prices; they value the order against the venue's smallest.
        is_asked: Whether the position is to be closed at all.
    """
    for name in SLOTS:
        slot = running.slots.get(name)
        if slot is not None and slot.order is not None:
            return {name: slot.order.living().keep()}
    if not is_asked or not running.is_quiet:
        return {}
    net = running.net_quantity
    quantity = tradable(running.instrument, net.copy_abs(), marks.price(running.venue, running.row.symbol))
    if not quantity:
        return {}
    side = Side.SELL if net > ZERO else Side.BUY
    order = Wanted(
        side=side,
        type=OrderType.MARKET,
        quantity=quantity,
        reduce_only=running.instrument.is_perpetual,
        is_protective=True,
    )
    return {FLATTEN if side is opposite(running.settings.side) else BACK: order}
