"""Orders that make no sense, over HTTP to a running engine: each is refused by name, and none is half made."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, a_daemon, query

CONFIG = """
[server]
requests_per_second = 1000
orders_per_second = 1000

[[accounts]]
name = "paper-1"
user = "demo@localhost"
starting_balances = { USDT = 100000, BTC = 1 }
"""
MADE = "select (select count(*) from orders) as orders, (select count(*) from paper.orders) as sent"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, pg_cluster: Path) -> Iterator[Daemon]:
    with a_daemon(tmp_path_factory.mktemp("orders") / "data", config=CONFIG, cluster=pg_cluster) as running:
        running.start()
        running.wait_for(lambda: running.get("/market/tickers")["items"], "prices", 10)
        yield running
        assert running.stop() == 0
        assert '"level":"error"' not in running.output


@pytest.fixture(scope="module")
def url(daemon: Daemon) -> str:
    return daemon.reader_url()


@pytest.fixture
def order(daemon: Daemon) -> dict[str, Any]:
    """An order that would rest."""
    price = next(row["price"] for row in daemon.get("/market/tickers")["items"] if row["symbol"] == "BTC/USDT")
    return {
        "account_id": daemon.get("/accounts")["items"][0]["id"],
        "symbol": "BTC/USDT",
        "side": "buy",
        "type": "limit",
        "quantity": "0.01",
        "price": f"{float(price) * 0.95:.2f}",
    }


def made(url: str) -> tuple[int, int]:
    """How many orders there are, and how many the venue has heard of."""
    (row,) = asyncio.run(query(url, MADE))
    return row["orders"], row["sent"]


def post(daemon: Daemon, raw: bytes, content_type: str = "application/json") -> tuple[int, str, dict[str, Any]]:
    """Send bytes as an order: status, content type, body."""
    request = urllib.request.Request(daemon.url + "/api/v1/orders", data=raw, method="POST")
    request.add_header("Authorization", f"Bearer {daemon.token}")
    request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], json.loads(error.read())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "NaN"),
        ("quantity", "Infinity"),
        ("quantity", "0"),
        ("quantity", "-1"),
        ("quantity", "9" * 10_000),
        ("quantity", "1e500"),
        ("quantity", "1_000"),
        ("quantity", " 1"),
        ("quantity", "１"),  # noqa: RUF001 - a digit of another script.
        ("quantity", ""),
        ("quantity", 0.01),
        ("quantity", 1),
        ("quantity", None),
        ("price", "NaN"),
        ("price", "-5"),
        ("price", None),
        ("stop_price", "1"),
        ("symbol", "NOPE/USDT"),
        ("symbol", "btc/usdt"),
        ("symbol", "BTC/USDT\x00"),
        ("account_id", "mine"),
        ("side", "hold"),
        ("type", "iceberg"),
        ("time_in_force", "XYZ"),
        ("post_only", "yes"),
        ("client_order_id", "a b"),
        ("client_order_id", "x" * 65),
        ("leverage", "100"),
    ],
)
def test_a_wrong_field_is_named_and_no_order_is_made(
    field: str, value: object, daemon: Daemon, url: str, order: dict[str, Any]
) -> None:
    before = made(url)
    status, kind, problem = post(daemon, json.dumps(order | {field: value}).encode())
    assert (status, kind.partition(";")[0]) == (422, "application/problem+json")
    assert (problem["code"], problem["field"]) == ("invalid_field", field)
    assert "expected Expected" not in problem["detail"]
    assert made(url) == before


def test_a_name_that_is_there_twice_is_refused(daemon: Daemon, url: str, order: dict[str, Any]) -> None:
    before = made(url)
    status, _, problem = post(daemon, json.dumps(order).encode()[:-1] + b',"quantity":"5"}')
    assert (status, problem["code"], problem["field"]) == (422, "invalid_field", "quantity")
    assert made(url) == before


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (400, "malformed_json")),
        (b'{"account_id"', (400, "malformed_json")),
        (b'{"account_id":"\xff"}', (422, "invalid_field")),
        (b"[" * 50_000, (422, "invalid_field")),
        (b"null", (422, "invalid_field")),
        (b"{}", (422, "invalid_field")),
        (b'{"quantity": NaN}', (400, "malformed_json")),
        (b'"' + b"x" * 100_000 + b'"', (413, "body_too_large")),
    ],
)
def test_a_body_that_is_no_order_is_refused(raw: bytes, expected: tuple[int, str], daemon: Daemon, url: str) -> None:
    before = made(url)
    status, kind, problem = post(daemon, raw)
    assert (status, problem["code"]) == expected
    assert kind.startswith("application/problem+json")
    assert made(url) == before


def test_a_body_of_another_kind_is_refused(daemon: Daemon, order: dict[str, Any]) -> None:
    status, _, problem = post(daemon, json.dumps(order).encode(), "text/plain")
    assert (status, problem["code"]) == (415, "unsupported_media_type")


def test_an_account_of_nobody_does_not_exist(daemon: Daemon, url: str, order: dict[str, Any]) -> None:
    before = made(url)
    other = order["account_id"][:-1] + ("0" if order["account_id"][-1] != "0" else "1")
    status, _, problem = post(daemon, json.dumps(order | {"account_id": other}).encode())
    assert (status, problem["code"]) == (404, "not_found")
    assert made(url) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "0.0100001"}, "step_size"),
        ({"quantity": "0.000000001"}, "min_quantity"),
        ({"price": "55000.001"}, "tick_size"),
        ({"price": "1000.00"}, "price_band"),
        ({"quantity": "1000"}, "order_notional"),
    ],
)
def test_a_limit_denies_and_the_denial_is_one_whole_row(
    changes: dict[str, str], code: str, daemon: Daemon, url: str, order: dict[str, Any]
) -> None:
    orders, sent = made(url)
    status, _, problem = post(daemon, json.dumps(order | changes).encode())
    assert (status, problem["code"]) == (422, code)
    assert {"limit", "value"} <= problem.keys()
    assert made(url) == (orders + 1, sent), "it is kept, and was never sent"
    row = daemon.get(f"/orders/{problem['order_id']}")
    assert (row["status"], row["status_detail"], row["denial_code"]) == ("rejected", "denied", code)


def test_after_all_that_a_correct_order_works(daemon: Daemon, url: str, order: dict[str, Any]) -> None:
    orders, sent = made(url)
    status, answer = daemon.call("POST", "/api/v1/orders?wait=ack", order)
    assert (status, answer["status"]) == (201, "open")
    assert made(url) == (orders + 1, sent + 1)
