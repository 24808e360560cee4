"""Which public trades have been told: a subscription to `trades` begins with a replay of the last thirty."""

from typing import Final

KEPT: Final = 2_000
"""Trade ids remembered per market; the oldest leave first. A replay reaches back thirty."""


class RecentTrades:
    """Remembers the ids of trades, a bounded number per market. They do not grow, so each is looked up."""

    def __init__(self, kept: int = KEPT) -> None:
        """Remember `kept` ids per market."""
        self._kept = kept
        self._seen: dict[str, dict[int, None]] = {}

    def is_new(self, coin: str, trade_id: int) -> bool:
        """Tell whether a trade has not been told before, and remember it."""
        seen = self._seen.get(coin)
        if seen is None:
            seen = self._seen[coin] = {}
        if trade_id in seen:
            return False
        seen[trade_id] = None
        if len(seen) > self._kept:
            del seen[next(iter(seen))]
        return True
