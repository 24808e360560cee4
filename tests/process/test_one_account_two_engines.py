"""Two engines on one account, and a venue as the witness: only who has the lease sends, and who wakes up sends nothing.

The venue writes down when which request came and under which fence, so that what a frozen owner does when it wakes is
seen where it would do harm.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.clock import WallClock
from storage import embedded
from storage.pg_cluster import PGDATA
from storage.roles import DatabaseRole
from tests.process.test_two_daemons import stands_by
from tests.support.acceptance import GONE, Scene, a_scene
from tests.support.daemon import a_daemon, stop_database
from tests.support.postgres import copy_cluster

TTL_S = 10.0
FROZEN_S = float(os.environ.get("CIVAL_FROZEN_S", "0"))
"""How long the owner stays frozen, at least until the other has taken over; `CIVAL_FROZEN_S=60` for the long one."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180 + int(FROZEN_S))]


@pytest.fixture
def url(tmp_path: Path, pg_cluster: Path) -> Iterator[str]:
    data = tmp_path / "served"
    data.mkdir(mode=0o700)
    copy_cluster(pg_cluster, data / PGDATA)
    server = asyncio.run(embedded.start(data, clock=WallClock(), environ=os.environ))
    try:
        yield server.endpoints().of(DatabaseRole.ADMIN).url
    finally:
        stop_database(data)


def submits(scene: Scene) -> list[tuple[int, int, str]]:
    """Return what the venue has heard of orders: (time, fence, client id)."""
    return [(each.at_ns, each.body["fence"], each.body["venue_client_id"]) for each in scene.venue.heard("VenueSubmit")]


def post_late(scene: Scene, body: dict[str, Any], answers: list[int]) -> threading.Thread:
    """Ask an engine that does not answer; it reads the request when it wakes."""

    def ask() -> None:
        try:
            answers.append(scene.post(body)[0])
        except GONE:
            answers.append(0)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_the_engine_without_the_lease_sends_nothing_even_when_it_wakes(tmp_path: Path, url: str) -> None:
    with (
        a_scene(tmp_path, url=url, DATABASE_URL=url) as first,
        a_daemon(tmp_path / "second", config=first.venue.config, DATABASE_URL=url) as daemon,
    ):
        second = Scene(daemon, first.venue, url=url)
        first.start()
        resting = first.rest()
        before = submits(first)

        daemon.start(ready=False)
        daemon.wait_for(lambda: stands_by(daemon), "the reason", 30)
        assert second.post(first.body(client_order_id="without-the-lease"))[0] == 503
        assert second.cancel(resting)[0] == 503
        assert submits(first) == before

        assert first.daemon.process is not None
        began = time.monotonic()
        os.kill(first.daemon.process.pid, signal.SIGSTOP)
        answers: list[int] = []
        late = post_late(first, first.body(client_order_id="asked-while-frozen"), answers)
        try:
            daemon.wait_for(second.is_ready, "the take-over", 3 * TTL_S)
            taken = second.place(second.body(client_order_id="after-the-take-over"), wait=True)
            second.until(taken, status="filled")
            time.sleep(max(0.0, FROZEN_S - (time.monotonic() - began)))
        finally:
            woken_ns = time.time_ns()
            os.kill(first.daemon.process.pid, signal.SIGCONT)
        first.daemon.wait_for(lambda: stands_by(first.daemon), "the frozen owner to stand by", 30)
        late.join(25)

        assert answers in ([503], [504], [0])
        assert [each for each in submits(first) if each[0] >= woken_ns] == [], "the owner that woke sent nothing"
        fences = [fence for _, fence, _ in submits(first)]
        assert fences == sorted(fences)
        assert len(set(fences)) == 2
        second.cancel(resting)
        second.until(resting, status="cancelled")
        second.assert_same_books()
        names = {row["client_order_id"] for row in second.books().rows["orders"]}
        assert "without-the-lease" not in names
        assert "asked-while-frozen" not in names
