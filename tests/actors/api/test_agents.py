"""Agents: read, started, paused, stopped."""

from uuid import uuid4

import pytest

from tests.support.api import ADA_AGENT, BOB_AGENT, EVE_TOKEN, ApiRig

pytestmark = pytest.mark.asyncio


async def test_agents_are_read_one_by_one_and_together(rig: ApiRig) -> None:
    (agent,) = (await rig.get("/agents"))["items"]
    assert (agent["id"], agent["status"], agent["symbols"]) == (str(ADA_AGENT), "inactive", ["BTC/USDT"])
    assert (await rig.get(f"/agents/{ADA_AGENT}"))["configuration"]["fast"] == 60
    assert (await rig.call("GET", f"/agents/{BOB_AGENT}")).status == 404


async def test_a_command_is_answered_with_the_agents_row(rig: ApiRig) -> None:
    seen = []
    for verb in ("start", "pause", "start", "stop"):
        answer = await rig.call("POST", f"/agents/{ADA_AGENT}/{verb}")
        seen.append((answer.status, answer.json["status"]))
    assert seen == [(200, "active"), (200, "paused"), (200, "active"), (200, "inactive")]
    actions = [row["action"] for row in (await rig.get("/audit"))["items"]]
    assert actions.count("agent.start") == 2


async def test_a_repeated_key_starts_once(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "go"}
    for _ in range(2):
        assert (await rig.call("POST", f"/agents/{ADA_AGENT}/start", headers=headers)).json["status"] == "active"
    await rig.restart_api()
    assert (await rig.call("POST", f"/agents/{ADA_AGENT}/start", headers=headers)).status == 200
    actions = [row["action"] for row in (await rig.get("/audit"))["items"]]
    assert actions.count("agent.start") == 1


async def test_an_agent_that_is_not_there_is_not_found(rig: ApiRig) -> None:
    absent = (BOB_AGENT, uuid4(), "trend-1")
    assert [(await rig.call("POST", f"/agents/{agent}/start")).status for agent in absent] == [404] * 3


async def test_a_viewer_commands_nothing(rig: ApiRig) -> None:
    assert (await rig.call("POST", f"/agents/{ADA_AGENT}/start", token=EVE_TOKEN)).status == 403


async def test_types_come_with_the_schema_of_their_parameters(rig: ApiRig) -> None:
    types = {row["type"]: row for row in (await rig.get("/agent-types"))["items"]}
    assert {"trend_follower", "mean_reversion"} <= types.keys()
    assert "fast" in types["trend_follower"]["parameters"]["properties"]


async def test_signals_are_filtered(rig: ApiRig) -> None:
    assert (await rig.get(f"/signals?agent_id={ADA_AGENT}&symbol=BTC/USDT"))["items"] == []
    assert (await rig.call("GET", "/signals?agent_id=x")).status == 422
