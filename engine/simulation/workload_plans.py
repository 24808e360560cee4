"""Draws what people tell executors to do: plans of every kind, close enough to the market to come to something."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from actors.executors.settings import (
    BracketSettings,
    ChaseSettings,
    DcaSettings,
    ExecutorSettings,
    GridSettings,
    TwapSettings,
)
from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.values import round_to_tick
from engine.runtime.entropy import Rng

KINDS: Final[dict[str, int]] = {"bracket": 4, "twap": 3, "grid": 2, "dca": 2, "chase": 3}
"""How often each is drawn, in parts of the sum."""
UNITS: Final = (2, 5, 20, 60)
"""Sizes, in steps that are worth trading."""
PERCENT: Final = Decimal("0.000001")


def draw_plan(rng: Rng, instrument: Instrument, price: Decimal) -> ExecutorSettings:
    """Draw a plan.

    Args:
        rng: Chance.
        instrument: What is traded.
        price: Of the market now.
    """
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    # Only a margined account can be short.
    sides = (Side.BUY, Side.SELL) if instrument.is_perpetual or kind in ("twap", "chase") else (Side.BUY,)
    side = rng.choice(sides)
    quantity = instrument.step_size * (10 if instrument.is_perpetual else 5) * rng.choice(UNITS)
    settings: ExecutorSettings = _DRAWN[kind](rng, _Market(instrument, price, side), quantity)
    return settings


def ends_by_itself(kind: str, configuration: Any) -> bool:
    """Tell whether a plan has an end of its own that needs no market to come to it."""
    return kind == "twap" or (kind == "chase" and configuration.get("timeout") is not None)


class _Market:
    """Prices around the present one, as seen from a side."""

    def __init__(self, instrument: Instrument, price: Decimal, side: Side) -> None:
        self.instrument = instrument
        self.price = price
        self.side = side

    def better(self, ticks: int) -> Decimal:
        """Return the price so many ticks to the good side: where a position of this side has gained."""
        tick = self.instrument.tick_size
        return round_to_tick(self.price + ticks * tick * self.side.sign, tick, Side.BUY)

    def percent(self, ticks: int) -> Decimal:
        """Return a distance in ticks as percent of the price."""
        return (100 * ticks * self.instrument.tick_size / self.price).quantize(PERCENT)


def _bracket(rng: Rng, market: _Market, quantity: Decimal) -> BracketSettings:
    entry = rng.choice((None, market.better(-rng.randrange(1, 40)), market.better(rng.randrange(1, 10))))
    stop = rng.choice((None, market.better(-rng.randrange(41, 200)), market.better(-rng.randrange(41, 200))))
    take = rng.choice((None, market.better(rng.randrange(11, 150)), market.better(rng.randrange(11, 60))))
    if stop is None and take is None:
        stop = market.better(-60)
    timeout = rng.choice((None, 5, 15))
    return BracketSettings(
        side=market.side,
        quantity=quantity,
        entry_price=entry,
        stop_price=stop,
        take_price=take,
        entry_timeout=timeout,
    )


def _twap(rng: Rng, market: _Market, quantity: Decimal) -> TwapSettings:
    limit = rng.choice((None, market.better(rng.randrange(-20, 40))))
    return TwapSettings(
        side=market.side,
        quantity=quantity,
        duration=rng.choice((5, 15, 30)),
        slices=rng.choice((2, 3, 5)),
        limit_price=limit,
    )


def _grid(rng: Rng, market: _Market, quantity: Decimal) -> GridSettings:
    below, above, levels = rng.randrange(20, 60), rng.randrange(10, 60), rng.randrange(3, 6)
    stop = rng.choice((None, market.better(-below - rng.randrange(5, 40))))
    lower, upper = sorted((market.better(-below), market.better(above)))
    return GridSettings(
        side=market.side, quantity=quantity, lower_price=lower, upper_price=upper, levels=levels, stop_price=stop
    )


def _dca(rng: Rng, market: _Market, quantity: Decimal) -> DcaSettings:
    count, step = rng.randrange(4), rng.randrange(5, 30)
    stop = rng.choice((None, market.percent(step * count + rng.randrange(10, 60))))
    return DcaSettings(
        side=market.side,
        quantity=quantity,
        safety_orders=count,
        step_percent=market.percent(step),
        size_scale=rng.choice((Decimal(1), Decimal("1.5"))),
        take_percent=market.percent(rng.randrange(10, 60)),
        stop_percent=stop,
    )


def _chase(rng: Rng, market: _Market, quantity: Decimal) -> ChaseSettings:
    return ChaseSettings(
        side=market.side,
        quantity=quantity,
        repeg_ticks=rng.choice((1, 5, 20)),
        max_distance_percent=market.percent(rng.randrange(20, 200)),
        timeout=rng.choice((None, 5, 20)),
        then=rng.choice(("market", "cancel")),
    )


_DRAWN: Final[dict[str, Callable[[Rng, _Market, Decimal], ExecutorSettings]]] = {
    "bracket": _bracket,
    "twap": _twap,
    "grid": _grid,
    "dca": _dca,
    "chase": _chase,
}
