"""P1 to P4: the whole trading path, from a quote to a booked fill, on the reference stream.

Every run first has to give the reference's orders and its final balance to eight decimals (P1). Speeds (P2) are held to
a floor in the same run: the same rules in one loop of direct calls, on which a peer's published rate has a known place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import islice
from typing import Final

from engine.benchmarks.harness import Ratio, Result, Side, cpu_seconds, gauge, measure, on_loop
from engine.benchmarks.path_durable import on_durable_latency
from engine.benchmarks.path_engine import Outcome, PathEngine, floor, quotes
from engine.benchmarks.path_latency import on_latency_us
from engine.benchmarks.path_ledger import on_ledger_us
from engine.messages.market import QuoteTick

REFERENCE: Final = {
    (20_000, 10, 20): Outcome(851, Decimal("999821.43127706")),
    (50_000, 10, 20): Outcome(2_251, Decimal("999513.41020958")),
    (200_000, 10, 20): Outcome(9_077, Decimal("998025.02896414")),
    (200_000, 50, 200): Outcome(1_252, Decimal("999738.70086490")),
}
"""(quotes, fast, slow) -> what five independent implementations agree on."""
TICKS: Final = 50_000
FEW_ORDERS: Final = 1_000
MANY_ORDERS: Final = 10_000
SHOWN_AT_ONCE: Final = 2_000
LATENCY_TICKS: Final = 20_000
DURABLE_TICKS: Final = 3_000
IDLE_TICKS: Final = 9_000
"""Shorter than the longest average, so that nothing is ever traded."""

FEW_TRADES_GOAL: Final = 1.5 * 625_000
"""Ticks per CPU second at 50/200: half as many again as NautilusTrader's Rust engine with a native strategy."""
MANY_TRADES_GOAL: Final = 4 * 96_000
"""Ticks per CPU second at 10/20: four times as many as basana."""
FEW_TRADES_FLOOR: Final = FEW_TRADES_GOAL / 3_200_000
"""The same as a part of the floor, which makes 3.2 million on the machine that the peers were measured on."""
MANY_TRADES_FLOOR: Final = MANY_TRADES_GOAL / 2_400_000
"""And at 10/20, where it makes 2.4 million."""
LEDGER_US: Final = 15.0
"""CPU of booking one fill."""
ORDER_US: Final = 139 / 10
"""A tenth of what NautilusTrader's node takes from a tick to its order."""
FILL_US: Final = 788 / 20
"""A twentieth of what it takes from a tick to its fill."""


@cache
def _stream(count: int) -> tuple[QuoteTick, ...]:
    return tuple(quotes(count))


def run(rounds: int) -> list[Result]:
    """Measure everything; `rounds`: pairs per ratio."""
    return [
        *_rates("P2 50/200", _against_floor(200_000, 50, 200, FEW_TRADES_FLOOR), FEW_TRADES_GOAL, rounds),
        *_rates("P2 10/20", _against_floor(TICKS, 10, 20, MANY_TRADES_FLOOR), MANY_TRADES_GOAL, rounds),
        *_ledger(rounds),
        gauge("P3 CPU per order at 10,000 against 1,000", [on_flat() for _ in range(2)], unit="times", goal=1.3),
        *_latencies(rounds),
        *_durable_latencies(),
        gauge(
            "P4 CPU of a tick that trades",
            [on_fill_us() for _ in range(rounds)],
            unit="us of CPU, all books and both commits included",
        ),
    ]


def _ledger(rounds: int) -> list[Result]:
    measured = [on_ledger_us() for _ in range(rounds)]
    costs, growth = [few for few, _ in measured], [many / few for few, many in measured]
    unit = "us of CPU, with lots, entries, position, balance and events"
    return [
        gauge("L1 fill to ledger", costs, unit=unit, goal=LEDGER_US),
        gauge("L1 fill to ledger at 20,000 against 2,000", growth, unit="times", goal=1.2),
    ]


def _latencies(rounds: int) -> list[Result]:
    measured = [on_latency_us(_stream(LATENCY_TICKS)) for _ in range(rounds)]
    unit = "us, median of a round"
    return [
        gauge("P4 tick to order, memory store", [order for order, _ in measured], unit=unit, goal=ORDER_US),
        gauge("P4 tick to booked fill, memory store", [fill for _, fill in measured], unit=unit, goal=FILL_US),
    ]


def _durable_latencies() -> list[Result]:
    """Show the latencies over PostgreSQL; their limits are made of what a commit took on the same server."""
    found = on_durable_latency(_stream(DURABLE_TICKS))
    limits_us = found.commit_us + 100, 2 * found.commit_us + 200
    return [
        gauge("P4 commit of one row, PostgreSQL", [found.commit_us], unit="us, median"),
        gauge("P4 tick to order, PostgreSQL", [found.order_us], unit="us, median", goal=limits_us[0]),
        gauge("P4 tick to booked fill, PostgreSQL", [found.fill_us], unit="us, median", goal=limits_us[1]),
    ]


def _rates(name: str, ratio: Ratio, goal: float, rounds: int) -> list[Result]:
    """Measure against the floor, which knows the machine, and show the bare rate beside the goal's."""
    result = measure(ratio, rounds)
    unit = f"{ratio.unit} per CPU second"
    return [
        replace(result, name=f"{name} against the floor"),
        gauge(f"{name} ticks per CPU second", [result.ours_value], unit=unit, goal=goal, direction="at_least"),
    ]


def _against_floor(count: int, fast: int, slow: int, goal: float) -> Ratio:
    async def ours() -> int:
        outcome = await _play(_stream(count), fast, slow)
        assert outcome == REFERENCE[count, fast, slow], f"expected the reference outcome, was {outcome}"
        return count

    def reference() -> int:
        outcome = floor(_stream(count), fast, slow)
        assert outcome == REFERENCE[count, fast, slow], f"expected the reference outcome, was {outcome}"
        return count

    return Ratio("P2", Side(f"cell, EMA {fast}/{slow}", on_loop(ours)), Side("direct calls", reference), goal, "ticks")


async def _play(stream: tuple[QuoteTick, ...], fast: int, slow: int) -> Outcome:
    engine = await PathEngine(fast, slow).start()
    _show(engine, stream)
    outcome = engine.outcome()
    await engine.stop()
    return outcome


def on_flat() -> float:
    """Return how many times as much CPU an order costs behind 9,000 others as behind none."""
    costs: list[float] = []

    async def play() -> int:
        engine = await PathEngine(10, 20).start()
        shown = iter(_stream(250_000))
        orders = 0
        for start, end in ((0, FEW_ORDERS), (MANY_ORDERS - FEW_ORDERS, MANY_ORDERS)):
            orders = _show_until(engine, shown, orders, start)[0]
            before = orders
            orders, seconds = _show_until(engine, shown, orders, end)
            costs.append(seconds / (orders - before))
        await engine.stop()
        return orders

    on_loop(play)()
    few, many = costs
    return many / few


def _show_until(engine: PathEngine, shown: Iterator[QuoteTick], orders: int, wanted: int) -> tuple[int, float]:
    """Show quotes until so many orders exist; return their number and the CPU seconds that it took."""
    seconds = 0.0
    while orders < wanted:
        seconds += cpu_seconds(partial(_show, engine, tuple(islice(shown, SHOWN_AT_ONCE))))
        orders = engine.outcome().orders
    return orders, seconds


def _show(engine: PathEngine, stream: Sequence[QuoteTick]) -> None:
    show = engine.show
    for quote in stream:
        show(quote)


def on_fill_us() -> float:
    """Return the CPU time from a tick that trades to its fill in the books, less what an idle tick costs, in us."""
    stream = _stream(TICKS)
    trading_s, orders = _cost(stream, 10, 20)
    idle = stream[:IDLE_TICKS]
    idle_s, _ = _cost(idle, IDLE_TICKS, IDLE_TICKS + 1)
    return (trading_s - idle_s / len(idle) * len(stream)) / orders * 1e6


def _cost(stream: Sequence[QuoteTick], fast: int, slow: int) -> tuple[float, int]:
    """Return the CPU seconds of showing a stream to a new engine, and the orders that it made."""
    seconds = 0.0

    async def play() -> int:
        nonlocal seconds
        engine = await PathEngine(fast, slow).start()
        seconds = cpu_seconds(partial(_show, engine, stream))
        orders = engine.outcome().orders if slow < len(stream) else 0
        await engine.stop()
        return orders

    orders = on_loop(play)()
    return seconds, orders
