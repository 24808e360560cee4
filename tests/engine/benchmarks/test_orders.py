"""The benchmark of orders has each venue accept what we send, and repeats the very bytes."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from engine.benchmarks import orders
from engine.benchmarks.orders import CASES, Case, Path, _Permit
from engine.benchmarks.venue_server import Server, Told

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_order_is_accepted_and_sent_again_byte_for_byte(server: Server, case: Case) -> None:
    async def trade() -> list[Told]:
        path = Path(case, server.url)
        await path.open()
        await path.ours(2)
        found = [await told(path)]
        await path.bare(2)
        found.append(await told(path))
        await path.close()
        return [path._told, *found]

    first, ours, repeated = asyncio.run(asyncio.wait_for(trade(), 20))
    assert (repeated.path, repeated.body) == (first.path, first.body)
    assert ours.body != first.body
    signed = {"x-mbx-apikey", "authorization"}
    both = [{name: each.headers[name] for name in each.headers if name.lower() in signed} for each in (first, repeated)]
    assert both[0] == both[1]


async def told(path: Path) -> Told:
    async with path._session.get(f"{path._url}/told") as answer:
        return msgspec.json.decode(await answer.read(), type=Told)


def test_an_order_that_is_not_accepted_ends_the_run(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trade() -> None:
        path = Path(CASES[0], server.url)
        await path.open()
        try:
            monkeypatch.setattr(_Permit, "may_send", lambda *_: False)
            await path.ours(1)
        finally:
            await path.close()

    with pytest.raises(AssertionError, match="fenced"):
        asyncio.run(asyncio.wait_for(trade(), 20))


def test_it_measures_each_path_by_the_clock_and_in_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "ORDERS", 3)
    results = orders.run(1)
    assert [result.name.rpartition(", ")[2] for result in results] == ["by the clock", "CPU"] * len(CASES)
    assert all(result.ours_value > 0 for result in results)
    assert [result.goal for result in results if result.goal] == [4.0, 4.0, 5.0]
