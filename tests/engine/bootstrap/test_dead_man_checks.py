"""A dead-man switch that a venue cannot hold is told before money moves, in one clear line."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.venue_url import UnixAddress
from connectors.paper.capabilities import capabilities
from engine.bootstrap.checks import check_venues
from engine.bootstrap.dead_man_checks import dead_man_lines
from engine.domain.capabilities import Capabilities
from tests.support.host import settings_of
from tests.support.remote_peer import HonestPeer, a_server

ACCOUNTS = """
[[accounts]]
name = "guarded"
user = "demo@localhost"
dead_man = "4s"
{more}

[[accounts]]
name = "free"
user = "demo@localhost"
"""


def an_able(**changes: Any) -> Capabilities:
    return msgspec.structs.replace(capabilities("mars"), **changes)


@pytest.mark.parametrize(
    ("able", "line"),
    [
        (
            an_able(dead_man_min_ns=4 * 10**9),
            ("ok", "simulated cancels after 4s of silence, refreshed every 1.33333 s"),
        ),
        (
            an_able(dead_man_switch=False),
            ("error", "simulated has no dead-man switch: the account would open no risk; take dead_man out"),
        ),
        (
            an_able(dead_man_min_ns=5 * 10**9),
            ("error", "4s is too short: the switch of simulated waits 5 s or more"),
        ),
        (None, ("warning", "simulated was not heard: it is not known whether it has a dead-man switch")),
    ],
)
def test_only_accounts_that_want_a_switch_are_judged(
    tmp_path: Path, able: Capabilities | None, line: tuple[str, str]
) -> None:
    settings = settings_of(tmp_path, ACCOUNTS.format(more=""))
    ((level, what, text),) = dead_man_lines(settings, able, lambda *_: True)
    assert (what, (level, text)) == ("account guarded dead_man", line)
    assert dead_man_lines(settings, able, lambda _, venue: venue == "elsewhere") == []


@pytest.mark.asyncio
async def test_the_paper_venue_has_one(tmp_path: Path) -> None:
    found = await check_venues(settings_of(tmp_path, ACCOUNTS.format(more="")))
    assert [(each.level, each.what) for each in found] == [("ok", "market"), ("ok", "account guarded dead_man")]


class Careless(HonestPeer):
    """A venue without a switch."""

    def _answers(self, body: Any) -> list[Any]:
        answers = super()._answers(body)
        declared = getattr(answers[0], "capabilities", None)
        if declared is None:
            return answers
        return [
            msgspec.structs.replace(answers[0], capabilities=msgspec.structs.replace(declared, dead_man_switch=False)),
            *answers[1:],
        ]


@pytest.mark.asyncio
async def test_a_remote_venue_is_asked(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "v.sock"))
    text = f'[market]\nvenues = ["mars"]\n[venues.mars]\nkind = "remote"\nurl = "unix:{address.path}"\n'
    settings = settings_of(tmp_path, text + ACCOUNTS.format(more='venue = "mars"'))
    away = (await check_venues(settings))[-1]
    assert (away.level, away.what) == ("warning", "account guarded dead_man")
    async with a_server(HonestPeer("mars", time.time_ns), address):
        assert (await check_venues(settings))[-1].level == "ok"
    async with a_server(Careless("mars", time.time_ns), address):
        found = (await check_venues(settings))[-1]
    assert found.level == "error"
    assert found.text.startswith("mars has no dead-man switch")
