"""What an account's connection remembers of orders, because Hyperliquid's messages do not say it.

* A fill names the order by the venue's number only (newer ones also by cloid), the router knows it by cloid.
* A modified order is a new one with a new number and the same cloid; the old one ends as cancelled, which is not the
  end of the order as we know it. What had been filled before is counted on.
"""

from decimal import Decimal
from typing import Final

from engine.domain.values import ZERO, add

REMEMBERED: Final = 100_000
"""Orders; the oldest leave first. Whoever asks for one that has left is told so, and the venue is asked."""


class KnownOrders:
    """Numbers and cloids of one account's orders."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        """Remember so many orders."""
        self._max = remembered
        self._cloids: dict[int, str] = {}
        self._newest: dict[str, int] = {}
        self._before: dict[int, Decimal] = {}
        self._amending: dict[str, int] = {}
        self._doubted: dict[str, int] = {}
        self._ended: set[str] = set()

    def learn(self, oid: int, cloid: str) -> None:
        """Take note of the cloid (empty: none) of an order's number."""
        if oid in self._cloids:
            return
        self._cloids[oid] = cloid
        if cloid and oid > self._newest.get(cloid, -1):
            self._newest[cloid] = oid
        if len(self._cloids) > self._max:
            self._forget(next(iter(self._cloids)))

    def cloid_of(self, oid: int) -> str | None:
        """Return the cloid of an order's number: empty if it has none, None if nobody knows."""
        return self._cloids.get(oid)

    def number_of(self, cloid: str) -> int | None:
        """Return the newest number of an order."""
        return self._newest.get(cloid)

    def is_replaced(self, oid: int, cloid: str) -> bool:
        """Whether a newer number has taken the place of this one."""
        return bool(cloid) and oid < self._newest.get(cloid, -1)

    def filled_before(self, oid: int) -> Decimal:
        """Return what was filled under the numbers that this one has replaced."""
        return self._before.get(oid, ZERO)

    def replaced(self, old: int, new: int, cloid: str, filled: Decimal) -> None:
        """Count on: `filled` is what the old number had filled itself."""
        self.learn(new, cloid)
        self._before[new] = add(self.filled_before(old), filled)

    def begin_amend(self, cloid: str, oid: int) -> None:
        """From now on the end of this number may only mean that it is being replaced."""
        self._amending[cloid] = oid

    def end_amend(self, cloid: str) -> bool:
        """The answer has come; return whether an end of the order was not believed meanwhile."""
        self._amending.pop(cloid, None)
        self._doubted.pop(cloid, None)
        was_ended = cloid in self._ended
        self._ended.discard(cloid)
        return was_ended

    def doubt_amend(self, cloid: str) -> None:
        """No answer has come: ends are not believed until somebody has asked for the order."""
        if cloid in self._amending:
            self._doubted[cloid] = self._amending.pop(cloid)

    def settle(self, cloid: str) -> None:
        """Somebody has asked for the order: what is told from now on is believed."""
        if cloid in self._doubted:
            self.end_amend(cloid)

    def believes_end(self, oid: int, cloid: str) -> bool:
        """Whether the end of a number is the order's; False while it may be being replaced, which is remembered."""
        replaced = self._amending.get(cloid, self._doubted.get(cloid, -1))
        if oid > replaced:
            return True
        self._ended.add(cloid)
        return False

    def _forget(self, oid: int) -> None:
        cloid = self._cloids.pop(oid)
        self._before.pop(oid, None)
        if cloid and self._newest.get(cloid) == oid:
            del self._newest[cloid]
