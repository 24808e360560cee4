"""A person compares an account with its venue, sees what differs, and settles it with a reason."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.api import ADA_ACCOUNT, BOB_ACCOUNT, BOB_TOKEN, EVE_TOKEN, ApiRig
from tests.support.crash_audit import _actor

pytestmark = pytest.mark.asyncio

HERE = f"/accounts/{ADA_ACCOUNT}"


def deposit(rig: ApiRig, amount: str) -> None:
    """Let somebody send money to the venue without telling anybody."""
    balance = _actor(rig.paper)._exchange.accounts[ADA_ACCOUNT].balance("USDT")
    balance.total += Decimal(amount)


async def reconcile(rig: ApiRig, **body: Any) -> Any:
    answer = await rig.call("POST", f"{HERE}/reconcile", json=body)
    assert answer.status == 200, answer.body
    return answer.json


async def usdt(rig: ApiRig) -> Decimal:
    rows = (await rig.get(f"/balances?account_id={ADA_ACCOUNT}"))["items"]
    return Decimal(next(row["total"] for row in rows if row["asset"] == "USDT"))


async def the_difference(rig: ApiRig) -> Any:
    deposit(rig, "5")
    assert (await reconcile(rig))["discrepancies"] == 1
    (row,) = (await rig.get(f"{HERE}/discrepancies?state=open"))["items"]
    return row


async def test_a_comparison_runs_when_somebody_asks_and_leaves_a_report(rig: ApiRig) -> None:
    light, deep = await reconcile(rig), await reconcile(rig, deep=True)
    assert (light["outcome"], light["depth"], deep["depth"]) == ("done", "light", "deep")
    reports = (await rig.get(f"{HERE}/reconciliations?limit=2"))["items"]
    assert [(row["trigger"], row["depth"], row["outcome"]) for row in reports] == [
        ("demand", "deep", "done"), ("demand", "light", "done"),
    ]  # fmt: skip
    page = await rig.get(f"{HERE}/reconciliations?limit=1")
    older = await rig.get(f"{HERE}/reconciliations?limit=1&cursor={page['next_cursor']}")
    assert older["items"][0]["id"] == reports[1]["id"]


async def test_the_same_key_runs_it_once(rig: ApiRig) -> None:
    key = {"Idempotency-Key": "once-1"}
    for _ in range(2):
        answer = await rig.call("POST", f"{HERE}/reconcile", json={}, headers=key)
        assert answer.status == 200
    reports = (await rig.get(f"{HERE}/reconciliations"))["items"]
    assert [row["trigger"] for row in reports] == ["demand", "start"]


async def test_a_difference_is_shown_written_off_and_taken_back(rig: ApiRig) -> None:
    before = await usdt(rig)
    row = await the_difference(rig)
    assert (row["kind"], row["asset"], row["guess"]) == ("balance", "USDT", "deposit")
    path = f"{HERE}/discrepancies/{row['id']}"
    answer = await rig.call("POST", f"{path}/write-off", json={"reason": "a gift"}, headers={"Idempotency-Key": "w-1"})
    assert (answer.status, answer.json["state"], answer.json["detail"]["reason"]) == (200, "written_off", "a gift")
    assert answer.json["resolved_at"].endswith("Z")
    assert await usdt(rig) == before + 5
    again = await rig.call("POST", f"{path}/write-off", json={"reason": "a gift"}, headers={"Idempotency-Key": "w-1"})
    assert (again.status, again.json) == (200, answer.json)
    await rig.restart_api()
    again = await rig.call("POST", f"{path}/write-off", json={"reason": "a gift"}, headers={"Idempotency-Key": "w-1"})
    assert (again.status, again.json) == (200, answer.json)
    assert (await reconcile(rig))["discrepancies"] == 0
    refused = await rig.call("POST", f"{path}/write-off", json={"reason": "twice"})
    assert (refused.status, refused.json["code"]) == (409, "not_open")
    kinds = [entry["kind"] for entry in (await rig.get(f"/ledger/entries?account_id={ADA_ACCOUNT}"))["items"]]
    assert kinds[0] == "adjustment"
    back = await rig.call("POST", f"{path}/take-back", json={"reason": "a mistake"})
    assert (back.status, back.json["state"]) == (200, "open")
    assert await usdt(rig) == before
    refused = await rig.call("POST", f"{path}/take-back", json={"reason": "twice"})
    assert (refused.status, refused.json["code"]) == (409, "not_written_off")
    audit = [row["action"] for row in (await rig.get("/audit"))["items"] if row["object_type"] == "discrepancy"]
    assert audit == ["discrepancy.take_back", "discrepancy.write_off"]


async def test_only_who_may_trade_there_may_settle(rig: ApiRig) -> None:
    row = await the_difference(rig)
    path = f"{HERE}/discrepancies/{row['id']}/write-off"
    assert (await rig.call("POST", path, json={"reason": "mine"}, token=BOB_TOKEN)).status == 404
    assert (await rig.call("POST", path, json={"reason": "mine"}, token=EVE_TOKEN)).status == 403
    assert (await rig.call("POST", f"{HERE}/reconcile", json={}, token=BOB_TOKEN)).status == 404
    assert (await rig.call("GET", f"{HERE}/discrepancies", token=BOB_TOKEN)).status == 404
    bob = f"/accounts/{BOB_ACCOUNT}/discrepancies/{row['id']}/write-off"
    assert (await rig.call("POST", bob, json={"reason": "not his"}, token=BOB_TOKEN)).status == 404
    assert (await rig.call("POST", path, json={})).status == 422
    assert (await rig.call("GET", f"{HERE}/discrepancies?state=lost")).status == 422
    assert (await rig.get(f"{HERE}/discrepancies?state=explained"))["items"] == []
