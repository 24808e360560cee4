"""Executors over HTTP: started once, read with their orders, paused, resumed, stopped; and refused by name."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import ADA_ACCOUNT, BOB_ACCOUNT, BOB_TOKEN, EVE_TOKEN, SYMBOL, ApiRig, until

pytestmark = pytest.mark.asyncio

BRACKET: dict[str, Any] = {
    "account_id": str(ADA_ACCOUNT),
    "kind": "bracket",
    "symbol": SYMBOL,
    "configuration": {
        "side": "buy", "quantity": "0.01", "entry_price": "50000", "stop_price": "45000", "take_price": "70000",
    },
}  # fmt: skip


async def start(rig: ApiRig, **changes: Any) -> Any:
    answer = await rig.call("POST", "/executors", json=BRACKET | changes)
    assert answer.status == 201, answer.body
    return answer.json


async def test_an_executor_is_started_and_read_with_its_orders(rig: ApiRig) -> None:
    started = await start(rig)
    assert (started["kind"], started["status"], started["side"]) == ("bracket", "active", "buy")
    assert started["configuration"]["entry_price"] == "50000"

    async def has_order() -> bool:
        return bool((await rig.get(f"/executors/{started['id']}"))["orders"])

    await until(has_order)
    found = await rig.get(f"/executors/{started['id']}")
    (order,) = found["orders"]
    assert (order["origin"], order["executor_id"], order["price"]) == ("executor", started["id"], "50000.00")
    assert [each["id"] for each in (await rig.get("/executors?status=active"))["items"]] == [started["id"]]
    assert (await rig.get("/executors?status=done"))["items"] == []


async def test_a_repeated_key_starts_one(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "bracket-1"}
    answers = [await rig.call("POST", "/executors", json=BRACKET, headers=headers) for _ in range(2)]
    await rig.restart_api()
    answers.append(await rig.call("POST", "/executors", json=BRACKET, headers=headers))
    assert [answer.status for answer in answers] == [201] * 3
    assert len({answer.json["id"] for answer in answers}) == 1
    other = BRACKET | {"symbol": "ETH/USDT"}
    assert (await rig.call("POST", "/executors", json=other, headers=headers)).status == 422


async def test_the_life_of_an_executor(rig: ApiRig) -> None:
    path = f"/executors/{(await start(rig))['id']}"
    assert (await rig.call("POST", f"{path}/pause")).json["status"] == "paused"
    assert (await rig.call("POST", f"{path}/resume")).json["status"] == "active"
    stopped = await rig.call("DELETE", f"{path}?flatten=true")
    assert stopped.status == 202

    async def is_over() -> bool:
        return bool((await rig.get(path))["status"] == "cancelled")

    await until(is_over)
    again = await rig.call("DELETE", path)
    assert (again.status, again.json["code"]) == (409, "already_done")
    actions = [row["action"] for row in (await rig.get("/audit"))["items"]]
    assert [each for each in actions if each.startswith("executor.")][-3:] == [
        "executor.resume", "executor.pause", "executor.start",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "martingale"}, "kind"),
        ({"symbol": "NO/SUCH"}, "symbol"),
        ({"account_id": str(BOB_ACCOUNT)}, "account_id"),
        ({"configuration": {"side": "buy"}}, "quantity"),
        ({"configuration": {"side": "buy", "quantity": "1", "stop_price": "-5"}}, "stop_price"),
        ({"configuration": {"side": "buy", "quantity": "1"}}, "stop_price"),
        ({"configuration": {"side": "sell", "quantity": "1", "stop_price": "9"}}, "side"),
        ({"configuration": "all of it"}, "configuration"),
        ({"leverage": 3}, "leverage"),
    ],
)
async def test_what_is_wrong_is_named(changes: dict[str, Any], words: str, rig: ApiRig) -> None:
    answer = await rig.call("POST", "/executors", json=BRACKET | changes)
    assert answer.status == 422, answer.body
    assert words in answer.body.decode()
    assert (await rig.get("/executors"))["items"] == []


async def test_nobody_touches_what_is_not_theirs(rig: ApiRig) -> None:
    path = f"/executors/{(await start(rig))['id']}"
    assert (await rig.call("GET", path, token=BOB_TOKEN)).status == 404
    assert (await rig.call("DELETE", path, token=BOB_TOKEN)).status == 404
    assert (await rig.call("POST", f"{path}/pause", token=BOB_TOKEN)).status == 404
    assert (await rig.call("POST", "/executors", json=BRACKET, token=EVE_TOKEN)).status == 403
    assert (await rig.call("GET", f"/executors/{uuid4()}")).status == 404
    assert (await rig.call("GET", "/executors?status=lost")).status == 422
    assert (await rig.call("DELETE", f"{path}?flatten=maybe")).status == 422
