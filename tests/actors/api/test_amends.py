"""Orders are changed over real sockets, in a real cell, on a real database."""

from typing import Any
from uuid import uuid4

import pytest

from tests.actors.api.test_orders import resting
from tests.support.api import BOB_TOKEN, ApiRig, until

pytestmark = pytest.mark.asyncio


async def amend(rig: ApiRig, order_id: str, key: str = "", token: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    more: dict[str, Any] = {"token": token} if token else {}
    return await rig.call("PATCH", f"/orders/{order_id}", json=body, headers=headers, **more)


async def test_an_order_is_changed_at_the_venue(rig: ApiRig) -> None:
    order_id = await resting(rig)
    answer = await amend(rig, order_id, quantity="0.020", price="58000")
    assert (answer.status, answer.json["order_id"]) == (202, order_id), answer.body

    async def is_changed() -> bool:
        row = await rig.get(f"/orders/{order_id}")
        return (row["quantity"], row["price"]) == ("0.020", "58000")

    assert await until(is_changed)
    types = [item["type"] for item in (await rig.get(f"/orders/{order_id}/events"))["items"]]
    assert [kind for kind in types if "Amend" in kind] == ["OrderAmendRequested", "OrderAmended", "AmendAcknowledged"]


async def test_a_repeated_key_changes_once(rig: ApiRig) -> None:
    order_id = await resting(rig)
    first = await amend(rig, order_id, key="k1", quantity="0.020")
    again = await amend(rig, order_id, key="k1", quantity="0.020")
    assert (first.status, again.json) == (202, first.json)


async def test_what_cannot_be_is_refused(rig: ApiRig) -> None:
    order_id = await resting(rig)
    answers = [
        await amend(rig, order_id),
        await amend(rig, order_id, quantity="NaN"),
        await amend(rig, order_id, quantity="1"),
        await amend(rig, order_id, quantity="0.010"),
        await amend(rig, str(uuid4()), quantity="0.020"),
        await amend(rig, order_id, token=BOB_TOKEN, quantity="0.020"),
    ]
    assert [(answer.status, answer.json["code"]) for answer in answers] == [
        (422, "invalid_field"), (422, "invalid_field"), (422, "order_notional"), (409, "unchanged"),
        (404, "not_found"), (404, "not_found"),
    ]  # fmt: skip
