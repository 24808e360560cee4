"""What goes wrong with processes, database, network and clocks: drawn from the seed before the storm, as a schedule.

What venues do wrong they draw themselves (`venue/faults.py`). Every fault has a name that stays the same when others
are taken away, so that a failing schedule can be shrunk.
"""

from collections.abc import Collection
from typing import Final

from engine.runtime.entropy import Rng, seeded_rng
from engine.runtime.fault_points import FAULT_POINTS
from engine.simulation.ports import Fault
from engine.simulation.store import FAILED, LOST

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

CRASH: Final = "crash"
CRASH_AT_POINT: Final = "crash_at_point"
FREEZE: Final = "freeze"
TAKE_OVER: Final = "freeze_take_over"
DOUBLE_START: Final = "double_start"
CLOCK_SKEW: Final = "clock_skew"
DB_AWAY: Final = "db_away"
DB_SLOW: Final = "db_slow"
LINK_BREAK: Final = "link_break"
LINK_SILENT_OUT: Final = "link_silent_out"
LINK_SILENT_IN: Final = "link_silent_in"
NET_SLOW: Final = "net_slow"
NO_DIAL: Final = "dial_refused"
FEED_SILENT: Final = "feed_silent"

EVENTS: Final = (
    "OrderSubmitting", "OrderAccepted", "OrderFilled", "OrderPartiallyFilled", "OrderCancelled", "OrderUnknown",
    "OrderRejected", "TradeBooked", "PositionChanged", "BalanceChanged",
)  # fmt: skip
POINTS: Final = tuple(
    sorted(FAULT_POINTS | {f"{when}.{event}" for when in ("committing", "committed") for event in EVENTS})
)

MOST: Final[dict[str, int]] = {
    CRASH: 2, CRASH_AT_POINT: 3, FREEZE: 1, TAKE_OVER: 1, DOUBLE_START: 1, CLOCK_SKEW: 2, DB_AWAY: 2, DB_SLOW: 2,
    FAILED: 3, LOST: 3, LINK_BREAK: 3, LINK_SILENT_OUT: 1, LINK_SILENT_IN: 1, NET_SLOW: 2, NO_DIAL: 1,
    FEED_SILENT: 1,
}  # fmt: skip
"""How many of a kind a storm may have."""
LENGTHS_NS: Final[dict[str, tuple[int, int]]] = {
    CRASH: (50 * NS_PER_MS, 3 * NS_PER_S),
    CRASH_AT_POINT: (50 * NS_PER_MS, 3 * NS_PER_S),
    FREEZE: (100 * NS_PER_MS, 15 * NS_PER_S),
    TAKE_OVER: (12 * NS_PER_S, 25 * NS_PER_S),
    DOUBLE_START: (1 * NS_PER_S, 20 * NS_PER_S),
    CLOCK_SKEW: (1 * NS_PER_S, 30 * NS_PER_S),
    DB_AWAY: (20 * NS_PER_MS, 12 * NS_PER_S),
    DB_SLOW: (1 * NS_PER_S, 15 * NS_PER_S),
    NET_SLOW: (1 * NS_PER_S, 15 * NS_PER_S),
    NO_DIAL: (1 * NS_PER_S, 10 * NS_PER_S),
    FEED_SILENT: (16 * NS_PER_S, 30 * NS_PER_S),
}
"""Of the kinds that last: how long. Of crashes: how long the process stays down."""


def draw_faults(seed: int | str, storm_ns: int, forbidden: Collection[str] = ()) -> list[tuple[str, Fault]]:
    """Draw the schedule of a run, each fault with its name, in order of time. There is at least one crash.

    About half of the kinds exist in a seed, so that each is also seen without the others.

    Args:
        seed: Of all of this.
        storm_ns: How long the storm lasts.
        forbidden: Names of faults that must not happen, or of kinds: `crash/*`.
    """
    found: list[tuple[str, Fault]] = []
    for kind, most in MOST.items():
        rng = seeded_rng(f"{seed}/faults/{kind}")
        exists = rng.random() < 0.5
        count = rng.randint(1, most)
        if kind == CRASH:
            # Somewhere in the middle, so that there is something to lose and time to find it again.
            exists = True
        if exists:
            found += [(f"{kind}/{number}", _draw(kind, rng, storm_ns)) for number in range(count)]
    chosen = [(name, fault) for name, fault in found if not is_forbidden(name, forbidden)]
    return sorted(chosen, key=lambda pair: (pair[1].at_ns, pair[0]))


def is_forbidden(name: str, forbidden: Collection[str]) -> bool:
    """Tell whether a fault must not happen: by its own name, or as one of its kind, `crash/*`."""
    return name in forbidden or f"{name.rpartition('/')[0]}/*" in forbidden


def _draw(kind: str, rng: Rng, storm_ns: int) -> Fault:
    at_ns = rng.randrange(storm_ns // 20, storm_ns)
    low, high = LENGTHS_NS.get(kind, (0, 0))
    length_ns = rng.randrange(low, high) if high else 0
    target, value = "", 0
    if kind == FEED_SILENT:
        # One symbol; its prices are back before the storm is over.
        target, length_ns = rng.choice(("BTC", "ETH", "SOL")), min(length_ns, storm_ns - at_ns)
    if kind == CRASH_AT_POINT:
        target, value = rng.choice(POINTS), rng.randint(1, 5)
    elif kind == CLOCK_SKEW:
        value = rng.choice((-1, 1)) * rng.randrange(NS_PER_MS, 20 * NS_PER_S)
    elif kind in (DB_SLOW, NET_SLOW):
        value = rng.choice((10, 100, 400))
    return Fault(kind=kind, at_ns=at_ns, duration_ns=length_ns, target=target, value=value)
