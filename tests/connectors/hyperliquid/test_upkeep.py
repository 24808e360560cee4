"""People are told in time what would stop an account one day."""

from pathlib import Path

import msgspec
import pytest

from connectors.bridge.exchange import Bridge
from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.upkeep import warnings_of
from engine.runtime.clock import WallClock
from tests.support.hyperliquid import answer_of
from tests.support.venues.hyperliquid import HyperliquidSimulator
from tests.support.venues.hyperliquid_rig import HyperliquidRig

DAY_MS = 86_400_000


@pytest.mark.asyncio
@pytest.mark.parametrize(("days", "used", "kinds"), [(8, 9_000, []), (6, 9_001, ["key_expires", "requests_used_up"])])
async def test_a_key_that_ends_soon_and_requests_that_run_out_are_told(days: int, used: int, kinds: list[str]) -> None:
    async with HyperliquidSimulator() as venue:
        ann = venue.add_account("ann")
        venue.info.keys_end_ms, venue.info.requests_used = venue.clock.now_ms() + days * DAY_MS, used
        exchange = Hyperliquid(Bridge(Hyperliquid.limits, WallClock()), urls=venue.urls())
        found = await warnings_of(exchange, ann.api_key, ann.secret, venue.clock.now_ns())
        assert sorted(found) == kinds
        own = await warnings_of(exchange, ann.api_key, ann.api_key, venue.clock.now_ns())
        assert "key_expires" not in own
        await exchange.close()


@pytest.mark.asyncio
async def test_each_is_told_once_and_looked_for_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HyperliquidRig() as rig:
        rig.server.info.keys_end_ms = rig.server.clock.now_ms() + DAY_MS
        adapter = rig.adapter(WallClock())
        await adapter.tend()
        assert not rig.server.log.requests("POST /info#extraAgents")
        await adapter.open()
        told: list[tuple[str, str]] = []
        monkeypatch.setattr(adapter._log, "warning", lambda event, **fields: told.append((event, fields["why"])))
        await adapter.tend()
        await adapter.tend()
        adapter._looked_ns = None
        await adapter.tend()
        ((event, why),) = told
        assert (event, "1.0 days" in why) == ("key_expires", True)
        assert len(rig.server.log.requests("POST /info#extraAgents")) == 2
        await adapter.close()


def test_the_documented_agents_are_read(fixtures_dir: Path) -> None:
    (agent,) = msgspec.json.decode(answer_of(fixtures_dir, "Spot.Account.GetExtraAgents"), type=tuple[wire.Agent, ...])
    assert agent.validUntil == 1_736_927_066_501
