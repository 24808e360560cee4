"""The unit of work: what must be true together travels and commits together.

A unit is opened by the first actor of a decision, in the same handler that changes memory, and takes its number from
the cell's counter. The next actors add rows and events (`plus`); the last one sends it to the `StorageWriter`. The
writer commits a user's units in the order of their numbers and publishes `UnitsCommitted` under the user's id.
"""

from typing import Any, ClassVar

import msgspec

from engine.domain.identifiers import NO_USER, AccountId, CausationId, CorrelationId, UnitId, UserId
from engine.domain.ports import Ids
from engine.messages.base import Message
from engine.messages.rows import Row
from engine.messages.rows_people import AuditRow, IdempotencyRow


class JournalEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact of one user on one lossless channel, as the stream will show it."""

    channel: str
    """`orders`, `trades`, `positions`, `balances`, `portfolio`, `signals`, `agents`, `risk`, `alerts` or `control`."""
    type: str
    """Past tense: `OrderFilled`."""
    data: Any
    """A `Row`, shown under its column names, or a dict of ready JSON values."""
    at_ns: int
    account_id: AccountId | None = None
    correlation_id: CorrelationId | None = None
    causation_id: CausationId | None = None


class WriteUnit(Message, frozen=True, kw_only=True):
    """Rows and events of one decision or fact; commits whole or not at all."""

    id: UnitId
    n: int | None
    """Number within the user's cell since it took its lease: 1, 2, 3; None outside a cell."""
    user_id: UserId
    fence: int | None
    """The cell's fence token; None outside a cell."""
    correlation_id: CorrelationId | None = None
    rows: tuple[Row, ...] = ()
    events: tuple[JournalEvent, ...] = ()

    def plus(self, rows: tuple[Row, ...] = (), events: tuple[JournalEvent, ...] = ()) -> "WriteUnit":
        """Derive the same unit with more rows and events after those that it has."""
        return WriteUnit(
            id=self.id,
            n=self.n,
            user_id=self.user_id,
            fence=self.fence,
            correlation_id=self.correlation_id,
            rows=self.rows + rows,
            events=self.events + events,
        )


class UnitNumbers:
    """The counter of one cell: numbers its units 1, 2, 3 under one fence.

    Shared by the actors of the cell, which all run on one loop. A cell that restarts takes a new fence and a counter.
    """

    __slots__ = ("_ids", "fence", "last", "user_id")

    def __init__(self, user_id: UserId, fence: int, ids: Ids) -> None:
        """Start the count for `user_id` under `fence`."""
        self.user_id = user_id
        self.fence = fence
        self.last = 0
        self._ids = ids

    def open(
        self,
        correlation_id: CorrelationId | None = None,
        rows: tuple[Row, ...] = (),
        events: tuple[JournalEvent, ...] = (),
    ) -> WriteUnit:
        """Open the next unit. Whoever opens it sees to it that it reaches the writer, even empty."""
        self.last += 1
        return WriteUnit(
            id=UnitId(self._ids.uuid()),
            n=self.last,
            user_id=self.user_id,
            fence=self.fence,
            correlation_id=correlation_id,
            rows=rows,
            events=events,
        )


def unit_without_cell(
    ids: Ids, rows: tuple[Row, ...], events: tuple[JournalEvent, ...] = (), user_id: UserId = NO_USER
) -> WriteUnit:
    """Make a unit of an author that has no cell (Api's sessions, Snapshotter): no number, no fence."""
    return WriteUnit(id=UnitId(ids.uuid()), n=None, user_id=user_id, fence=None, rows=rows, events=events)


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The audit row and, where the caller sent a key, the idempotency row of a command over HTTP.

    They travel in the unit of the actor that the command belongs to.
    """

    audit: AuditRow
    idempotency: IdempotencyRow | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Both as rows of a unit."""
        return (self.audit,) if self.idempotency is None else (self.audit, self.idempotency)


class UnitsCommitted(Message, frozen=True, kw_only=True):
    """StorageWriter, on the bus under the user's id: every unit of the user with a number up to `n` is durable."""

    __lane__: ClassVar[str] = "control"

    user_id: UserId
    fence: int
    n: int


class WriteAnswer(Message, frozen=True, kw_only=True):
    """Reply to an `ask` with a `WriteUnit`, given after the commit."""

    unit_id: UnitId
    first_seq: int | None = None
    last_seq: int | None = None


class CommittedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A journal event with its numbers; `data` is its JSON text, encoded once for all clients."""

    seq: int
    prev: int
    """seq of the user's previous event on this channel, 0 if none."""
    user_id: UserId
    channel: str
    type: str
    at_ns: int
    account_id: AccountId | None
    correlation_id: CorrelationId | None
    data: bytes


class EventsCommitted(Message, frozen=True, kw_only=True):
    """StorageWriter, on the bus under the user's id: these events are durable, in the order of `seq`."""

    user_id: UserId
    events: tuple[CommittedEvent, ...]


class CellHalted(Message, frozen=True, kw_only=True):
    """On the bus under the user's id: a unit could not be committed; the cell drops its memory and loads again."""

    __lane__: ClassVar[str] = "control"

    user_id: UserId
    fence: int
    reason: str
    """`fenced`, `bad_data` or `crashed`."""
    detail: str = ""


class StoreStatus(Message, frozen=True, kw_only=True):
    """StorageWriter, on the bus: the database went away (writes wait, no order leaves) or came back."""

    __lane__: ClassVar[str] = "control"

    available: bool
    reason: str = ""
    since_ns: int
    """Wall clock."""
