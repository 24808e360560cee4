"""A served PostgreSQL that is slow, loses answers, dies, or is full: what left the engine is what its venue shows.

The venue is the witness: it writes down when which request reached it. A full disk is here what the server says of it,
SQLSTATE 53100, raised by a trigger; `test_full_disk.py` fills one.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from engine.runtime.clock import WallClock
from storage import embedded
from storage.pg_cluster import PGDATA
from storage.roles import DatabaseRole
from tests.support.acceptance import Scene, a_scene
from tests.support.daemon import stop_database
from tests.support.pg_proxy import Fault, Proxy, proxied_beside
from tests.support.postgres import copy_cluster

AWAY_S = float(os.environ.get("CIVAL_AWAY_S", "3"))
"""How long the database is away; `CIVAL_AWAY_S=60` for the long one."""
SLOW_S = 0.3
LOST_COMMITS = 6
FULL = """
    create function disk_is_full() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
    create trigger disk_is_full before insert on write_units for each row execute function disk_is_full();
"""
ROOM = "drop function disk_is_full cascade"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 2 * int(AWAY_S))]


class Served(NamedTuple):
    """A scene on a database that is not the engine's."""

    scene: Scene
    proxy: Proxy
    folder: Path
    """Of the server's data."""
    url: str
    """Of the superuser, past the proxy."""


def start_server(folder: Path) -> embedded.EmbeddedPostgres:
    return asyncio.run(embedded.start(folder, clock=WallClock(), environ=os.environ))


def execute(url: str, sql: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(work())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, pg_cluster: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("faults")
    data = folder / "served"
    data.mkdir(mode=0o700)
    copy_cluster(pg_cluster, data / PGDATA)
    server = start_server(data)
    try:
        direct = server.endpoints().of(DatabaseRole.ADMIN).url
        with (
            proxied_beside(server.socket_directory, embedded.DATABASE) as (proxy, endpoints),
            a_scene(folder, url=direct, DATABASE_URL=endpoints.of(DatabaseRole.ADMIN).url) as scene,
        ):
            yield Served(scene.start(), proxy, data, direct)
    finally:
        stop_database(data)


def reasons(scene: Scene) -> str:
    """Return why the engine is not ready; empty if it is."""
    status, body = scene.daemon.readiness()
    parts = {part["part"]: part for part in body.get("parts", [])}
    return "" if status == 200 or parts["database"]["ready"] else str(parts["database"]["reason"])


def heard(scene: Scene, kind: str, since_ns: int = 0) -> list[str | None]:
    return [each.client_id for each in scene.venue.heard(kind) if each.at_ns >= since_ns]


def test_a_slow_database_slows_orders_and_spoils_none(served: Served) -> None:
    scene, proxy = served.scene, served.proxy
    proxy.delay_s = SLOW_S
    try:
        began = time.monotonic()
        orders = [scene.place(wait=True), scene.place(scene.resting(), wait=True)]
        assert time.monotonic() - began > SLOW_S, "an order waits for its commit"
        scene.cancel(orders[1])
        scene.until(orders[0], status="filled")
        scene.until(orders[1], status="cancelled")
    finally:
        proxy.delay_s = 0.0
    scene.assert_same_books()


def test_commits_whose_answer_is_lost_count_once(served: Served) -> None:
    scene, proxy = served.scene, served.proxy
    struck = proxy.struck
    names = [f"lost-answer-{number}" for number in range(LOST_COMMITS)]
    for name in names:
        proxy.fault = Fault.LOSE_COMMIT
        status, answer = scene.post(scene.body(client_order_id=name), wait=True)
        assert status in {201, 202, 503}, answer
        scene.daemon.wait_for(lambda: proxy.fault is Fault.NONE, "a commit", 20)
        scene.daemon.wait_for(scene.is_ready, "readiness", 20)
    assert proxy.struck - struck == LOST_COMMITS
    scene.assert_same_books()
    stored = [row["client_order_id"] for row in scene.books().rows["orders"]]
    assert [stored.count(name) for name in names] == [1] * LOST_COMMITS


def test_while_the_database_is_dead_cancels_leave_and_orders_do_not(served: Served) -> None:
    scene = served.scene
    cancelled, filled = scene.rest(), scene.rest()
    began, began_ns = time.monotonic(), time.time_ns()
    stop_database(served.folder, signal.SIGQUIT)  # An immediate shutdown, as a crash of the server.
    scene.daemon.wait_for(lambda: reasons(scene), "the reason", 20)

    assert scene.post(scene.body(client_order_id="while-dead"))[0] == 503
    status, answer = scene.cancel(cancelled)
    assert (status, answer["durable"]) == (202, False)
    scene.daemon.wait_for(lambda: heard(scene, "VenueCancel", began_ns) == [cancelled["venue_client_id"]], "it", 5)
    scene.venue.fill(filled["venue_client_id"], "0.003")
    time.sleep(max(0.0, AWAY_S - (time.monotonic() - began)))
    assert heard(scene, "VenueSubmit", began_ns) == [], "no order left"

    start_server(served.folder)
    scene.daemon.wait_for(scene.is_ready, "readiness", 30)
    scene.until(cancelled, status="cancelled")
    scene.until(filled, filled_quantity="0.003")
    scene.cancel(filled)
    scene.until(filled, status="cancelled")
    scene.assert_same_books()
    assert "while-dead" not in {row["client_order_id"] for row in scene.books().rows["orders"]}


def test_on_a_full_disk_cancels_leave_and_orders_do_not(served: Served) -> None:
    scene = served.scene
    cancelled = scene.rest()
    execute(served.url, FULL)
    began_ns = time.time_ns()
    try:
        # The first one finds it out, and nobody can say yet whether it will be stored.
        assert scene.post(scene.body(client_order_id="finds-it-full"))[0] in {503, 504}
        assert scene.daemon.wait_for(lambda: reasons(scene), "the reason", 20)
        assert scene.post(scene.body(client_order_id="while-full"))[0] == 503
        status, answer = scene.cancel(cancelled)
        assert (status, answer["durable"]) == (202, False)
        scene.daemon.wait_for(lambda: heard(scene, "VenueCancel", began_ns) == [cancelled["venue_client_id"]], "it", 5)
        assert heard(scene, "VenueSubmit", began_ns) == [], "no order left"
    finally:
        execute(served.url, ROOM)
    scene.daemon.wait_for(scene.is_ready, "readiness", 30)
    scene.until(cancelled, status="cancelled")
    scene.until(scene.place(), status="filled")
    scene.assert_same_books()
    rows = {row["client_order_id"]: row for row in scene.books().rows["orders"]}
    assert "while-full" not in rows
    late = [row["venue_client_id"] for name, row in rows.items() if name == "finds-it-full"]
    assert scene.venue.arrivals().keys().isdisjoint(late), "what could not be stored in time has not left later either"
