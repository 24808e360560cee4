"""Token buckets per token and per address, and the headers that tell clients where they stand."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from actors.api.problems import Problem
from engine.domain.ports import Clock

NS_PER_S: Final = 1_000_000_000
BUCKETS_MAX: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    level_ns: int
    """Time's worth of requests that may still come."""
    at_ns: int


@dataclass(frozen=True, slots=True)
class RateState:
    """Where a client stands after a request."""

    limit: int
    """Requests of a full bucket."""
    remaining: int
    reset_s: int
    """Seconds until the bucket is full again."""

    @property
    def headers(self) -> dict[str, str]:
        """The `RateLimit-*` headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class RateLimiter:
    """Buckets of one rate, by key."""

    def __init__(self, clock: Clock, per_second: int, *, burst_s: int = 2) -> None:
        """Allow `per_second` requests, and a burst of `burst_s` seconds' worth."""
        self._clock = clock
        self._limit = per_second * burst_s
        self._cost_ns = NS_PER_S // per_second
        self._full_ns = self._limit * self._cost_ns
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, key: Hashable) -> RateState:
        """Count a request.

        Raises:
            Problem: 429 with `Retry-After`: the bucket is empty.
        """
        now_ns = self._clock.monotonic_ns()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._full_ns, now_ns)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        bucket.level_ns = min(self._full_ns, bucket.level_ns + now_ns - bucket.at_ns)
        bucket.at_ns = now_ns
        is_allowed = bucket.level_ns >= self._cost_ns
        if is_allowed:
            bucket.level_ns -= self._cost_ns
        state = RateState(self._limit, bucket.level_ns // self._cost_ns, _seconds(self._full_ns - bucket.level_ns))
        if not is_allowed:
            wait_s = max(1, _seconds(self._cost_ns - bucket.level_ns))
            headers = {"Retry-After": str(wait_s)} | state.headers
            raise Problem(429, "rate_limited", f"more than {self._limit} requests at once", headers=headers)
        return state


def _seconds(ns: int) -> int:
    return -(-ns // NS_PER_S)
