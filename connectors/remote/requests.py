"""Requests that wait for their answers, and those whose answers would be late.

Numbers count up over all connections of a venue, so that an answer to an earlier one is never taken for another's.
"""

from collections.abc import Callable
from typing import Final

from engine.messages.base import Message
from engine.messages.venues import VenueAmend, VenueCancel, VenueSubmit
from engine.runtime.clock import Timer

LATE_MAX: Final = 10_000
"""Commands without an answer that are remembered; a late answer to an older one is counted as an unknown one."""
OPENS_MAX: Final = 5_000
QUERIES_MAX: Final = 1_000
CANCELS_MAX: Final = 20_000

OnAnswer = Callable[[Message], None]
"""Gets the answer, a refusal, or what a request without an answer comes to; once."""


class Request:
    """One request on its way."""

    __slots__ = ("message", "number", "on_answer", "timer")

    def __init__(self, number: int, message: Message, on_answer: OnAnswer, timer: Timer) -> None:
        self.number = number
        self.message = message
        self.on_answer = on_answer
        self.timer = timer


class Requests:
    """The requests of one venue."""

    def __init__(self) -> None:
        """Begin with number 1."""
        self._last = 0
        self._pending: dict[int, Request] = {}
        self._late: dict[int, Message] = {}
        self._opens = 0
        self._cancels = 0

    def __len__(self) -> int:
        return len(self._pending)

    def is_full_for(self, message: Message) -> bool:
        """Whether as many requests of its kind are on their way as may be.

        Opens and queries have room of their own, so that cancels leave however many of them hang.
        """
        if isinstance(message, VenueSubmit | VenueAmend):
            return self._opens >= OPENS_MAX
        if isinstance(message, VenueCancel):
            return self._cancels >= CANCELS_MAX
        return len(self._pending) - self._opens - self._cancels >= QUERIES_MAX

    def next_number(self) -> int:
        """Take the next number."""
        self._last += 1
        return self._last

    def add(self, request: Request) -> None:
        """Wait for an answer."""
        self._pending[request.number] = request
        self._count(request.message, 1)

    def get(self, number: int) -> Request | None:
        """Return a request that waits; None if it does not, or never was."""
        return self._pending.get(number)

    def late(self, number: int) -> Message | None:
        """Return the request of a number whose time was over; None for all others."""
        return self._late.get(number)

    def settle(self, request: Request) -> None:
        """Its answer is there."""
        del self._pending[request.number]
        self._count(request.message, -1)
        request.timer.cancel()

    def give_up(self, number: int) -> Request | None:
        """Wait no more, but recognise the answer if it comes; None if the request does not wait."""
        request = self._pending.get(number)
        if request is not None:
            self.settle(request)
            self._late[number] = request.message
            if len(self._late) > LATE_MAX:
                del self._late[next(iter(self._late))]
        return request

    def forget_late(self, number: int) -> None:
        """The late answer has come."""
        self._late.pop(number, None)

    def abandon(self) -> list[Request]:
        """The connection is over: return all that waited, oldest first."""
        abandoned = list(self._pending.values())
        for request in abandoned:
            request.timer.cancel()
        self._pending.clear()
        self._late.clear()
        self._opens = self._cancels = 0
        return abandoned

    def _count(self, message: Message, by: int) -> None:
        if isinstance(message, VenueSubmit | VenueAmend):
            self._opens += by
        elif isinstance(message, VenueCancel):
            self._cancels += by
