"""An answer is a refusal only where the venue says so itself."""

import pytest

from connectors.bridge.answers import Rule, Seen, VenueError, Verdict, is_json, judged
from connectors.bridge.errors import (
    AuthRefused,
    BridgeError,
    ClockOff,
    Duplicate,
    Limited,
    Maintenance,
    Refused,
    Unknown,
)
from engine.runtime.clock import NS_PER_S

RULES = {
    "-2010": Rule(Verdict.REFUSED, "insufficient_funds"),
    "-2015": Rule(Verdict.AUTH, "bad_key"),
    "-1003": Rule(Verdict.LIMITED),
    "-1021": Rule(Verdict.CLOCK),
    "-1008": Rule(Verdict.MAINTENANCE),
    "-1009": Rule(Verdict.CLOSED),
    "-4116": Rule(Verdict.DUPLICATE),
    "-1007": Rule(Verdict.UNKNOWN),
}


def judge(status: int, code: str | None, body: bytes = b"{}", **headers: str) -> BridgeError:
    said = None if code is None else VenueError(code, "what the venue says")
    return judged(said, Seen(status, headers, body), RULES)


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        ("-2010", Refused, "insufficient_funds"),
        ("-2015", AuthRefused, "bad_key"),
        ("-1021", ClockOff, "-1021"),
        ("-1008", Maintenance, "maintenance"),
        ("-4116", Duplicate, "-4116"),
        ("-1007", Unknown, "-1007"),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 503])
def test_the_table_decides_whatever_the_status(status: int, code: str, kind: type[BridgeError], word: str) -> None:
    error = judge(status, code)
    assert type(error) is kind
    assert error.code == word


def test_only_a_venue_that_promises_it_did_nothing_while_it_is_closed() -> None:
    assert not judge(503, "-1008").is_definite
    assert judge(503, "-1009").is_definite


def test_a_refusal_keeps_the_code_of_the_venue() -> None:
    error = judge(400, "-2010")
    assert isinstance(error, Refused)
    assert error.venue_code == "-2010"


@pytest.mark.parametrize("status", [200, 400, 404, 409, 422])
def test_a_code_that_nobody_has_listed_is_a_refusal_where_the_request_was_at_fault(status: int) -> None:
    error = judge(status, "-9999")
    assert isinstance(error, Refused)
    assert error.code == "-9999"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_in_trouble_proves_nothing_even_with_a_code(status: int) -> None:
    assert isinstance(judge(status, "-9999"), Unknown)


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 500, 503])
def test_an_answer_without_a_code_of_the_venue_proves_nothing(status: int) -> None:
    error = judge(status, None, b"<html>" + b"x" * 10_000)
    assert isinstance(error, Unknown)
    assert error.code == f"http_{status}"
    assert len(error.message) <= 80


@pytest.mark.parametrize(("status", "code"), [(401, "bad_key"), (403, "no_permission")])
def test_a_closed_door_with_a_code_is_about_the_key(status: int, code: str) -> None:
    error = judge(status, "strange")
    assert isinstance(error, AuthRefused)
    assert error.code == code


@pytest.mark.parametrize(("status", "code"), [(429, None), (418, None), (429, "-9999"), (400, "-1003")])
def test_a_limiter_has_not_looked_at_the_request(status: int, code: str | None) -> None:
    error = judge(status, code, b"<html>", **{"Retry-After": "7"})
    assert isinstance(error, Limited)
    assert error.is_definite
    assert error.retry_after_ns == 7 * NS_PER_S
    assert error.is_ban == (status == 418)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'"x"', b"null", b"12", b"-1", b"true", b"false"])
def test_json_is_known_by_its_first_byte(body: bytes) -> None:
    assert is_json(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"OK", b"\xff"])
def test_a_page_or_nothing_is_no_json(body: bytes) -> None:
    assert not is_json(body)
