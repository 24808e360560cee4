"""Who takes the orders of the market's venue."""

from pathlib import Path

import pytest

from config.settings import Settings
from connectors.paper.venue import PaperVenue
from connectors.remote.connector import RemoteVenue
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.market import Market, prepare_markets
from engine.bootstrap.venues import VenuePorts, venue_parts, venue_token
from engine.domain.errors import ConfigError
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from storage.memory import MemoryPaperStore
from tests.connectors.remote.support import Permit
from tests.support.host import live_venues, settings_of

REMOTE = """
[market]
venues = ["mars"]

[venues.mars]
kind = "remote"
url = "tcp://127.0.0.1:9000"
token = "env:MARS_TOKEN"
"""


def ports(environ: dict[str, str]) -> VenuePorts:
    wall, rng = VirtualClock(), seeded_rng(1)
    return VenuePorts(
        bus=Bus(), wall=wall, ids=Ids(wall, rng), rng=rng, paper=MemoryPaperStore(), permit=Permit(), environ=environ,
        exchanges=Exchanges(Settings(), wall), version="9",
    )  # fmt: skip


async def market_of(settings: Settings, folder: Path) -> Market:
    feeds = live_venues(settings, folder)
    return (await prepare_markets(settings, VirtualClock(), feeds)).each[0]


@pytest.mark.asyncio
async def test_a_venue_that_is_not_named_is_played_on_paper(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    parts = venue_parts(settings, await market_of(settings, tmp_path), ports({}))
    assert (parts.actor_class, parts.name) == (PaperVenue, "paper/simulated")


@pytest.mark.asyncio
async def test_a_remote_venue_is_dialled_with_its_token(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, REMOTE)
    parts = venue_parts(settings, await market_of(settings, tmp_path), ports({"MARS_TOKEN": "sesame"}))
    assert (parts.actor_class, parts.name) == (RemoteVenue, "remote/mars")
    given = parts.collaborators
    assert (given["venue"], given["engine"], given["token"].reveal()) == ("mars", "cival 9", "sesame")
    assert "sesame" not in repr(parts)


def test_a_token_that_is_not_there_is_a_line_about_its_key(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, REMOTE)
    with pytest.raises(ConfigError, match=r"venues\.mars\.token: expected the environment variable MARS_TOKEN"):
        venue_token(settings, "mars", {})
    assert venue_token(settings_of(tmp_path, REMOTE.replace("env:MARS_TOKEN", "")), "mars", {}) is None
