"""The benchmark of frames reads what it says it reads, by every contestant."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from engine.benchmarks import frames
from engine.benchmarks.frames import Flow, Server

Read = Callable[[Server, Flow], Coroutine[Any, Any, int]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.mark.parametrize("kind", ["bookTicker", "trade"])
@pytest.mark.parametrize("flow", [(60, 1, 0), (60, 20, 100)], ids=["burst", "paced"])
@pytest.mark.parametrize("read", [frames.read_ours, frames.read_by_ccxt, frames.read_by_msgspec])
def test_every_contestant_sees_the_last_frame(
    server: Server, kind: str, flow: tuple[int, int, int], read: Read
) -> None:
    count, symbols, apart_us = flow
    assert asyncio.run(asyncio.wait_for(read(server, Flow(kind, count, symbols, apart_us)), 20)) == count


def test_it_measures_parsing_books_and_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PARSED", 50), ("BURST", 50), ("PACED", 20), ("MANY", 5), ("APART_US", 100)):
        monkeypatch.setattr(frames, name, value)
    results = frames.run(1)
    assert [result.name.split(",")[0] for result in results] == [
        "V1 bookTicker parsed", "V1 trade parsed", "V2 40 levels applied",
        *("V3 bookTicker" for _ in range(4)), *("V3 trade" for _ in range(4)),
    ]  # fmt: skip
    assert all(result.median > 0 for result in results)
