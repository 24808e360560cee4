"""Around every answer: headers, correlation, and problems in the place of tracebacks."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from multidict import CIMultiDictProxy

from tests.support.api import ADA_ACCOUNT, ApiRig, running
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio

DESK = "https://desk.example"


def assert_secure(headers: CIMultiDictProxy[str]) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert headers["Server"] == "cival"
    assert "Access-Control-Allow-Origin" not in headers


async def test_every_answer_is_secured_errors_included(rig: ApiRig) -> None:
    for path, token in (("/me", None), ("/me", "cival_ada"), ("/nothing", None), ("/livez", None)):
        assert_secure((await rig.call("GET", path, token=token)).headers)


async def test_a_request_keeps_its_correlation_id_into_the_audit(rig: ApiRig) -> None:
    correlation = str(uuid4())
    answer = await rig.place(headers={"X-Correlation-Id": correlation})
    assert answer.headers["X-Correlation-Id"] == answer.json["correlation_id"] == correlation
    rows = (await rig.get("/audit"))["items"]
    assert [row["action"] for row in rows if row["correlation_id"] == correlation] == ["order.place"]


@pytest.mark.parametrize("headers", [{}, {"X-Correlation-Id": "'; drop table users"}])
async def test_without_a_good_one_it_gets_a_new_one(rig: ApiRig, headers: dict[str, str]) -> None:
    answer = await rig.call("GET", "/me", headers=headers)
    assert UUID(answer.headers["X-Correlation-Id"]).version == 7


async def test_a_name_that_was_rebound_to_this_machine_gets_nothing(rig: ApiRig) -> None:
    answer = await rig.call("GET", "/livez", headers={"Host": "evil.example"})
    assert (answer.status, answer.json["code"]) == (421, "unknown_host")


async def test_a_page_on_the_allow_list_may_call(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, allowed_origins=(DESK,)) as rig:
        asked = await rig.call("OPTIONS", "/orders", token=None, headers={"Origin": DESK})
        assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (204, DESK)
        assert "Idempotency-Key" in asked.headers["Access-Control-Allow-Headers"]
        assert (await rig.call("GET", "/me", headers={"Origin": DESK})).headers["Access-Control-Allow-Origin"] == DESK


async def test_other_pages_may_not(rig: ApiRig) -> None:
    asked = await rig.call("OPTIONS", "/orders", token=None, headers={"Origin": "https://evil.example"})
    assert asked.status == 405
    assert_secure(asked.headers)


async def test_a_defect_costs_its_own_request_and_shows_nothing(
    rig: ApiRig, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(rig.reads, "balances", broken)
    answer = await rig.call("GET", "/balances")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret inside" not in answer.body.decode()
    assert "request_failed" in capfd.readouterr().err
    assert (await rig.call("GET", f"/accounts/{ADA_ACCOUNT}")).status == 200


async def test_requests_are_counted_by_route_not_by_id(rig: ApiRig) -> None:
    for _ in range(2):
        await rig.call("GET", f"/orders/{uuid4()}")
    text = (await rig.call("GET", "/metrics")).body.decode()
    assert 'cival_http_requests_total{method="GET",route="/api/v1/orders/{id}",status="404"} 2.0' in text


async def test_behind_a_proxy_the_caller_is_who_the_proxy_says(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, behind_tls_proxy=True) as rig:
        await rig.place(headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})
        rows = (await rig.get("/audit"))["items"]
        assert [row["remote_addr"] for row in rows if row["action"] == "order.place"] == ["203.0.113.9"]
