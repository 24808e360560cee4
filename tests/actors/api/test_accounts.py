"""What accounts hold, each for its owner."""

from typing import Any

import pytest

from tests.support.api import ADA_ACCOUNT, BOB_ACCOUNT, BOB_TOKEN, ApiRig, until

pytestmark = pytest.mark.asyncio


async def items(rig: ApiRig, path: str, token: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await rig.get(path, **({"token": token} if token else {})))["items"]
    return found


async def bought(rig: ApiRig) -> str:
    order = {"account_id": str(ADA_ACCOUNT), "symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.010"}
    answer = await rig.call("POST", "/orders?wait=ack", json=order)
    await until(lambda: items(rig, "/trades"))
    return str(answer.json["id"])


async def test_accounts_are_the_users_own(rig: ApiRig) -> None:
    (account,) = await items(rig, "/accounts")
    assert (account["id"], account["mode"], "config_hash" in account) == (str(ADA_ACCOUNT), "paper", False)
    assert (await rig.get(f"/accounts/{ADA_ACCOUNT}"))["name"] == "paper-1"
    assert (await rig.call("GET", f"/accounts/{BOB_ACCOUNT}")).status == 404


async def test_a_fill_is_seen_in_trades_positions_balances_and_ledger(rig: ApiRig) -> None:
    order_id = await bought(rig)
    (trade,) = await items(rig, f"/trades?order_id={order_id}")
    (position,) = await items(rig, "/positions?symbol=BTC/USDT")
    balances = {row["asset"]: row for row in await items(rig, f"/balances?account_id={ADA_ACCOUNT}")}
    entries = await items(rig, f"/ledger/entries?order_id={order_id}")
    assert (trade["quantity"], position["size"]) == ("0.010", "0.010")
    assert balances["BTC"]["total"].startswith("1.0")
    assert entries
    for entry in entries:
        assert {line["asset"] for line in entry["lines"]} <= {"BTC", "USDT"}


async def test_a_stranger_sees_none_of_it(rig: ApiRig) -> None:
    await bought(rig)
    for path in (
        "/trades",
        f"/trades?account_id={ADA_ACCOUNT}",
        "/positions",
        f"/ledger/entries?account_id={ADA_ACCOUNT}",
    ):
        rows = await items(rig, path, BOB_TOKEN)
        assert all(row["account_id"] == str(BOB_ACCOUNT) for row in rows), path


async def test_filters_narrow_a_list(rig: ApiRig) -> None:
    await bought(rig)
    assert await items(rig, "/trades?symbol=ETH/USDT") == []
    assert await items(rig, "/trades?until=2020-01-01T00:00:00Z") == []
    assert len(await items(rig, "/trades?since=2020-01-01T00:00:00%2B02:00")) == 1


async def test_the_portfolio_is_one_object(rig: ApiRig) -> None:
    portfolio = await rig.get("/portfolio")
    assert {"equity", "cash", "realized_pnl", "unrealized_pnl", "fees", "accounts"} <= portfolio.keys()


async def test_a_curve_has_bounds(rig: ApiRig) -> None:
    wrong = ("limit=0", "limit=5001", "account_id=x", "since=now")
    assert [(await rig.call("GET", f"/portfolio/performance?{query}")).status for query in wrong] == [422] * 4
    assert await items(rig, "/portfolio/performance?limit=5000") == []
