"""The whole engine in this process, on exchanges that are simulated on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import aiohttp

from engine.bootstrap.engine import Engine
from engine.bootstrap.service import ServiceManager
from engine.runtime.lifecycle import Lifecycle
from storage.pg_cluster import PGDATA
from tests.support.daemon import stop_database
from tests.support.host import settings_of
from tests.support.postgres import PostgresServer
from tests.support.venues.core import SimMarket
from tests.support.venues.kit import VenueServer


class RunningEngine:
    """An engine, asked over HTTP as its first admin."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession) -> None:
        self.engine = engine
        self._session = session
        self._token = (engine.data_dir / "local-token").read_text().strip()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = self.engine.url + (path if path.startswith(("/readyz", "/metrics")) else f"/api/v1{path}")
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            try:
                return answer.status, await answer.json(content_type=None)
            except ValueError:
                return answer.status, text

    async def items(self, path: str) -> list[dict[str, Any]]:
        status, body = await self.call("GET", path)
        assert status == 200, body
        found: list[dict[str, Any]] = body["items"]
        return found

    async def account(self, name: str) -> dict[str, Any]:
        return next(each for each in await self.items("/accounts") if each["name"] == name)

    def reason(self, part: str) -> str | None:
        """Why a part is not ready; None if it is."""
        state = next(each for each in self.engine.readiness.parts() if each.part == part)
        return None if state.ready else state.reason or "?"

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            parts = {each.part: each.reason for each in self.engine.readiness.parts() if not each.ready}
            assert time.monotonic() < deadline, f"no {what}: {parts}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def a_live_engine(pg_server: PostgresServer, folder: Path, text: str) -> AsyncIterator[RunningEngine]:
    """Start an engine with a configuration; `[server] port` is added."""

    def failed(name: str, error: BaseException) -> None:
        raise AssertionError(f"{name}: {error!r}")

    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet.
    settings = settings_of(folder, text + "\n[server]\nport = 0\n")
    data_dir = folder / "data"
    engine = Engine(lambda: settings, data_dir, ServiceManager({}), failed)
    await engine.prepare()
    if not (data_dir / PGDATA).exists():
        pg_server.copy_to(data_dir)
    lifecycle = Lifecycle(engine.wall)
    try:
        await lifecycle.start(engine.stages())
        async with aiohttp.ClientSession() as session:
            yield RunningEngine(engine, session)
    finally:
        ended = await lifecycle.stop()
        stop_database(data_dir)
    assert [stage.error for stage in ended] == [None] * len(engine.stages())


class Street:
    """Keeps a simulated venue's books moving, so that nothing is silent."""

    def __init__(self, venue: VenueServer) -> None:
        self._venue = venue
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._move())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _move(self) -> None:
        number = 0
        while True:
            number += 1
            for market in self._venue.exchange.markets.values():
                self._change(market, number)
            await asyncio.sleep(0.05)

    def _change(self, market: SimMarket, number: int) -> None:
        price = min(market.bids)
        self._venue.exchange.set_levels(market.symbol, bids=[(price, Decimal(1 + number % 5))])
