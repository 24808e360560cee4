"""Numbers the events of a batch: `seq` counts per user, `prev` is the user's previous number on the channel.

Both stores number in memory and make it true at the end of their transaction: PostgreSQL moves each head only if it is
still where the batch was numbered from, under the lock of its row. A batch that fails has used no number.
"""

from collections.abc import Iterable, Sequence

import msgspec

from engine.domain.identifiers import UserId
from engine.messages.render import render
from engine.messages.writing import CommittedEvent, JournalEvent, WriteUnit

HeadsOfUser = dict[str, int]
"""Last number per channel; under '' the user's."""


class NumberedUnit(msgspec.Struct, frozen=True, gc=False):
    """A unit and its events as they will stand in the journal."""

    unit: WriteUnit
    events: tuple[CommittedEvent, ...]

    @property
    def first_seq(self) -> int | None:
        """Number of the first event; None without any."""
        return self.events[0].seq if self.events else None

    @property
    def last_seq(self) -> int | None:
        """Number of the last event; None without any."""
        return self.events[-1].seq if self.events else None


class Numbering:
    """Numbers of one batch, on top of heads that it leaves alone until `apply`."""

    def __init__(self, heads: dict[UserId, HeadsOfUser]) -> None:
        """Start from `heads`; a user that is not in it starts at 0."""
        self._heads = heads
        self.after: dict[UserId, HeadsOfUser] = {}
        """Heads of the users that the batch has events of."""

    def number(self, unit: WriteUnit) -> NumberedUnit:
        """Number a unit's events behind those of the units before it.

        Raises:
            ValueError: A text cannot be UTF-8, or holds U+0000.
            TypeError: An event holds something that is no JSON.
        """
        if not unit.events:
            return NumberedUnit(unit, ())
        heads = self.after.get(unit.user_id)
        if heads is None:
            heads = self.after[unit.user_id] = dict(self._heads.get(unit.user_id, ()))
        return NumberedUnit(unit, tuple([_numbered(event, unit, heads) for event in unit.events]))

    def before(self, user_id: UserId) -> int:
        """Return the user's number before the batch."""
        return self._heads.get(user_id, {}).get("", 0)

    def moved(self) -> list[tuple[UserId, str, int]]:
        """Return the heads after the batch, by user and channel: channel '' comes first."""
        return [
            (user_id, channel, seq)
            for user_id, heads in sorted(self.after.items())
            for channel, seq in sorted(heads.items())
            if seq != self._heads.get(user_id, {}).get(channel, 0)
        ]

    def apply(self) -> None:
        """Make these the heads: the batch has committed."""
        self._heads.update(self.after)


def users_of(units: Iterable[WriteUnit]) -> set[UserId]:
    """Return the users whose events are in the units."""
    return {unit.user_id for unit in units if unit.events}


def cells_of(units: Sequence[WriteUnit]) -> list[tuple[UserId, int]]:
    """Return the (user, fence) pairs that must be held for the units, in order of user."""
    return sorted({(unit.user_id, unit.fence) for unit in units if unit.fence is not None})


def _numbered(event: JournalEvent, unit: WriteUnit, heads: HeadsOfUser) -> CommittedEvent:
    seq = heads[""] = heads.get("", 0) + 1
    prev = heads.get(event.channel, 0)
    heads[event.channel] = seq
    return CommittedEvent(
        seq=seq,
        prev=prev,
        user_id=unit.user_id,
        channel=event.channel,
        type=event.type,
        at_ns=event.at_ns,
        account_id=event.account_id,
        correlation_id=event.correlation_id if event.correlation_id is not None else unit.correlation_id,
        data=_without_u0000(render(event.data)),
    )


def _without_u0000(data: bytes) -> bytes:
    # The journal takes JSON text as it is, and the server would stumble over this character only when it reads a value.
    # What is left of a run of backslashes after its pairs are gone belongs to the escape.
    if b"\\u0000" in data and b"\\u0000" in data.replace(b"\\\\", b""):
        raise ValueError("expected an event without U+0000")
    return data
