"""Orders over real sockets, in a real cell, on a real database."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from engine.messages.writing import StoreStatus
from tests.actors.api.test_executors import BRACKET
from tests.support.api import ADA_ACCOUNT, BOB_ACCOUNT, BOB_TOKEN, EVE_TOKEN, VENUE, Answer, ApiRig, until

pytestmark = pytest.mark.asyncio


async def open_orders(rig: ApiRig) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await rig.get("/orders?status=open"))["items"]
    return found


async def resting(rig: ApiRig, **body: Any) -> str:
    """Place an order and wait until it rests at the venue."""
    answer = await rig.call("POST", "/orders?wait=ack", json={
        "account_id": str(ADA_ACCOUNT), "symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": "0.010",
        "price": "59000"} | body)  # fmt: skip
    assert (answer.status, answer.json["status"]) == (201, "open"), answer.body
    return str(answer.json["id"])


async def test_an_order_is_answered_with_its_row(rig: ApiRig) -> None:
    answer = await rig.place(client_order_id="mine-1")
    assert answer.status == 201
    row = answer.json
    assert [row[name] for name in ("symbol", "side", "quantity", "price", "client_order_id", "origin")] == [
        "BTC/USDT", "buy", "0.010", "59000", "mine-1", "api"]  # fmt: skip
    assert (await rig.get(f"/orders/{row['id']}"))["id"] == row["id"]


async def test_a_market_order_that_waits_is_answered_after_the_venue(rig: ApiRig) -> None:
    order = {"account_id": str(ADA_ACCOUNT), "symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.010"}
    answer = await rig.call("POST", "/orders?wait=ack", json=order)
    assert answer.status == 201
    assert answer.json["status"] != "pending"
    trades = await until(lambda: _items(rig, f"/trades?order_id={answer.json['id']}"))
    assert (trades[0]["price"], trades[0]["quantity"]) == ("60000.01", "0.010")
    types = [item["type"] for item in (await rig.get(f"/orders/{answer.json['id']}/events"))["items"]]
    assert types[:3] == ["IntentDecided", "IntentPassed", "OrderSubmitting"]
    assert "OrderFilled" in types


async def test_a_take_profit_waits_and_its_prices_fit_its_type(rig: ApiRig) -> None:
    body = {
        "account_id": str(ADA_ACCOUNT),
        "symbol": "BTC/USDT",
        "side": "buy",
        "type": "take_profit",
        "quantity": "0.01",
    }
    answer = await rig.call("POST", "/orders?wait=ack", json=body | {"stop_price": "50000"})
    row = answer.json
    assert (answer.status, row["type"], row["status"], row["stop_price"]) == (201, "take_profit", "open", "50000")
    limited = {"type": "take_profit_limit", "stop_price": "50000", "price": "50010"}
    assert (await rig.call("POST", "/orders?wait=ack", json=body | limited)).json["status"] == "open"
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"stop_price": "50000", "price": "50000"},
        limited | {"price": None},
        limited | {"post_only": True},
    )
    answers = [await rig.call("POST", "/orders", json=body | each) for each in wrong]
    assert [each.json["field"] for each in answers] == ["stop_price", "price", "price", "post_only"]
    too_near = await rig.call("POST", "/orders?wait=ack", json=body | {"stop_price": "70000"})
    assert (too_near.json["status"], too_near.json["denial_code"]) == ("rejected", "stop_would_trigger")


async def _items(rig: ApiRig, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await rig.get(path))["items"]
    return items


async def test_a_denial_names_rule_limit_and_value(rig: ApiRig) -> None:
    answer = await rig.place(quantity="1")
    assert answer.status == 422
    problem = answer.json
    assert (problem["code"], problem["limit"], problem["status"]) == ("order_notional", "20000", 422)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (await rig.get(f"/orders/{problem['order_id']}"))["status"] == "rejected"


WRONG: tuple[tuple[str, Any], ...] = (
    ("quantity", "NaN"), ("quantity", "0"), ("quantity", "-1"), ("quantity", "1" * 10_000), ("quantity", "1e400"),
    ("quantity", 1), ("price", "Infinity"), ("price", None), ("stop_price", "1"), ("symbol", "nonsense"),
    ("symbol", "NOPE/USDT"), ("side", "hold"), ("account_id", "me"), ("colour", "red"), ("post_only", "yes"),
)  # fmt: skip


async def test_a_wrong_field_is_named_and_nothing_is_kept(rig: ApiRig) -> None:
    answers = [await rig.place(**{field: value}) for field, value in WRONG]
    named = [(answer.status, answer.json["code"], answer.json["field"]) for answer in answers]
    assert named == [(422, "invalid_field", field) for field, _ in WRONG]
    assert not any(b"1111111111" in answer.body for answer in answers)
    assert (await rig.get("/orders"))["items"] == []


async def test_a_body_that_is_no_json_is_malformed(rig: ApiRig) -> None:
    answers = [await rig.call("POST", "/orders", data=body) for body in (b"{", b"", b"\xff\xfe")]
    assert [(answer.status, answer.json["code"]) for answer in answers] == [(400, "malformed_json")] * 3


async def test_a_large_body_is_refused(rig: ApiRig) -> None:
    answer = await rig.call("POST", "/orders", data=b" " * 70_000)
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


async def test_a_body_must_say_that_it_is_json(rig: ApiRig) -> None:
    answer = await rig.call("POST", "/orders", data=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status == 415


async def test_a_key_makes_one_order_however_often_it_is_sent(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(rig.place(headers=headers) for _ in range(5)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len((await rig.get("/orders"))["items"]) == 1


async def test_a_key_is_remembered_by_the_database(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "durable"}
    first = await rig.place(headers=headers)
    await rig.restart_api()
    again = await rig.place(headers=headers)
    assert (again.status, again.json["id"]) == (201, first.json["id"])


async def test_a_denial_is_repeated_under_its_key(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "denied"}
    first = await rig.place(quantity="1", headers=headers)
    await rig.restart_api()
    again = await rig.place(quantity="1", headers=headers)
    assert (again.status, again.json["code"]) == (422, "order_notional")
    assert again.json["order_id"] == first.json["order_id"]


async def test_a_key_belongs_to_one_body(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "once"}
    await rig.place(headers=headers)
    answer = await rig.place(headers=headers, quantity="0.020")
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_one_user(rig: ApiRig) -> None:
    headers = {"Idempotency-Key": "once"}
    await rig.place(headers=headers)
    answer = await rig.place(headers=headers, token=BOB_TOKEN, account_id=str(BOB_ACCOUNT))
    assert answer.status == 201


async def test_a_client_id_makes_one_order(rig: ApiRig) -> None:
    first = await rig.place(client_order_id="mine")
    again = await rig.place(client_order_id="mine")
    assert (again.status, again.json["id"]) == (201, first.json["id"])


async def test_a_client_id_with_other_terms_is_refused(rig: ApiRig) -> None:
    await rig.place(client_order_id="mine")
    answer = await rig.place(client_order_id="mine", price="58000")
    assert (answer.status, answer.json["code"]) == (409, "client_order_id_taken")


async def test_an_order_on_a_strangers_account_is_not_found(rig: ApiRig) -> None:
    answer = await rig.place(account_id=str(BOB_ACCOUNT))
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_a_viewer_places_nothing(rig: ApiRig) -> None:
    answer = await rig.place(token=EVE_TOKEN)
    assert (answer.status, answer.json["code"]) == (403, "forbidden")


async def test_an_open_order_is_cancelled(rig: ApiRig) -> None:
    order_id = await resting(rig)
    answer = await rig.call("DELETE", f"/orders/{order_id}")
    assert (answer.status, answer.json) == (202, {"order_ids": [order_id], "durable": True})
    assert await until(lambda: _is(rig, order_id, "cancelled"))


async def _is(rig: ApiRig, order_id: str, status: str) -> bool:
    return bool((await rig.get(f"/orders/{order_id}"))["status"] == status)


async def test_an_order_that_is_done_cannot_be_cancelled(rig: ApiRig) -> None:
    order_id = await resting(rig)
    await rig.call("DELETE", f"/orders/{order_id}")
    await until(lambda: _is(rig, order_id, "cancelled"))
    answer = await rig.call("DELETE", f"/orders/{order_id}")
    assert (answer.status, answer.json["code"]) == (409, "already_done")


async def test_an_order_that_is_not_there_cannot_be_cancelled(rig: ApiRig) -> None:
    answers = [await rig.call("DELETE", f"/orders/{order_id}") for order_id in (uuid4(), "none", "%00")]
    assert [(answer.status, answer.json["code"]) for answer in answers] == [(404, "not_found")] * 3


async def test_a_stranger_neither_sees_nor_cancels_an_order(rig: ApiRig) -> None:
    order_id = await resting(rig)
    answers: list[Answer] = [
        await rig.call("GET", f"/orders/{order_id}", token=BOB_TOKEN),
        await rig.call("GET", f"/orders/{order_id}/events", token=BOB_TOKEN),
        await rig.call("DELETE", f"/orders/{order_id}", token=BOB_TOKEN),
    ]
    assert [answer.status for answer in answers] == [404, 404, 404]
    assert (await rig.get("/orders", token=BOB_TOKEN))["items"] == []
    assert len(await open_orders(rig)) == 1


async def test_all_open_orders_of_a_symbol_are_cancelled(rig: ApiRig) -> None:
    wanted = {await resting(rig, price=price) for price in ("59000", "58000")}
    answer = await rig.call("DELETE", "/orders?symbol=BTC/USDT")
    assert answer.status == 202
    assert set(answer.json["order_ids"]) == wanted
    assert await until(lambda: _none_open(rig))


async def _none_open(rig: ApiRig) -> bool:
    return not await open_orders(rig)


async def test_while_the_database_is_away_cancels_pass_and_orders_do_not(rig: ApiRig) -> None:
    order_id = await resting(rig)
    rig.bus.publish(StoreStatus(available=False, reason="unplugged", since_ns=1))
    placed = await rig.place()
    cancelled = await rig.call("DELETE", f"/orders/{order_id}")
    assert (placed.status, placed.json["code"], placed.headers["Retry-After"]) == (503, "database_away", "5")
    assert cancelled.status == 202


async def test_while_the_database_hangs_a_cancel_is_not_held_up(rig: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = await resting(rig)
    hanging = asyncio.Event()

    async def hang(*_: Any, **__: Any) -> Any:
        await hanging.wait()

    for port, name in ((rig.reads, "order"), (rig.reads, "stored_answer"), (rig.identity, "session")):
        monkeypatch.setattr(port, name, hang)
    answer = await asyncio.wait_for(
        rig.call("DELETE", f"/orders/{order_id}", headers={"Idempotency-Key": "now"}), timeout=5
    )
    assert (answer.status, answer.json["order_ids"]) == (202, [order_id])
    hanging.set()


async def test_a_wrong_query_is_named(rig: ApiRig) -> None:
    wrong = {
        "limit=0": "limit", "limit=501": "limit", "limit=x": "limit", "status=blue": "status",
        "since=yesterday": "since", "color=red": "color", "limit=1&limit=2": "limit", "cursor=%00": "cursor",
    }  # fmt: skip
    answers = {query: await rig.call("GET", f"/orders?{query}") for query in wrong}
    assert {query: answer.json["field"] for query, answer in answers.items()} == wrong
    assert {answer.status for answer in answers.values()} == {422}


async def test_a_long_list_comes_in_pages(rig: ApiRig) -> None:
    placed = [(await rig.place(price=str(58_000 + number))).json["id"] for number in range(5)]
    page = await rig.get("/orders?limit=2")
    seen = [row["id"] for row in page["items"]]
    while page["next_cursor"]:
        page = await rig.get(f"/orders?limit=2&cursor={page['next_cursor']}")
        seen += [row["id"] for row in page["items"]]
    assert seen == placed[::-1]


async def test_while_a_replay_catches_up_orders_wait_and_cancels_pass(rig: ApiRig) -> None:
    order_id = await resting(rig)
    rig.marks.begin_catch_up(VENUE)
    refused = [
        await rig.place(headers={"Idempotency-Key": "k1"}),
        await rig.call("PATCH", f"/orders/{order_id}", json={"quantity": "0.020"}),
        await rig.call("POST", "/executors", json=BRACKET),
    ]
    assert [(answer.status, answer.json["code"]) for answer in refused] == [(503, "catching_up")] * 3
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert len(await open_orders(rig)) == 1
    assert (await rig.call("DELETE", f"/orders/{order_id}")).status == 202
    rig.marks.end_catch_up(VENUE)
    assert (await rig.place(headers={"Idempotency-Key": "k1"})).status == 201, "a refusal uses no key up"
