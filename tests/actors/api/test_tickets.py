"""Tickets open one WebSocket, soon, from one page."""

from actors.api.tickets import TICKET_NS, TICKETS_MAX, Tickets
from engine.runtime.clock import VirtualClock


def test_a_ticket_works_once() -> None:
    tickets = Tickets(VirtualClock(0))
    value = tickets.issue("hash", "https://a")
    assert tickets.redeem(value, "https://a") == "hash"
    assert tickets.redeem(value, "https://a") is None


def test_a_ticket_of_another_page_is_used_up_in_vain() -> None:
    tickets = Tickets(VirtualClock(0))
    value = tickets.issue("hash", "https://a")
    assert tickets.redeem(value, "https://b") is None
    assert tickets.redeem(value, "https://a") is None


def test_a_late_ticket_does_not_work() -> None:
    clock = VirtualClock(0)
    tickets = Tickets(clock)
    value = tickets.issue("hash", "")
    clock.advance(TICKET_NS)
    assert tickets.redeem(value, "") is None


def test_tickets_that_nobody_uses_do_not_pile_up() -> None:
    clock = VirtualClock(0)
    tickets = Tickets(clock)
    for _ in range(TICKETS_MAX + 50):
        tickets.issue("hash", "")
    assert len(tickets._tickets) <= TICKETS_MAX
    clock.advance(TICKET_NS)
    tickets.issue("hash", "")
    assert len(tickets._tickets) == 1
