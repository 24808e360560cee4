"""One-time tickets for WebSockets of browsers on another origin, which can set no header."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from actors.api.auth_tokens import new_ticket
from engine.domain.ports import Clock

TICKET_NS: Final = 30_000_000_000
TICKETS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket stands for."""

    token_hash: str
    """Of the session that asked for it."""
    origin: str
    """`Origin` of the request that asked; empty for a client that is no browser."""
    expires_ns: int
    """Monotonic."""


class Tickets:
    """Tickets that were given out and not used."""

    def __init__(self, clock: Clock) -> None:
        """Start with none."""
        self._clock = clock
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def issue(self, token_hash: str, origin: str) -> str:
        """Make a ticket, good for `TICKET_NS`."""
        now_ns = self._clock.monotonic_ns()
        while self._tickets:
            oldest = next(iter(self._tickets))
            if self._tickets[oldest].expires_ns > now_ns and len(self._tickets) < TICKETS_MAX:
                break
            del self._tickets[oldest]
        value = new_ticket()
        self._tickets[value] = Ticket(token_hash, origin, now_ns + TICKET_NS)
        return value

    def redeem(self, value: str, origin: str) -> str | None:
        """Use a ticket up; the token hash behind it, None if it is unknown, used, late, or of another origin."""
        ticket = self._tickets.pop(value, None)
        if ticket is None or ticket.expires_ns <= self._clock.monotonic_ns() or ticket.origin != origin:
            return None
        return ticket.token_hash
