"""Bodies and queries are read strictly."""

from decimal import Decimal

import pytest
from aiohttp.test_utils import make_mocked_request

from actors.api.decode import Body, Listed, decimal, decode, path_id, read_query, time_ns
from actors.api.problems import Problem


class Order(Body, frozen=True, kw_only=True):
    quantity: str
    note: str = ""


@pytest.mark.parametrize(
    ("raw", "status", "field"),
    [
        (b'{"quantity":1}', 422, "quantity"),
        (b"{}", 422, "quantity"),
        (b'{"quantity":"1","x":2}', 422, "x"),
        (b"[]", 422, "message"),
        (b"{", 400, None),
        (b'{"quantity":"\xff"}', 400, None),
    ],
)
def test_a_wrong_body_names_its_field(raw: bytes, status: int, field: str | None) -> None:
    with pytest.raises(Problem) as caught:
        decode(raw, Order)
    assert (caught.value.status, caught.value.extra.get("field")) == (status, field)


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity", "1" * 10_000, "1e999", "", " 1", "1_0", "٣", "1e-19"])
def test_an_impossible_number_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="quantity"):
        decimal(text, "quantity")


def test_a_number_keeps_every_digit() -> None:
    assert decimal("0.000000000000000001", "q") == Decimal("1E-18")


@pytest.mark.parametrize("text", ["yesterday", "2024-01-01", "2024-01-01T00:00:00", "1704067200", "x" * 10_000])
def test_a_time_needs_a_zone(text: str) -> None:
    with pytest.raises(Problem, match="since"):
        time_ns(text, "since")


def test_a_time_is_read_in_any_zone() -> None:
    assert time_ns("2024-01-01T01:00:00+01:00", "since") == time_ns("2024-01-01T00:00:00Z", "since")
    assert time_ns(None, "since") is None


@pytest.mark.parametrize("query", ["limit=1&limit=2", "x=1", "limit=ten", "limit=1.5"])
def test_a_wrong_query_is_refused(query: str) -> None:
    with pytest.raises(Problem, match="invalid_field"):
        read_query(make_mocked_request("GET", f"/?{query}"), Listed)


@pytest.mark.parametrize("limit", [0, 501, -1])
def test_a_page_has_at_most_500_rows(limit: int) -> None:
    listed = read_query(make_mocked_request("GET", f"/?limit={limit}"), Listed)
    with pytest.raises(Problem, match="limit"):
        _ = listed.page


def test_what_is_no_id_does_not_exist() -> None:
    with pytest.raises(Problem, match="not_found"):
        path_id(make_mocked_request("GET", "/", match_info={"id": "../etc"}))
