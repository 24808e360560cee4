"""A PostgreSQL on a file system that is really full: cancels leave, orders do not, and with room again all is there.

Needs a mount, which root has on most machines; where it is not granted, `test_database_faults.py` alone tells what the
engine does when the server says SQLSTATE 53100.
"""

import asyncio
import errno
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.clock import WallClock
from storage import embedded
from storage.pg_cluster import PGDATA
from storage.roles import DatabaseRole
from tests.support.acceptance import Scene, a_scene
from tests.support.daemon import stop_database
from tests.support.postgres import copy_cluster

SIZE = "160m"
"""Of the file system: the cluster takes 50 MB, and its log may grow while the engine starts."""
ORDERS_MAX = 400

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def mount(folder: Path) -> bool:
    """Give a folder a file system of its own; False where this machine does not grant it."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    # Lazily: a server that is ending may hold its files for a moment.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        granted = mount(Path(folder))
        if granted:
            unmount(Path(folder))
    return granted


DISKS = ["tmpfs"] if can_mount() else []
"""Known when tests are collected: a test that this machine cannot run is not one that was skipped."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    assert mount(folder)
    try:
        yield folder
    finally:
        unmount(folder)


@pytest.fixture
def scene(tmp_path: Path, pg_cluster: Path, disk: Path) -> Iterator[Scene]:
    copy_cluster(pg_cluster, disk / PGDATA)
    server = start_server(disk)
    try:
        url = server.endpoints().of(DatabaseRole.ADMIN).url
        with a_scene(tmp_path, url=url, DATABASE_URL=url) as scene:
            yield scene.start()
    finally:
        stop_database(disk)


def start_server(folder: Path) -> embedded.EmbeddedPostgres:
    return asyncio.run(embedded.start(folder, clock=WallClock(), environ=os.environ))


def fill_up(disk: Path) -> Path:
    """Take all the room that is left, to the last block."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as ballast:
        while has_room(ballast):
            pass
    return path


def has_room(ballast: FileIO) -> bool:
    try:
        return ballast.write(bytes(4096)) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


def is_away(scene: Scene) -> bool:
    status, body = scene.daemon.readiness()
    return status == 503 and not {part["part"]: part["ready"] for part in body["parts"]}["database"]


def first_refused(scene: Scene) -> tuple[str, Any]:
    """Place orders until the disk is found full; pages that have room take the first ones."""
    for number in range(ORDERS_MAX):
        name = f"full-{number}"
        status, answer = scene.post(scene.body(client_order_id=name))
        if status not in {201, 202}:
            return name, (status, answer)
    pytest.fail(f"{ORDERS_MAX} orders found room on a full disk")


@pytest.mark.parametrize("kind", DISKS)
def test_on_a_disk_without_room_cancels_leave_and_orders_do_not(kind: str, scene: Scene, disk: Path) -> None:
    assert kind == "tmpfs"
    cancelled = scene.rest()
    ballast = fill_up(disk)
    name, (status, answer) = first_refused(scene)
    assert status in {503, 504}, (name, answer)
    scene.daemon.wait_for(lambda: is_away(scene), "the database to count as away", 20)

    began_ns = time.time_ns()
    assert scene.post(scene.body(client_order_id="while-full"))[0] == 503
    status, answer = scene.cancel(cancelled)
    assert (status, answer["durable"]) == (202, False)
    wanted = cancelled["venue_client_id"]
    scene.daemon.wait_for(lambda: [c.client_id for c in scene.venue.heard("VenueCancel")] == [wanted], "the cancel", 5)
    assert [each for each in scene.venue.heard("VenueSubmit") if each.at_ns >= began_ns] == [], "no order left"

    ballast.unlink()
    restart_if_down(disk)
    scene.daemon.wait_for(scene.is_ready, "readiness", 60)
    scene.until(cancelled, status="cancelled")
    scene.until(scene.place(), status="filled")
    scene.assert_same_books()
    assert "while-full" not in {row["client_order_id"] for row in scene.books().rows["orders"]}


def restart_if_down(disk: Path) -> None:
    """Start the server again as an administrator would: without room for its log PostgreSQL ends itself."""
    if not (disk / PGDATA / "postmaster.pid").exists():
        start_server(disk)
        return
    stop_database(disk, signal.SIGINT)
    start_server(disk)
