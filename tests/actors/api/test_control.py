"""Halts and resumes, in every scope, with the database and without."""

import asyncio
from typing import Any

import pytest

from engine.messages.writing import StoreStatus
from tests.support.api import ADA_ACCOUNT, ADA_AGENT, BOB_ACCOUNT, BOB_TOKEN, Answer, ApiRig

pytestmark = pytest.mark.asyncio


async def halt(rig: ApiRig, *, headers: dict[str, str] | None = None, token: str = "cival_ada", **body: Any) -> Answer:
    return await rig.call("POST", "/control/halt", json={"reason": "test"} | body, headers=headers, token=token)


async def test_a_halt_stops_orders_and_a_resume_lets_them_go(rig: ApiRig) -> None:
    answer = await halt(rig)
    assert answer.json == {
        "scope": "user", "scope_id": None, "state": "halted", "reason": "test", "durable": True, "cancels_requested": 0,
        "halt_id": answer.json["halt_id"],
        "report": {"state": "proven", "orders": [], "positions": [], "accounts": []},
    }  # fmt: skip
    denied = await rig.place()
    assert (denied.status, (await rig.get("/control/state"))["state"]) == (422, "halted")
    resumed = await rig.call("POST", "/control/resume", json={"reason": "fine again"})
    assert (resumed.status, resumed.json["state"]) == (200, "active")
    assert (await rig.place()).status == 201
    assert (await rig.get("/control/state"))["scopes"] == []


async def test_a_halt_counts_the_cancels_that_it_asks_for(rig: ApiRig) -> None:
    await rig.place()
    assert (await halt(rig)).json["cancels_requested"] == 1


@pytest.mark.parametrize(("scope", "scope_id"), [("account", ADA_ACCOUNT), ("agent", ADA_AGENT)])
async def test_a_narrow_halt_leaves_the_rest(rig: ApiRig, scope: str, scope_id: object) -> None:
    assert (await halt(rig, scope=scope, scope_id=str(scope_id))).status == 200
    state = await rig.get("/control/state")
    assert (state["state"], [(one["scope"], one["scope_id"]) for one in state["scopes"]]) == (
        "active", [(scope, str(scope_id))])  # fmt: skip


async def test_an_admin_halts_everybody(rig: ApiRig) -> None:
    assert (await halt(rig, scope="engine")).status == 200
    assert (await rig.get("/control/state", token=BOB_TOKEN))["state"] == "halted"
    assert (await halt(rig, scope="engine", token=BOB_TOKEN)).status == 403


async def test_a_wrong_scope_halts_nothing(rig: ApiRig) -> None:
    wrong: tuple[tuple[dict[str, Any], int], ...] = (
        ({"scope": "account"}, 422),
        ({"scope": "user", "scope_id": str(ADA_ACCOUNT)}, 422),
        ({"scope": "account", "scope_id": str(BOB_ACCOUNT)}, 404),
        ({"scope": "moon"}, 422),
        ({"reason": ""}, 422),
        ({"reason": "x" * 501}, 422),
    )
    assert [(await halt(rig, **body)).status for body, _ in wrong] == [status for _, status in wrong]
    assert (await rig.get("/control/state"))["scopes"] == []


async def test_a_repeated_key_halts_once(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "stop"}
    first = await halt(rig, headers=headers)
    await rig.restart_api()
    again = await halt(rig, headers=headers)
    assert (again.status, again.json["state"]) == (first.status, "halted")
    actions = [row["action"] for row in (await rig.get("/audit"))["items"]]
    assert actions.count("control.halt") == 1


async def test_while_the_database_is_away_a_halt_holds_and_a_resume_waits(rig: ApiRig) -> None:
    rig.bus.publish(StoreStatus(available=False, since_ns=1))
    answer = await halt(rig)
    resumed = await rig.call("POST", "/control/resume", json={"reason": "no"})
    assert (answer.json["state"], resumed.status) == ("halted", 503)
    assert (answer.status, answer.json["durable"]) in {(202, False), (200, True)}


async def test_while_the_database_hangs_a_halt_that_holds_is_answered(
    rig: ApiRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    commit = rig.facts.commit

    async def hang(units: Any) -> Any:
        await release.wait()
        return await commit(units)

    monkeypatch.setattr(rig.facts, "commit", hang)
    answer = await halt(rig)
    assert (answer.status, answer.json["state"], answer.json["durable"]) == (202, "halted", False)
    release.set()


async def test_limits_and_alerts_are_listed(rig: ApiRig) -> None:
    (limit,) = (await rig.get("/risk/limits"))["items"]
    assert (limit["limit_type"], limit["limit_value"]) == ("order_notional", "20000")
    assert (await rig.get("/risk/alerts"))["items"] == []


# --- Proof -----------------------------------------------------------------------------------------------------------


async def test_a_halt_that_waits_says_what_is_proven_and_the_record_of_it_can_be_read(rig: ApiRig) -> None:
    placed = (await rig.place()).json
    answer = await rig.call("POST", "/control/halt?wait=5", json={"reason": "test", "flatten": True})
    report = answer.json["report"]
    assert (answer.status, report["state"], report["accounts"]) == (200, "proven", [])
    assert [(each["order_id"], each["outcome"]) for each in report["orders"]] == [(placed["id"], "cancelled")]
    halt_id = answer.json["halt_id"]
    assert [(row["id"], row["flatten"]) for row in (await rig.get("/control/halts"))["items"]] == [(halt_id, True)]
    row = await rig.get(f"/control/halts/{halt_id}")
    assert row["reason"] == "test"
    missing = await rig.call("GET", f"/control/halts/{ADA_AGENT}")
    others = await rig.call("GET", f"/control/halts/{halt_id}", token=BOB_TOKEN)
    assert (missing.status, others.status) == (404, 404)


async def test_a_halt_of_the_engine_is_one_halt_with_a_row_for_everybody(rig: ApiRig) -> None:
    halt_id = (await halt(rig, scope="engine")).json["halt_id"]
    for token in ("cival_ada", BOB_TOKEN):
        assert (await rig.get(f"/control/halts/{halt_id}", token=token))["scope"] == "engine"


async def test_a_wait_has_a_limit(rig: ApiRig) -> None:
    answer = await rig.call("POST", "/control/halt?wait=61", json={"reason": "test"})
    assert answer.status == 422


async def test_a_repeated_reload_is_one_reload(rig: ApiRig) -> None:
    key = {"Idempotency-Key": "reload-1"}
    first, again = [await rig.call("POST", "/control/reload", headers=key) for _ in range(2)]
    assert first.json == {"applied": ["reload 1"], "needs_restart": [], "kept": [], "refused": []}
    assert again.json == first.json
    other = await rig.call("POST", "/control/reload", headers={"Idempotency-Key": "reload-2"})
    assert other.json["applied"] == ["reload 2"]
