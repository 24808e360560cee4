"""Averaging in: a first order at the market, deeper ones resting below, and one target for all of it."""

from decimal import Decimal
from typing import Final

from actors.executors.exits import STOP, TAKE, exits, unprotected
from actors.executors.plan import Plan, View, Wanted, tradable
from actors.executors.settings import DcaSettings
from engine.domain.kinds import OrderType, Side
from engine.domain.values import ONE, ZERO, add, divide, multiply, subtract

BASE: Final = "base"
SAFETY: Final = "safety:"
HUNDRED: Final = Decimal(100)


class Dca:
    """Policy of averaging in."""

    def __init__(self, settings: DcaSettings) -> None:
        """Work by these settings, which were checked."""
        self._settings = settings

    @property
    def needs_market(self) -> bool:
        """As a bracket."""
        return True

    def plan(self, view: View) -> Plan:
        """Say what is wanted now."""
        base = view.slot(BASE)
        first = base.average_price
        entered, value = self._entered(view)
        left = add(view.slot(STOP).filled, view.slot(TAKE).filled)
        held = subtract(entered, left)
        wanted: dict[str, Wanted] = {}
        rest = tradable(view.instrument, subtract(self._settings.quantity, base.filled), None)
        if not base.is_over and not left and (rest or base.living is not None):
            wanted[BASE] = self._base(view, rest)
        if first is not None and BASE not in wanted and not left:
            wanted |= self._safeties(view, first)
        stop = None
        if held > ZERO and first is not None:
            stop = self._stop_price(first)
            wanted |= exits(view, self._settings.side, held, stop, self._take_price(divide(value, entered)))
        is_over = not wanted and bool(base.generation) and all(slot.living is None for slot in view.slots.values())
        return Plan(
            wanted=wanted,
            needs_market=held > ZERO,
            unprotected=unprotected(view, held, stop),
            finished=_reason(view, entered, held) if is_over else None,
        )

    def _entered(self, view: View) -> tuple[Decimal, Decimal]:
        quantity = value = ZERO
        for name, slot in view.slots.items():
            if name == BASE or name.startswith(SAFETY):
                quantity, value = add(quantity, slot.filled), add(value, slot.value)
        return quantity, value

    def _base(self, view: View, rest: Decimal) -> Wanted:
        living = view.slot(BASE).living
        if living is not None:
            return living.keep()
        return Wanted(side=self._settings.side, type=OrderType.MARKET, quantity=rest)

    def _safeties(self, view: View, first: Decimal) -> dict[str, Wanted]:
        """Return the orders below that have not ended; each is made once."""
        settings = self._settings
        wanted: dict[str, Wanted] = {}
        distance, step, size = ZERO, settings.step_percent, settings.quantity
        for number in range(settings.safety_orders):
            distance, size = add(distance, step), multiply(size, settings.size_scale)
            step = multiply(step, settings.step_scale)
            slot = view.slot(f"{SAFETY}{number}")
            if slot.living is not None:
                wanted[f"{SAFETY}{number}"] = slot.living.keep()
            elif not slot.is_over:
                price = view.instrument.round_price(self._off(first, distance), settings.side)
                if quantity := tradable(view.instrument, subtract(size, slot.filled), price):
                    wanted[f"{SAFETY}{number}"] = Wanted(
                        side=settings.side, type=OrderType.LIMIT, quantity=quantity, price=price
                    )
        return wanted

    def _stop_price(self, first: Decimal) -> Decimal | None:
        percent = self._settings.stop_percent
        return None if percent is None else self._off(first, percent)

    def _take_price(self, average: Decimal) -> Decimal:
        return self._off(average, self._settings.take_percent.copy_negate())

    def _off(self, price: Decimal, percent: Decimal) -> Decimal:
        """Return a price so many percent to the bad side; negative: to the good side."""
        share = divide(percent, HUNDRED)
        factor = subtract(ONE, share) if self._settings.side is Side.BUY else add(ONE, share)
        return multiply(price, factor)


def _reason(view: View, entered: Decimal, held: Decimal) -> str:
    if not entered:
        return "not_entered"
    if held:
        return "rest_too_small_to_close"
    return "stopped" if view.slot(STOP).filled else "target_reached"
