"""What every command leaves behind: who did what to which thing, in whose name."""

import pytest

from tests.support.api import ADA, BOB, BOB_ACCOUNT, ApiRig

pytestmark = pytest.mark.asyncio


async def test_an_admin_who_acts_for_somebody_is_named_beside_the_user(rig: ApiRig) -> None:
    order = {"account_id": str(BOB_ACCOUNT), "symbol": "BTC/USDT", "side": "buy", "type": "limit",
             "quantity": "0.010", "price": "59000"}  # fmt: skip
    answer = await rig.call("POST", f"/orders?user_id={BOB}", json=order)
    assert (answer.status, answer.json["user_id"]) == (201, str(BOB))
    (row,) = [row for row in (await rig.get(f"/audit?user_id={BOB}"))["items"] if row["action"] == "order.place"]
    assert (row["user_id"], row["actor_id"], row["object_id"]) == (str(BOB), str(ADA), answer.json["id"])
    assert row["detail"] == {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.010"}
