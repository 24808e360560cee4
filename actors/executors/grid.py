"""The grid: in every cell between two prices an order that opens at one end and one that closes at the other."""

from decimal import Decimal
from itertools import pairwise
from typing import Final

from actors.executors.plan import Plan, SlotView, View, Wanted, opposite, total, tradable
from actors.executors.settings import GridSettings
from engine.domain.kinds import OrderType, Side
from engine.domain.values import ZERO, add, divide, multiply, subtract

OPEN: Final = "open:"
CLOSE: Final = "close:"
EXIT: Final = "exit"


class Grid:
    """Policy of a grid."""

    def __init__(self, settings: GridSettings) -> None:
        """Work by these settings, which were checked."""
        self._settings = settings

    @property
    def needs_market(self) -> bool:
        """A cell opens only where its order would rest, and the stop is watched."""
        return True

    def prices(self, view: View) -> list[Decimal]:
        """Return the levels on ticks, in the order in which the market would open them: from the far end inwards."""
        settings = self._settings
        step = divide(subtract(settings.upper_price, settings.lower_price), Decimal(settings.levels - 1))
        levels = [
            view.instrument.round_price(add(settings.lower_price, multiply(step, Decimal(k))), settings.side)
            for k in range(settings.levels)
        ]
        return levels if settings.side is Side.BUY else levels[::-1]

    def plan(self, view: View) -> Plan:
        """Say what is wanted now."""
        held = subtract(total(view, OPEN), add(total(view, CLOSE), view.slot(EXIT).filled))
        if view.slot(EXIT).generation or self._is_stopped(view):
            return self._leave(view, held)
        wanted: dict[str, Wanted] = {}
        levels = self.prices(view)
        for cell, (near, far) in enumerate(pairwise(levels)):
            wanted |= self._cell(view, cell, near, far)
        return Plan(wanted=wanted, needs_market=True)

    def _cell(self, view: View, cell: int, opens_at: Decimal, closes_at: Decimal) -> dict[str, Wanted]:
        opening, closing = view.slot(f"{OPEN}{cell}"), view.slot(f"{CLOSE}{cell}")
        held = subtract(opening.filled, closing.filled)
        wanted: dict[str, Wanted] = {}
        if opening.living is not None and not (held and self._is_beyond(view, closes_at)):
            wanted[f"{OPEN}{cell}"] = opening.living.keep()
        elif opening.living is None and closing.living is None and self._may_open(view, opening, held, opens_at):
            # Less what is held and too small to close.
            if quantity := tradable(view.instrument, subtract(self._settings.quantity, held), opens_at):
                wanted[f"{OPEN}{cell}"] = Wanted(
                    side=self._settings.side, type=OrderType.LIMIT, quantity=quantity, price=opens_at, post_only=True
                )
        elif opening.living is None and (quantity := tradable(view.instrument, held, closes_at)):
            wanted[f"{CLOSE}{cell}"] = Wanted(
                side=opposite(self._settings.side),
                type=OrderType.LIMIT,
                quantity=quantity,
                price=closes_at,
                reduce_only=not view.is_spot,
            )
        return wanted

    def _may_open(self, view: View, opening: SlotView, held: Decimal, price: Decimal) -> bool:
        """Open an empty cell where the order would rest, unless somebody else has cancelled it before."""
        if tradable(view.instrument, held, price) or (opening.ended is not None and opening.ended.is_foreign):
            return False
        other = view.cross(self._settings.side)
        return other is not None and (price < other if self._settings.side is Side.BUY else price > other)

    def _is_beyond(self, view: View, price: Decimal) -> bool:
        """Whether the market is where the cell closes, so that the rest of its opening order will not fill soon."""
        touch = view.touch(self._settings.side)
        return touch is not None and (touch >= price if self._settings.side is Side.BUY else touch <= price)

    def _is_stopped(self, view: View) -> bool:
        stop, price = self._settings.stop_price, view.touch(self._settings.side)
        if stop is None or price is None:
            return False
        return price <= stop if self._settings.side is Side.BUY else price >= stop

    def _leave(self, view: View, held: Decimal) -> Plan:
        """Cancel everything, then sell what is held: an order that still lives may add to it or take from it."""
        others = any(slot.living is not None for name, slot in view.slots.items() if name != EXIT)
        living = view.slot(EXIT).living
        if living is not None:
            return Plan(wanted={EXIT: living.keep()})
        quantity = ZERO if others else tradable(view.instrument, held, view.cross(opposite(self._settings.side)))
        if not quantity:
            return Plan(wanted={}, finished=None if others else "stopped")
        order = Wanted(
            side=opposite(self._settings.side),
            type=OrderType.MARKET,
            quantity=quantity,
            reduce_only=not view.is_spot,
            is_protective=True,
        )
        return Plan(wanted={EXIT: order}, needs_market=True)
