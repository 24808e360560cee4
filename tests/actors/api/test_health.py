"""Alive, ready, measured."""

import pytest

from engine.messages.system import ReadinessChanged
from tests.support.api import ADA_ACCOUNT, BOB_TOKEN, ApiRig, running, until
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


async def is_ready(rig: ApiRig) -> bool:
    return (await rig.call("GET", "/readyz", token=None)).status == 200


async def test_the_loop_turns(rig: ApiRig) -> None:
    answer = await rig.call("GET", "/livez", token=None)
    assert (answer.status, answer.json) == (200, {"alive": True})


async def test_readiness_shows_every_part_and_why(rig: ApiRig) -> None:
    await until(lambda: is_ready(rig))
    rig.bus.publish(ReadinessChanged(part="feed:simulated", ready=False, reason="silent for 20 s"))
    answer = await rig.call("GET", "/readyz", token=None)
    assert answer.status == 503
    (feed,) = [part for part in answer.json["parts"] if part["part"] == "feed:simulated"]
    assert (feed["ready"], feed["reason"], feed["holds_back"]) == (False, "silent for 20 s", True)


async def test_one_account_is_asked_for_by_its_id(rig: ApiRig) -> None:
    await until(lambda: is_ready(rig))
    path = f"/readyz?account={ADA_ACCOUNT}"
    assert (await rig.call("GET", path, token=None)).status == 200
    rig.bus.publish(ReadinessChanged(part=f"account:{ADA_ACCOUNT}", ready=False, reason="bad key"))
    answer = await rig.call("GET", path, token=None)
    assert (answer.status, answer.json["parts"][0]["reason"]) == (503, "bad key")
    assert await is_ready(rig), "one tenant's key never makes the engine unready"
    assert (await rig.call("GET", "/readyz?account=nobody", token=None)).status == 404


async def test_this_machine_reads_the_metrics(rig: ApiRig) -> None:
    answer = await rig.call("GET", "/metrics", token=None)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"cival_actors" in answer.body


async def test_behind_a_proxy_only_an_admin_does(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, behind_tls_proxy=True) as rig:
        assert (await rig.call("GET", "/metrics", token=None)).status == 401
        assert (await rig.call("GET", "/metrics", token=BOB_TOKEN)).status == 403
        assert (await rig.call("GET", "/metrics")).status == 200
