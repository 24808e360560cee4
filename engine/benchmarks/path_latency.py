"""P4: how long a tick takes to its order and to its fill, in process and warm.

The order counts when the connector is handed it, the fill when the ledger has booked it and says so. What the engine
does after that (the commit of the fill, rows of the venue) is not in the latency, but it is in the CPU time per order.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from engine.benchmarks.harness import cpu_seconds, on_loop
from engine.benchmarks.path_engine import USER, PathEngine
from engine.messages.market import QuoteTick
from engine.messages.orders import FillBooked
from engine.messages.venues import VenueSubmit
from engine.runtime.clock import WallClock
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref

WARM_AFTER: Final = 100
"""Orders that are not counted: code and memory are cold."""


class Stopwatch:
    """Notes when an order has reached the connector and when its fill was booked, since the tick."""

    def __init__(self) -> None:
        """Start with nothing noted."""
        self._now_ns = WallClock().monotonic_ns
        self._began_ns = 0
        self.orders_ns: list[int] = []
        self.fills_ns: list[int] = []

    def show(self, engine: PathEngine, stream: Sequence[QuoteTick]) -> None:
        """Show quotes, each from a new start of the watch."""
        now_ns = self._now_ns
        for quote in stream:
            self._began_ns = now_ns()
            engine.show(quote)

    def note_order(self) -> None:
        """The connector has the order."""
        self.orders_ns.append(self._now_ns() - self._began_ns)

    def note_fill(self, _booked: FillBooked) -> None:
        """The fill is in the books."""
        self.fills_ns.append(self._now_ns() - self._began_ns)


class WatchedConnector:
    """Stands before a connector and tells the watch of each order."""

    def __init__(self, connector: Ref[Any], watch: Stopwatch) -> None:
        """Hand everything on to `connector`."""
        self._connector = connector
        self._watch = watch

    def tell(self, message: Any) -> None:
        """Hand a message on."""
        if type(message) is VenueSubmit:
            self._watch.note_order()
        self._connector.tell(message)

    def ask(self, message: Any, *, timeout_s: float | None = None) -> AsyncioFuture[Any]:
        """Hand a question on."""
        return self._connector.ask(message, timeout_s=timeout_s)


def on_latency_us(stream: Sequence[QuoteTick]) -> tuple[float, float]:
    """Return the median times in us from a tick to its order and to its booked fill, over the memory store."""
    watch = Stopwatch()

    async def play() -> int:
        engine = await PathEngine(10, 20, connector_of=lambda paper: WatchedConnector(paper, watch)).start()
        engine.bus.subscribe(FillBooked, watch.note_fill, key=USER)
        cpu_seconds(lambda: watch.show(engine, stream))
        orders = engine.outcome().orders
        await engine.stop()
        return orders

    orders = on_loop(play)()
    assert len(watch.orders_ns) == len(watch.fills_ns) == orders, f"expected {orders} orders and fills to be seen"
    return median(watch.orders_ns[WARM_AFTER:]) / 1_000, median(watch.fills_ns[WARM_AFTER:]) / 1_000
