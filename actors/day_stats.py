"""Volume and change of the last 24 hours, as far as trades were seen."""

from collections import deque
from decimal import Decimal
from typing import Final

from engine.domain.bars import DAY_NS
from engine.domain.values import HUNDRED, ZERO, add, divide, multiply, round_money, subtract

BUCKET_NS: Final = 60_000_000_000
"""The window moves in steps of this length."""
CHANGE_DECIMALS: Final = 4


class DayStats:
    """Of one symbol. Holds one bucket for each minute that had a trade, at most 1,441."""

    __slots__ = ("_buckets", "last", "volume")

    def __init__(self) -> None:
        """Start with no trade seen."""
        self._buckets: deque[_Bucket] = deque()
        self.volume = ZERO
        """Base units traded in the window."""
        self.last: Decimal | None = None
        """Price of the newest trade."""

    def push(self, ts_ns: int, price: Decimal, quantity: Decimal) -> None:
        """Add a trade; times may step back a little, they never open an older bucket again."""
        buckets = self._buckets
        start_ns = ts_ns - ts_ns % BUCKET_NS
        if not buckets or start_ns > buckets[-1].start_ns:
            self.expire(ts_ns)
            buckets.append(_Bucket(start_ns, price))
        bucket = buckets[-1]
        bucket.volume = add(bucket.volume, quantity)
        self.volume = add(self.volume, quantity)
        self.last = price

    def expire(self, now_ns: int) -> None:
        """Drop what is older than 24 hours at `now_ns`."""
        buckets = self._buckets
        while buckets and buckets[0].start_ns <= now_ns - DAY_NS:
            self.volume = subtract(self.volume, buckets.popleft().volume)

    @property
    def change_percent(self) -> Decimal | None:
        """Change from the first price of the window to the last, in percent; None before the first trade."""
        if self.last is None or not self._buckets:
            return None
        first = self._buckets[0].open
        return round_money(multiply(divide(subtract(self.last, first), first), HUNDRED), CHANGE_DECIMALS)


class _Bucket:
    __slots__ = ("open", "start_ns", "volume")

    def __init__(self, start_ns: int, price: Decimal) -> None:
        self.start_ns = start_ns
        self.open = price
        self.volume = ZERO
