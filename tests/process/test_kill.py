"""`kill -9` in the middle of a replay, again and again: no order lost, none doubled, the journal without a hole."""

import asyncio
import os
import random
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.process.test_replay import is_finished
from tests.support.audit import unfinished, violations
from tests.support.daemon import Daemon, a_daemon, query

KILLS = int(os.environ.get("CIVAL_KILLS", "4"))
"""Kills of one run; `CIVAL_KILLS=10` for the long one."""
CHANNELS = ["orders", "trades", "positions", "balances", "signals", "agents", "control"]
STORED = "select seq, prev_seq, channel from events where channel = any($1::text[]) order by seq"

pytestmark = pytest.mark.slow


class Follower:
    """A client of the stream that resumes after each crash with what it has seen last."""

    def __init__(self) -> None:
        self.since = 0
        self.seen: list[tuple[int, int, str]] = []

    async def follow(self, daemon: Daemon, until: float) -> None:
        """Collect events from `since` on, until a moment of the monotonic clock or the end of the connection."""
        headers = {"Authorization": f"Bearer {daemon.token}"}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(
                    daemon.url + "/api/v1/stream", headers=headers, protocols=("cival.v1",), max_msg_size=0
                ) as socket,
            ):
                await socket.send_json({"op": "subscribe", "id": 1, "channels": CHANNELS, "since": self.since})
                while (left := until - time.monotonic()) > 0:
                    self._take(await asyncio.wait_for(socket.receive_json(), left))
        except (TimeoutError, aiohttp.ClientError, TypeError, OSError):
            return  # The time is over, or the engine was killed: a client cannot tell and need not.

    def _take(self, frame: dict[str, Any]) -> None:
        assert frame["op"] != "error", frame
        if frame["op"] == "event":
            self.seen.append((frame["seq"], frame["prev"], frame["channel"]))
            self.since = frame["seq"]


def seed() -> int:
    return int(os.environ.get("CIVAL_SEED", secrets.randbelow(1_000_000)))


@pytest.mark.timeout(400)
def test_kills_at_random_moments_lose_and_double_nothing(fixtures_dir: Path, tmp_path: Path, pg_cluster: Path) -> None:
    chosen = seed()
    print(f"CIVAL_SEED={chosen}")
    rng = random.Random(chosen)
    recorded = fixtures_dir / "hftbacktest/binance_spot"
    follower = Follower()
    with a_daemon(tmp_path / "data", "--replay", str(recorded), "--speed", "20", cluster=pg_cluster) as daemon:
        for _ in range(KILLS):
            daemon.start()
            asyncio.run(follower.follow(daemon, time.monotonic() + rng.uniform(0.1, 2.5)))
            daemon.kill()
        daemon.arguments[daemon.arguments.index("20")] = "max"
        daemon.start()
        daemon.wait_for(lambda: is_finished(daemon), "end of the replay", 120)
        url = daemon.reader_url()
        # What a kill left open is known at the latest when its order can no longer reach the venue.
        daemon.wait_for(lambda: asyncio.run(unfinished(url)) == 0, "the outcome of every order", 40)
        head = asyncio.run(query(url, STORED, CHANNELS))[-1]["seq"]
        asyncio.run(_until(follower, daemon, head))
        assert follower.since >= head
        stored = [row for row in asyncio.run(query(url, STORED, CHANNELS)) if row["seq"] <= follower.since]

        assert asyncio.run(violations(url)) == {}
        assert follower.seen == [tuple(row.values()) for row in stored], "the client saw every event once, in order"
        assert len(follower.seen) > 100
        assert daemon.stop() == 0


async def _until(follower: Follower, daemon: Daemon, head: int) -> None:
    deadline = time.monotonic() + 30
    while follower.since < head and time.monotonic() < deadline:
        await follower.follow(daemon, time.monotonic() + 2)
