"""The way out of a position: a stop that rests at the venue, and a target that is watched.

Only one of the two lives at a time. Both at once could sell the same units twice: on spot the venue would refuse the
second, and on a margined account only a venue that knows reduce-only orders keeps them from opening the other side. So
the stop rests, and when the market touches the target the stop makes room for an immediate order at the target's price,
and comes back for whatever that leaves. Without a stop the target itself rests.
"""

from decimal import Decimal
from typing import Final

import msgspec

from actors.executors.plan import NS_PER_S, Living, SlotView, View, Wanted, opposite, tradable
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.domain.values import ZERO

STOP: Final = "stop"
TAKE: Final = "take"
TOUCH_AGAIN_NS: Final = NS_PER_S
"""Market time between two attempts to hit a target on spot."""


def exits(view: View, side: Side, held: Decimal, stop: Decimal | None, take: Decimal | None) -> dict[str, Wanted]:
    """Return what the slots `stop` and `take` want.

    Args:
        view: The facts.
        side: Of the entry.
        held: Units to close.
        stop: Trigger of the stop; None for none.
        take: Limit of the target; None for none.
    """
    closing = opposite(side)
    quantity = tradable(view.instrument, held, take or stop)
    if not quantity:
        return {}
    guard = None if stop is None else _stop(view, closing, quantity, stop)
    target = None if take is None else _take(view, closing, quantity, take)
    if guard is not None and target is not None:
        return _one_of(view, closing, guard, target)
    return {name: order for name, order in ((STOP, guard), (TAKE, target)) if order is not None}


def unprotected(view: View, held: Decimal, stop: Decimal | None) -> Decimal:
    """Return how many of the units held no stop at the venue guards; zero where no stop is wanted."""
    if stop is None or not tradable(view.instrument, held, stop):
        return ZERO
    living = view.slot(STOP).living
    guarded = living.remaining if living is not None and living.is_working else ZERO
    return max(held - guarded, ZERO)


def _one_of(view: View, closing: Side, guard: Wanted, target: Wanted) -> dict[str, Wanted]:
    stop, take = view.slot(STOP), view.slot(TAKE)
    if take.living is not None:
        return {TAKE: take.living.keep()}
    if not _is_touched(view, closing, target) or _has_just_tried(view, take):
        return {STOP: guard}
    # The stop's end frees what the target sells; its own fill would leave nothing to sell.
    if stop.living is not None:
        return {}
    return {TAKE: msgspec.structs.replace(target, time_in_force=TimeInForce.IOC)}


def _is_touched(view: View, closing: Side, target: Wanted) -> bool:
    price = view.cross(closing)
    if price is None or target.price is None:
        return False
    return price >= target.price if closing is Side.SELL else price <= target.price


def _has_just_tried(view: View, take: SlotView) -> bool:
    return take.ended is not None and view.now_ns < take.ended.at_ns + TOUCH_AGAIN_NS


def _stop(view: View, closing: Side, quantity: Decimal, trigger: Decimal) -> Wanted:
    living = view.slot(STOP).living
    if living is not None and living.order.type is OrderType.MARKET:
        # It is on its way out already, wherever the market goes meanwhile.
        return msgspec.structs.replace(living.keep(), is_protective=True)
    price = view.cross(closing)
    is_through = price is not None and (price <= trigger if closing is Side.SELL else price >= trigger)
    if is_through and living is None:
        # A venue refuses a stop that would trigger at once: get out.
        return Wanted(
            side=closing, type=OrderType.MARKET, quantity=quantity, reduce_only=not view.is_spot, is_protective=True
        )
    return Wanted(
        side=closing,
        type=OrderType.STOP,
        quantity=quantity,
        stop_price=view.instrument.round_price(trigger, closing),
        reduce_only=not view.is_spot,
        is_protective=True,
    )


def _take(view: View, closing: Side, quantity: Decimal, price: Decimal) -> Wanted:
    return Wanted(
        side=closing,
        type=OrderType.LIMIT,
        quantity=quantity,
        price=view.instrument.round_price(price, closing),
        reduce_only=not view.is_spot,
    )


def is_same(living: Living, wanted: Wanted) -> bool:
    """Whether the order that lives is the one that is wanted: the same terms, and as much left to fill."""
    order = living.order
    return (
        living.remaining == wanted.quantity
        and order.side is wanted.side
        and order.type is wanted.type
        and order.price == wanted.price
        and order.stop_price == wanted.stop_price
        and order.time_in_force is wanted.time_in_force
    )
