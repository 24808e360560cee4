"""A replay of public trades gives nothing twice."""

from connectors.hyperliquid.recent import RecentTrades


def test_a_trade_is_new_once_per_market() -> None:
    recent = RecentTrades()
    assert [recent.is_new(coin, 5) for coin in ("BTC", "BTC", "ETH", "ETH")] == [True, False, True, False]


def test_the_oldest_is_forgotten_first() -> None:
    recent = RecentTrades(kept=3)
    assert all(recent.is_new("BTC", number) for number in range(4))
    assert [recent.is_new("BTC", number) for number in (3, 2, 1, 0)] == [False, False, False, True]
