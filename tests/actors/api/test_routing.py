"""Before any route: who, with which role, how often, for whom."""

import asyncio

import pytest

from actors.api.routing import rank
from engine.messages.writing import StoreStatus
from tests.support.api import BOB, BOB_TOKEN, EVE_TOKEN, ApiRig, running
from tests.support.postgres import PostgresDatabase

READS = (
    "/me", "/accounts", "/orders", "/trades", "/positions", "/balances", "/ledger/entries", "/portfolio",
    "/portfolio/snapshots", "/portfolio/performance", "/signals", "/agents", "/agent-types", "/market/pairs",
    "/market/tickers", "/market/books", "/market/ohlcv?exchange=simulated&symbol=BTC/USDT", "/exchanges",
    "/risk/limits", "/risk/alerts", "/control/state", "/tokens", "/audit", "/system/actors",
)  # fmt: skip
WRITES = (
    ("POST", "/orders"), ("DELETE", "/orders"), ("DELETE", "/orders/00000000-0000-0000-0000-000000000001"),
    ("POST", "/control/halt"), ("POST", "/control/resume"), ("POST", "/tokens"), ("POST", "/stream/ticket"),
    ("POST", "/agents/00000000-0000-0000-0000-000000000001/start"), ("POST", "/auth/logout"),
    ("DELETE", "/tokens/00000000-0000-0000-0000-000000000001"),
)  # fmt: skip

BODIES = {"/control/halt": {"reason": "x"}}


@pytest.mark.asyncio
async def test_without_a_token_nothing_is_readable(rig: ApiRig) -> None:
    for path in READS:
        answer = await rig.call("GET", path, token=None)
        assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.asyncio
async def test_without_a_token_nothing_is_writable(rig: ApiRig) -> None:
    for method, path in WRITES:
        assert (await rig.call(method, path, token=None, json={})).status == 401, path


@pytest.mark.asyncio
async def test_every_list_is_readable_for_its_owner(rig: ApiRig) -> None:
    for path in READS:
        assert (await rig.call("GET", path)).status == 200, path


@pytest.mark.asyncio
async def test_a_wrong_token_is_nobody(rig: ApiRig) -> None:
    wrong = ("cival_wrong", "", "x" * 5_000)
    assert [(await rig.call("GET", "/me", token=token)).status for token in wrong] == [401] * 3


@pytest.mark.asyncio
async def test_roles_bound_what_may_be_done(rig: ApiRig) -> None:
    halt = {"reason": "test"}
    assert (await rig.call("POST", "/control/halt", token=EVE_TOKEN, json=halt)).status == 403
    assert (await rig.call("GET", "/audit", token=BOB_TOKEN)).status == 403
    assert (await rig.call("GET", "/system/actors", token=BOB_TOKEN)).status == 403
    assert (await rig.call("POST", "/control/halt", token=BOB_TOKEN, json=halt)).status == 200


@pytest.mark.asyncio
async def test_an_admin_names_another_user_and_nobody_else_does(rig: ApiRig) -> None:
    assert {row["user_id"] for row in (await rig.get(f"/accounts?user_id={BOB}"))["items"]} == {str(BOB)}
    assert (await rig.call("GET", f"/accounts?user_id={BOB}", token=EVE_TOKEN)).status == 403
    assert (await rig.call("GET", "/accounts?user_id=me")).status == 422


@pytest.mark.asyncio
async def test_a_method_that_a_path_has_not_is_named(rig: ApiRig) -> None:
    answer = await rig.call("DELETE", "/positions")
    assert (answer.status, answer.json["code"], answer.headers["Allow"]) == (405, "method_not_allowed", "GET")


@pytest.mark.asyncio
async def test_an_unknown_path_is_a_problem_like_any_other(rig: ApiRig) -> None:
    answer = await rig.call("GET", "/nothing")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.asyncio
async def test_too_many_requests_are_told_when_to_come_back(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, requests_per_second=1) as rig:
        answers = [await rig.call("GET", "/me") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 429, 429]
        assert answers[0].headers["RateLimit-Limit"] == "2"
        assert [answers[2].headers[name] for name in ("Retry-After", "RateLimit-Remaining")] == ["1", "0"]


@pytest.mark.asyncio
async def test_orders_have_a_rate_of_their_own(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, orders_per_second=1) as rig:
        answers = await asyncio.gather(*(rig.place() for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [201, 201, 429, 429]
        assert (await rig.call("GET", "/me")).status == 200


@pytest.mark.asyncio
async def test_while_the_database_is_away_only_cancels_and_halts_go(rig: ApiRig) -> None:
    rig.bus.publish(StoreStatus(available=False, reason="unplugged", since_ns=1))
    statuses = {
        (method, path): (await rig.call(method, path, json=BODIES.get(path, {}))).status
        for method, path in WRITES
        if path != "/auth/logout"
    }
    gone = {path for (_, path), status in statuses.items() if status == 503}
    assert gone == {
        "/orders", "/control/resume", "/tokens", "/agents/00000000-0000-0000-0000-000000000001/start",
        "/tokens/00000000-0000-0000-0000-000000000001",
    }  # fmt: skip
    assert statuses["DELETE", "/orders"] == 202
    assert statuses["POST", "/control/halt"] in (200, 202)


def test_a_role_that_nobody_knows_may_do_nothing() -> None:
    assert [rank(role) for role in ("admin", "trader", "viewer", "root", "")] == [2, 1, 0, -1, -1]
