"""Adapters of live venues and what they share."""

from pathlib import Path
from uuid import UUID

import pytest

from engine.bootstrap.exchanges import Exchanges
from engine.domain.errors import ConfigError
from engine.domain.identifiers import AccountId
from engine.runtime.clock import WallClock
from engine.runtime.secret import Secret
from tests.support.host import settings_of

TEXT = """
[market]
source = "live"
venues = ["coinbase"]
symbols = ["BTC/USD"]

[venues.coinbase]
rest_url = "http://127.0.0.1:1/"
ws_url = "ws://127.0.0.1:2"
rate_share = 0.5
"""


@pytest.mark.asyncio
async def test_all_adapters_of_a_venue_share_its_budget_and_its_addresses(tmp_path: Path) -> None:
    exchanges = Exchanges(settings_of(tmp_path, TEXT), WallClock())
    public = exchanges.public("coinbase")
    private = exchanges.private(
        "coinbase",
        AccountId(UUID(int=1)),
        credentials={"key": Secret("name"), "secret": Secret("hush")},
        instruments={},
        since_ns=1,
    )
    bridge = exchanges.bridge("coinbase")
    for adapter in (public, private):
        assert adapter.venue == "coinbase"
        assert adapter.wire.bridge is bridge  # type: ignore[attr-defined]
        api = adapter.wire.urls["api"]  # type: ignore[attr-defined]
        assert (api["rest"], api["ws"]) == ("http://127.0.0.1:1", "ws://127.0.0.1:2/ws")
    assert bridge.budgets.usage is not None
    assert "hush" not in repr(vars(private))
    await public.close()
    await private.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(("text", "checks"), [(TEXT, True), (TEXT + "check_sequence = false\n", False)])
async def test_the_check_of_numbers_can_be_turned_off(tmp_path: Path, text: str, checks: bool) -> None:
    exchanges = Exchanges(settings_of(tmp_path, text), WallClock())
    public = exchanges.public("coinbase")
    (plan,) = public.streams(["BTC/USD"], public.channels)
    await plan.opening()
    frame = b'{"channel":"status","sequence_num":%d,"events":[]}'
    plan.parse(frame % 0, 1)
    assert bool(plan.parse(frame % 7, 1)) is checks
    await public.close()


def test_a_venue_that_nobody_knows_is_one_line(tmp_path: Path) -> None:
    exchanges = Exchanges(settings_of(tmp_path, TEXT), WallClock())
    with pytest.raises(ConfigError, match=r"market\.venues: expected exchanges of .*, was 'nowhere'"):
        exchanges.public("nowhere")
