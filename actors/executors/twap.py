"""Time-weighted: the amount in equal slices at equal times; what a slice could not fill goes into the next ones."""

from decimal import Decimal
from typing import Final

from actors.executors.plan import NS_PER_S, Plan, View, Wanted, total, tradable
from actors.executors.settings import TwapSettings
from engine.domain.kinds import OrderType, Side
from engine.domain.values import ZERO, divide, subtract

SLICE: Final = "slice:"


class Twap:
    """Policy of a time-weighted order."""

    def __init__(self, settings: TwapSettings) -> None:
        """Work by these settings, which were checked."""
        self._settings = settings

    @property
    def needs_market(self) -> bool:
        """A limited slice rests at the touch."""
        return self._settings.limit_price is not None

    def plan(self, view: View) -> Plan:
        """Say what is wanted now."""
        settings = self._settings
        number = (view.now_ns - view.started_ns) * settings.slices // (settings.duration * NS_PER_S)
        rest = subtract(settings.quantity, total(view, SLICE))
        living = [name for name, slot in view.slots.items() if slot.living is not None]
        if number >= settings.slices or not tradable(view.instrument, rest, None):
            reason = "filled" if rest <= ZERO else "time_over" if number >= settings.slices else "rest_too_small"
            return Plan(wanted={}, finished=None if living else reason)
        name = f"{SLICE}{number}"
        wanted: dict[str, Wanted] = {}
        # An earlier slice is being cancelled; until it has ended it may still fill, and its rest is not ours to give.
        if all(each == name for each in living) and not view.slot(name).is_over:
            order = self._slice(view, name, rest, settings.slices - number)
            if order is not None:
                wanted[name] = order
        return Plan(
            wanted=wanted,
            needs_market=self.needs_market and name not in living and not view.slot(name).is_over,
            wake_at_ns=view.started_ns + (number + 1) * settings.duration * NS_PER_S // settings.slices + 1,
        )

    def _slice(self, view: View, name: str, rest: Decimal, left: int) -> Wanted | None:
        settings = self._settings
        living = view.slot(name).living
        if living is not None:
            return living.keep()
        price = self._price(view)
        if settings.limit_price is not None and price is None:
            return None  # No quote yet.
        share = tradable(view.instrument, divide(rest, Decimal(left)), price or view.cross(settings.side))
        quantity = share or (tradable(view.instrument, rest, price) if left == 1 else ZERO)
        if not quantity:
            return None  # Too little for an order of its own; the next slice takes it along.
        is_limited = settings.limit_price is not None
        return Wanted(
            side=settings.side, type=OrderType.LIMIT if is_limited else OrderType.MARKET, quantity=quantity, price=price
        )

    def _price(self, view: View) -> Decimal | None:
        """Return the touch, or the limit where the touch is worse."""
        limit, touch = self._settings.limit_price, view.touch(self._settings.side)
        if limit is None or touch is None:
            return None
        is_buy = self._settings.side is Side.BUY
        return view.instrument.round_price(min(limit, touch) if is_buy else max(limit, touch), self._settings.side)
