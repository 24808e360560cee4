"""Agents without a system: their handlers are pure, so a test may call them."""

from decimal import Decimal
from typing import Any, TypeVar

from actors.agents.base import Agent, AgentSetup, Parameters
from engine.messages.market import QuoteTick
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS

D = Decimal
A = TypeVar("A", bound=Agent)
SECOND_NS = 1_000_000_000


class Told:
    """Takes the place of the coordinator: keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def tell(self, message: Any) -> None:
        self.messages.append(message)


def make_agent(kind: type[A], parameters: Parameters, *, bus: Bus | None = None, told: Any = None, **setup: Any) -> A:
    """Return an agent on the perpetual, not started."""
    fields: dict[str, Any] = {
        "agent_id": AGENT,
        "account_id": ACCOUNT,
        "venue": "binance",
        "symbols": ("BTC/USDT:USDT",),
        "parameters": parameters,
    }
    coordinator: Any = told or Told()
    return kind(
        setup=AgentSetup(**fields | setup),
        bus=bus or Bus(),
        ids=Ids(VirtualClock(START_NS), seeded_rng(1)),
        coordinator=coordinator,
    )


def quote_at(price: float, second: float = 0, *, frame: int = 0, symbol: str = "BTC/USDT:USDT") -> QuoteTick:
    """Return a quote whose mid is `price`."""
    at_ns = START_NS + int(second * SECOND_NS)
    mid = D(str(price))
    return QuoteTick(
        venue="binance", symbol=symbol, ts_event_ns=at_ns, ts_init_ns=at_ns, frame=frame,
        bid=mid - D("0.5"), ask=mid + D("0.5"), bid_size=D(1), ask_size=D(1),
    )  # fmt: skip
