"""Public market data."""

import pytest

from tests.support.api import ApiRig

pytestmark = pytest.mark.asyncio


async def test_pairs_and_venues_are_listed(rig: ApiRig) -> None:
    (pair,) = (await rig.get("/market/pairs?exchange=simulated&symbol=BTC/USDT"))["items"]
    assert (pair["tick_size"], pair["base_asset"]) == ("0.01", "BTC")
    assert (await rig.get("/market/pairs?symbol=X/Y"))["items"] == []
    (venue,) = (await rig.get("/exchanges"))["items"]
    assert (venue["exchange"], venue["status"], venue["response_time_ms"]) == ("simulated", "online", 1)


async def test_candles_need_a_venue_a_symbol_and_a_known_timeframe(rig: ApiRig) -> None:
    wrong = (
        "", "exchange=simulated", "exchange=simulated&symbol=BTC", "exchange=simulated&symbol=BTC/USDT&timeframe=2m",
        "exchange=simulated&symbol=BTC/USDT&limit=0", "exchange=%00&symbol=BTC/USDT",
    )  # fmt: skip
    assert [(await rig.call("GET", f"/market/ohlcv?{query}")).status for query in wrong] == [422] * len(wrong)


async def test_candles_tickers_and_books_are_lists(rig: ApiRig) -> None:
    for path in ("ohlcv?exchange=simulated&symbol=BTC/USDT&timeframe=1h&limit=5000", "tickers", "books"):
        assert (await rig.get(f"/market/{path}"))["items"] == []
