"""Client ids of spot orders that were replaced: one id to the engine, one per generation at the venue.

Spot cannot change an order; it cancels one and places another in one request. Each new order gets our id with one more
letter, so that no id ever names two orders. Whoever looks for an order goes through its generations: the next one was
placed only if the one before was cancelled. The cancel inside a replacement has an id that tells what it was.
"""

import re
from typing import Final

from connectors.bridge.errors import Refused

LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""Of the generations after the first; an id of ours leaves room for one letter."""
REPLACING: Final = "cr-"
"""Begins the id of a cancel that is half of a replacement."""

REMEMBERED: Final = 100_000
"""Replaced orders; the oldest leave first, and are looked for from their first generation on."""

_OURS: Final = re.compile(r"(cv-[0-9a-f]{32})([a-zA-Z0-9]?)", re.ASCII)


def base_of(client_id: str) -> str:
    """Return our id of an order that the venue calls so; ids of others stay as they are."""
    found = _OURS.fullmatch(client_id)
    return client_id if found is None else found.group(1)


def next_of(client_id: str) -> str | None:
    """Return the id of the order that would replace this one; None if there can be none."""
    found = _OURS.fullmatch(client_id)
    if found is None:
        return None
    base, letter = found.groups()
    number = LETTERS.index(letter) + 1 if letter else 0
    return None if number >= len(LETTERS) else base + LETTERS[number]


def replacement_of(client_id: str) -> tuple[str, str]:
    """Return the ids of the next generation and of the cancel that makes room for it.

    Raises:
        Refused: The order is not ours, or was replaced too often.
    """
    found = next_of(client_id)
    if found is None:
        raise Refused("amend_unsupported", "the order was replaced too often, or is not ours")
    return found, REPLACING + found.removeprefix("cv-")


def is_replacing(cancel_id: str) -> bool:
    """Whether a cancel was half of a replacement: the order lives on as another."""
    return cancel_id.startswith(REPLACING)


class Generations:
    """The newest forms of the orders that were replaced."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        """Remember `limit` orders."""
        self._limit = limit
        self._newest: dict[str, str] = {}

    def newest(self, client_id: str) -> str:
        """Return the id by which the venue knows an order of ours now, as far as is known."""
        return self._newest.get(client_id, client_id)

    def remember(self, client_id: str, wire_id: str) -> None:
        """Take note of the newest form of an order."""
        self._newest[client_id] = wire_id
        if len(self._newest) > self._limit:
            del self._newest[next(iter(self._newest))]
