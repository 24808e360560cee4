"""The chase: a post-only order kept at the best price of its own side until it is filled, too far, or too late."""

from decimal import Decimal
from typing import Final

from actors.executors.plan import NS_PER_S, Plan, View, Wanted, tradable
from actors.executors.settings import ChaseSettings
from engine.domain.kinds import OrderType, Side
from engine.domain.values import ONE, ZERO, add, divide, multiply, subtract

CHASE: Final = "chase"
REST: Final = "rest"
HUNDRED: Final = Decimal(100)


class Chase:
    """Policy of a chase."""

    def __init__(self, settings: ChaseSettings) -> None:
        """Work by these settings, which were checked."""
        self._settings = settings

    @property
    def needs_market(self) -> bool:
        """It follows every quote."""
        return True

    def plan(self, view: View) -> Plan:
        """Say what is wanted now."""
        slot = view.slot(CHASE)
        left = subtract(self._settings.quantity, add(slot.filled, view.slot(REST).filled))
        timeout = self._settings.timeout
        ends_ns = None if timeout is None else view.started_ns + timeout * NS_PER_S
        is_foreign = slot.ended is not None and slot.ended.is_foreign
        if not tradable(view.instrument, left, None):
            return self._end(view, "filled" if left <= ZERO else "rest_too_small")
        if is_foreign:
            return self._end(view, "cancelled_by_another")
        if ends_ns is not None and view.now_ns >= ends_ns:
            return self._late(view, left)
        wanted = self._chase(view, left)
        return Plan(wanted={} if wanted is None else {CHASE: wanted}, needs_market=True, wake_at_ns=ends_ns)

    def _chase(self, view: View, left: Decimal) -> Wanted | None:
        slot, side = view.slot(CHASE), self._settings.side
        touch = view.touch(side)
        if touch is None:
            return None if slot.living is None else slot.living.keep()
        price = self._bounded(view, touch, slot.first_price or touch)
        living = slot.living
        if living is not None and living.order.price is not None:
            moved = subtract(price, living.order.price).copy_abs()
            if moved <= multiply(view.instrument.tick_at(price), Decimal(self._settings.repeg_ticks)):
                return living.keep()
        quantity = tradable(view.instrument, left, price)
        if not quantity:
            return None
        return Wanted(side=side, type=OrderType.LIMIT, quantity=quantity, price=price, post_only=True)

    def _bounded(self, view: View, touch: Decimal, first: Decimal) -> Decimal:
        """Follow the touch no further than the distance allowed from the first price."""
        share = divide(self._settings.max_distance_percent, HUNDRED)
        side = self._settings.side
        if side is Side.BUY:
            price = min(touch, multiply(first, add(ONE, share)))
        else:
            price = max(touch, multiply(first, subtract(ONE, share)))
        return view.instrument.round_price(price, side)

    def _late(self, view: View, left: Decimal) -> Plan:
        """End, or take the rest at the market once nothing else can fill any more."""
        rest = view.slot(REST)
        if self._settings.then == "cancel" or rest.is_over:
            return self._end(view, "time_over")
        if rest.living is not None:
            return Plan(wanted={REST: rest.living.keep()})
        if view.slot(CHASE).living is not None:
            return Plan(wanted={})
        quantity = tradable(view.instrument, left, view.cross(self._settings.side))
        if not quantity:
            return self._end(view, "rest_too_small")
        return Plan(wanted={REST: Wanted(side=self._settings.side, type=OrderType.MARKET, quantity=quantity)})

    def _end(self, view: View, reason: str) -> Plan:
        is_quiet = all(slot.living is None for slot in view.slots.values())
        return Plan(wanted={}, finished=reason if is_quiet else None)
