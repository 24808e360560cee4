"""Requests that wait, and those whose answers would be late."""

import pytest

from connectors.remote import requests as module
from connectors.remote.requests import CANCELS_MAX, OPENS_MAX, QUERIES_MAX, Request, Requests
from engine.messages.base import Message
from engine.messages.venues import AccountQuery
from engine.runtime.clock import VirtualClock
from tests.connectors.remote.support import ACCOUNT, a_cancel, a_submit, an_amend

SUBMIT = a_submit()
CLOCK = VirtualClock()


def add(requests: Requests, message: Message) -> Request:
    timer = CLOCK.call_after(1, lambda: None)
    request = Request(requests.next_number(), message, lambda _answer: None, timer)
    requests.add(request)
    return request


def test_numbers_count_over_all_connections() -> None:
    requests = Requests()
    first, second = add(requests, SUBMIT), add(requests, SUBMIT)
    assert [each.number for each in requests.abandon()] == [first.number, second.number] == [1, 2]
    assert requests.get(1) is None
    assert add(requests, SUBMIT).number == 3


def test_a_request_that_is_given_up_is_recognised_until_its_answer_or_the_end() -> None:
    requests = Requests()
    request = add(requests, SUBMIT)
    assert requests.late(request.number) is None
    assert requests.give_up(request.number) is request
    assert requests.give_up(request.number) is None
    assert requests.late(request.number) is SUBMIT
    requests.forget_late(request.number)
    assert requests.late(request.number) is None
    requests.give_up(add(requests, SUBMIT).number)
    requests.abandon()
    assert requests.late(2) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_MAX", 3)
    requests = Requests()
    for _ in range(5):
        requests.give_up(add(requests, SUBMIT).number)
    assert [number for number in range(1, 6) if requests.late(number)] == [3, 4, 5]


def test_each_kind_has_room_of_its_own() -> None:
    requests = Requests()
    query, cancel, amend = AccountQuery(account_id=ACCOUNT), a_cancel(SUBMIT), an_amend(SUBMIT)
    opens = [add(requests, SUBMIT) for _ in range(OPENS_MAX)]
    assert (requests.is_full_for(SUBMIT), requests.is_full_for(amend)) == (True, True)
    assert not requests.is_full_for(cancel)
    queries = [add(requests, query) for _ in range(QUERIES_MAX)]
    assert requests.is_full_for(query)
    assert not requests.is_full_for(cancel)
    for _ in range(CANCELS_MAX):
        add(requests, cancel)
    assert requests.is_full_for(cancel)
    requests.settle(opens[0])
    requests.settle(queries[0])
    assert not requests.is_full_for(SUBMIT)
    assert not requests.is_full_for(query)
    assert len(requests) == OPENS_MAX + QUERIES_MAX + CANCELS_MAX - 2
