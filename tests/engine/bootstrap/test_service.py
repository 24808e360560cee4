"""What the service manager hears, on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.bootstrap.service import ServiceManager


@pytest.fixture
def manager_socket(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(5)
        yield sock, path


def test_the_manager_hears_of_a_whole_life(manager_socket: tuple[socket.socket, str]) -> None:
    sock, path = manager_socket
    service = ServiceManager({"NOTIFY_SOCKET": path})
    service.ready("1 account")
    service.alive()
    service.reloading(123)
    service.ready_again()
    service.status("draining")
    service.stopping()
    heard = [sock.recv(1000).decode() for _ in range(6)]
    assert heard == [
        "READY=1\nSTATUS=1 account",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=123",
        "READY=1\nSTATUS=1 account",
        "STATUS=draining",
        "STOPPING=1",
    ]


def test_an_abstract_socket_is_reached() -> None:
    name = f"cival-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": "@" + name}).alive()
        assert sock.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    ServiceManager({}).ready("alone")
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1_000_000_000),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 1_000_000_000),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "many"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_three_times_per_interval(environ: dict[str, str], expected: int | None) -> None:
    assert ServiceManager(environ, pid=7).watchdog_interval_ns == expected
