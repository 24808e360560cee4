"""A recorded market through the whole engine: every frame, every candle, every fill, as its own process."""

import asyncio
import csv
import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.audit import unfinished, violations
from tests.support.daemon import Daemon, a_daemon, query

FRAMES = 99_574

pytestmark = pytest.mark.slow


def is_finished(daemon: Daemon) -> bool:
    """Whether the replay of the newest start has come to its end."""
    return "replay_finished" in daemon.output.rsplit("replay_started", 1)[-1]


def oracle(fixtures_dir: Path) -> list[tuple[int, ...] | tuple[object, ...]]:
    """The exchange's own candles of the recorded minutes: (open time in ns, open, high, low, close, volume, trades)."""
    with gzip.open(fixtures_dir / "derived/oracle/BTCUSDT-1m-from-recorded-trades.csv.gz", "rt") as file:
        return [
            (
                int(row["open_time_ms"]) * 1_000_000,
                *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")),
                int(row["trades"]),
            )
            for row in csv.DictReader(file)
        ]


async def candles(url: str) -> list[tuple[object, ...]]:
    rows = await query(
        url,
        """
        select (extract(epoch from open_time) * 1000)::bigint * 1000000 as at,
               open_price, high_price, low_price, close_price, volume, trades_count
        from market_data_ohlcv where timeframe = '1m' and symbol = 'BTC/USDT' order by open_time
        """,
    )
    return [tuple(row.values()) for row in rows]


@pytest.mark.timeout(180)
def test_the_recorded_session_ends_in_books_that_add_up(fixtures_dir: Path, tmp_path: Path, pg_cluster: Path) -> None:
    recorded = fixtures_dir / "hftbacktest/binance_spot"
    with a_daemon(tmp_path / "data", "--replay", str(recorded), "--speed", "max", cluster=pg_cluster) as daemon:
        daemon.start()
        daemon.wait_for(lambda: is_finished(daemon), "end of the replay", 120)
        url = daemon.reader_url()
        daemon.wait_for(lambda: len(asyncio.run(candles(url))) >= 10, "candles", 20)

        finished = daemon.output.rsplit('"event":"replay_finished"', 1)[-1]
        assert f'"frames":{FRAMES},"errors":0' in finished
        assert '"event":"book_gap"' not in daemon.output
        assert asyncio.run(candles(url)) == oracle(fixtures_dir)

        assert asyncio.run(violations(url)) == {}
        assert asyncio.run(unfinished(url)) == 0
        traded = asyncio.run(query(url, "select count(*) as n from trades where correlation_id is not null"))[0]["n"]
        agents = asyncio.run(query(url, "select count(distinct agent_id) as n from orders where origin = 'agent'"))
        assert traded > 0
        assert agents[0]["n"] >= 1

        status, _ = daemon.readiness()
        assert status == 200, "at the end of the data the engine stays up and ready"
        assert daemon.stop() == 0
