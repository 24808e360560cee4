"""How a simulated exchange tells of what happens: at once, or when a test lets it."""

import dataclasses
from collections.abc import Callable, Iterable

from tests.support.venues.core import (
    BalanceEvent,
    OrderEvent,
    SimAccount,
    SimClock,
    SimEvent,
    SimMarket,
    SimOrder,
    SimTrade,
    Word,
)
from tests.support.venues.settle import touched


class Telling:
    """Numbers events and hands them to whoever listens."""

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.listeners: list[Callable[[SimEvent], None]] = []
        self.held: list[SimEvent] | None = None
        """Events that are kept back; None while they leave at once."""
        self._sequence = 0

    def hold(self) -> None:
        """Keep events back from now on."""
        self.held = self.held or []

    def let_go(self, events: Iterable[SimEvent] | None = None) -> None:
        """Tell what was kept back, or these events instead (other order, repeated, some of them), and hold no more."""
        kept, self.held = self.held or [], None
        for event in kept if events is None else events:
            self._tell(event)

    def _tell_order(self, word: Word, order: SimOrder, trade: SimTrade | None = None) -> None:
        self._sequence += 1
        seen = dataclasses.replace(order, extra=dict(order.extra))
        self._tell(OrderEvent(self._sequence, word, seen, trade, self.clock.now_ms()))

    def _tell_balances(self, account: SimAccount, market: SimMarket, fee_asset: str | None = None) -> None:
        balances, positions = touched(account, market, fee_asset)
        self._tell(BalanceEvent(account.name, balances, positions, "ORDER", self.clock.now_ms()))

    def _tell(self, event: SimEvent) -> None:
        if self.held is not None:
            self.held.append(event)
            return
        for listener in self.listeners:
            listener(event)
