"""Pre-trade limits: what an order may not exceed. Pure arithmetic; the risk gate decides which limits apply.

Each check returns None when the order may pass, else the `Violation` with code, limit and value that the order row and
the caller see. A check never changes anything: the gate reserves after all of them have passed.
"""

from collections import deque
from decimal import Decimal
from typing import Final

from engine.domain.identifiers import Asset
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.domain.reservations import Exposure, required_margin
from engine.domain.values import HUNDRED, ZERO, add, divide, multiply, round_money, subtract, text_of
from engine.domain.violation import Violation, violation

ORDER_NOTIONAL: Final = "order_notional"
POSITION_SIZE: Final = "position_size"
POSITION_NOTIONAL: Final = "position_notional"
OPEN_ORDERS: Final = "open_orders"
PRICE_BAND: Final = "price_band"
NO_MARK: Final = "no_mark_price"
ORDER_RATE: Final = "order_rate"
BALANCE: Final = "balance"
MARGIN: Final = "margin"
SELF_TRADE: Final = "self_trade"
REDUCE_ONLY: Final = "reduce_only"


def check_order_notional(notional: Decimal, limit: Decimal) -> Violation | None:
    """Refuse an order worth more than `limit`, both in quote units."""
    return violation(ORDER_NOTIONAL, limit, notional) if notional > limit else None


def check_position_size(
    size: Decimal, exposure: Exposure, side: Side, quantity: Decimal, limit: Decimal
) -> Violation | None:
    """Refuse an order after which the position could exceed `limit` units if all orders of its side filled.

    What brings an oversized position closer to zero passes.

    Args:
        size: Signed position now.
        exposure: Other orders of the symbol that may still fill.
        side: Of the order.
        quantity: Of the order.
        limit: Largest size, long or short.
    """
    worst = exposure.worst_size(size, side, quantity).copy_abs()
    return violation(POSITION_SIZE, limit, worst) if worst > limit and worst > size.copy_abs() else None


def check_position_notional(
    position: Position, exposure: Exposure, side: Side, quantity: Decimal, *, mark: Decimal, limit: Decimal
) -> Violation | None:
    """Refuse an order after which the position, with all orders of its side, could be worth more than `limit`.

    What brings an oversized position closer to zero passes.

    Args:
        position: Now.
        exposure: Other orders of the symbol that may still fill.
        side: Of the order.
        quantity: Of the order.
        mark: Values the position.
        limit: Quote units.
    """
    worst = exposure.worst_size(position.size, side, quantity).copy_abs()
    if worst <= position.size.copy_abs():
        return None
    worth = position.instrument.notional(mark, worst)
    return violation(POSITION_NOTIONAL, limit, worth) if worth > limit else None


def check_open_orders(count: int, limit: int) -> Violation | None:
    """Refuse one order more than `limit`; `count` are open or unknown already."""
    return violation(OPEN_ORDERS, limit, count + 1) if count >= limit else None


def check_price_band(price: Decimal, mark: Decimal | None, percent: Decimal) -> Violation | None:
    """Refuse a price more than `percent` of the mark away from it, on either side; fail closed without a mark."""
    if mark is None:
        return violation(NO_MARK, "a mark price", "none")
    distance = subtract(price, mark).copy_abs()
    if multiply(distance, HUNDRED) <= multiply(mark, percent):
        return None
    return violation(PRICE_BAND, percent, round_money(divide(multiply(distance, HUNDRED), mark), 4))


def check_balance(asset: Asset, free: Decimal, need: Decimal) -> Violation | None:
    """Refuse an order that sets more of an asset aside than is free."""
    return violation(BALANCE, f"{text_of(free)} {asset}", need) if need > free else None


def check_margin(
    position: Position,
    exposure: Exposure,
    side: Side,
    quantity: Decimal,
    *,
    price: Decimal,
    available: Decimal,
) -> Violation | None:
    """Refuse an order on a perpetual whose margin and fee are not there. What needs no more margin passes.

    Args:
        position: Now.
        exposure: Other orders of the symbol that may still fill.
        side: Of the order.
        quantity: Of the order; it is not reduce-only.
        price: Values the order.
        available: Settle units: total minus all required margin, minus open losses.
    """
    instrument = position.instrument
    value = instrument.notional(price, quantity)
    buys, sells = exposure.buys_value, exposure.sells_value
    before = required_margin(position, buys, sells)
    if side is Side.BUY:
        after = required_margin(position, add(buys, value), sells)
    else:
        after = required_margin(position, buys, add(sells, value))
    if after <= before:
        return None
    need = add(subtract(after, before), instrument.highest_fee(value))
    return violation(MARGIN, max(available, ZERO), need) if need > available else None


def check_self_trade(exposure: Exposure, side: Side, price: Decimal | None) -> Violation | None:
    """Refuse an order that could trade with an own resting order.

    Args:
        exposure: Own orders of the symbol, over all accounts that must not trade with each other.
        side: Of the order.
        price: Its limit; None for a market order, which takes any price.
    """
    if side is Side.BUY:
        if exposure.sell_prices and (price is None or price >= exposure.sell_prices[0]):
            return violation(SELF_TRADE, exposure.sell_prices[0], "market" if price is None else price)
    elif exposure.buy_prices and (price is None or price <= exposure.buy_prices[-1]):
        return violation(SELF_TRADE, exposure.buy_prices[-1], "market" if price is None else price)
    return None


def check_reduces(size: Decimal, reducing: Decimal, side: Side, quantity: Decimal) -> Violation | None:
    """Refuse an order that could do anything but shrink the position.

    Args:
        size: Signed position now.
        reducing: Units of other open orders on the order's side.
        side: Of the order.
        quantity: Of the order.
    """
    closes = size > ZERO if side is not Side.BUY else size < ZERO
    room = max(subtract(size.copy_abs(), reducing), ZERO) if closes else ZERO
    return violation(REDUCE_ONLY, room, quantity) if quantity > room else None


class OrderRate:
    """At most `limit` orders in any `window_ns`, by the clock of whoever asks."""

    __slots__ = ("_times", "limit", "window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        """Start with no orders seen.

        Args:
            limit: Orders, one or more.
            window_ns: Nanoseconds, above zero.
        """
        self.limit = limit
        self.window_ns = window_ns
        # Only the newest `limit` times can matter, so memory is bounded and a check looks at one of them.
        self._times: deque[int] = deque(maxlen=limit)

    def check(self, now_ns: int) -> Violation | None:
        """Refuse an order at `now_ns` if `limit` others were counted less than a window ago."""
        times = self._times
        if len(times) < self.limit or now_ns - times[0] >= self.window_ns:
            return None
        return violation(ORDER_RATE, self.limit, self.limit + 1)

    def count(self, now_ns: int) -> None:
        """Count an order that has passed."""
        self._times.append(now_ns)
