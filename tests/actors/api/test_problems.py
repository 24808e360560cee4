"""Problem documents say what, why and how to go on, and repeat no input."""

import msgspec

from actors.api.problems import Problem, invalid_field, not_found, of_status, unavailable
from engine.domain.errors import BadInput


def test_a_document_has_the_members_of_rfc_9457_and_a_code() -> None:
    response = Problem(422, "position_size", "too much", limit="1", value="2", field=None).response("corr")
    assert response.content_type == "application/problem+json"
    assert isinstance(response.body, bytes)
    assert msgspec.json.decode(response.body) == {
        "type": "urn:cival:problem:position_size", "title": "The request cannot be carried out", "status": 422,
        "detail": "too much", "code": "position_size", "correlation_id": "corr", "limit": "1", "value": "2",
    }  # fmt: skip


def test_a_wrong_field_is_named_without_its_value() -> None:
    problem = invalid_field(BadInput("password", expected="12 characters", was="hunter2"))
    assert "hunter2" not in str(problem.document("c"))
    assert problem.extra == {"field": "password", "expected": "12 characters"}


def test_what_is_away_says_when_to_come_back() -> None:
    assert unavailable("database_away", "away").headers == {"Retry-After": "5"}


def test_errors_of_the_library_get_codes() -> None:
    assert [of_status(status).code for status in (404, 405, 413, 400)] == [
        "not_found", "method_not_allowed", "body_too_large", "bad_request"]  # fmt: skip
    assert not_found("order").detail == "there is no such order"
