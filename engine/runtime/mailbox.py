"""The bounded inbox of an actor: three lanes, conflation by key, and a barrier for stop.

A message is put as it is; only an ask travels in an envelope. Its class says which lane it takes (`__lane__`, default
orders) and whether only the newest of a key matters (`__conflate__`). `Ref.tell` writes into a lane directly through
`routes`, which knows the types that need nothing more than an append; everything else comes through `put`.

Any thread may put: an append to a deque is atomic, the lane of a type is made under a lock, and the wake-up of the
scheduler goes through the loop.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from pykka import ActorDeadError
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from engine.runtime.errors import MailboxFull

if TYPE_CHECKING:
    from engine.runtime.actor import AsyncioActor
    from engine.runtime.future import AsyncioFuture
    from engine.runtime.scheduler import Scheduler

KeyOf = Callable[[Any], Any]

LIMIT_DEFAULT = 100_000
"""Messages a lane holds if the actor does not say otherwise."""

_lane_lock = threading.Lock()


class Lane(IntEnum):
    """Order in which a mailbox gives out what it holds."""

    CONTROL = 0
    ORDERS = 1
    MARKET = 2


_lanes: dict[type, Lane] = {}
_conflations: dict[type, KeyOf | None] = {}
_LANE_NAMES = ("control", "orders", "market")


@dataclass(frozen=True, slots=True)
class MailboxSpec:
    """What a mailbox may hold, and what it does when it is full.

    Control and orders never drop: a full lane raises `MailboxFull` at the sender.
    """

    limit: int = LIMIT_DEFAULT
    """Messages in each lane, at least 1."""
    conflate: bool = False
    """Keep only the newest market message per key, at the place in the queue of the first."""
    market_full: Literal["drop_oldest", "raise"] = "drop_oldest"
    """A full market lane gives up its oldest message (counted), or raises as the others do."""

    def __post_init__(self) -> None:
        """Refuse a mailbox that could hold nothing."""
        assert self.limit >= 1, f"limit: expected at least 1, was {self.limit}"


class State(Enum):
    """Life of a mailbox."""

    OPEN = "open"
    STOPPING = "stopping"
    """Stop was asked for: what came before it is still handled, what comes now is not."""
    CLOSED = "closed"


class Slot:
    """Place in the market lane whose message is replaced until it is taken."""

    __slots__ = ("key", "message")

    def __init__(self, key: tuple[Any, ...], message: object) -> None:
        """Hold the first message of `key`."""
        self.key = key
        self.message = message


def lane_of(message_type: type) -> Lane:
    """Return the lane named by the class's `__lane__`; orders where there is none.

    Raises:
        ValueError: the class names a lane that does not exist.
    """
    lane = _lanes.get(message_type)
    if lane is not None:
        return lane
    name = getattr(message_type, "__lane__", "orders")
    try:
        return _lanes.setdefault(message_type, Lane[name.upper()])
    except KeyError:
        raise ValueError(
            f"{message_type.__name__}.__lane__: expected control, orders or market, was {name!r}"
        ) from None


def _conflation_of(message_type: type) -> KeyOf | None:
    if message_type not in _conflations:
        fields = getattr(message_type, "__conflate__", ())
        conflated = fields and lane_of(message_type) is Lane.MARKET
        _conflations[message_type] = attrgetter(*fields) if conflated else None
    return _conflations[message_type]


class Mailbox:
    """Inbox of one actor; keeps it alive until it has stopped."""

    __slots__ = (
        "actor",
        "busy",
        "control",
        "dropped",
        "handlers",
        "late",
        "latest",
        "limit",
        "market",
        "orders",
        "routes",
        "scheduled",
        "scheduler",
        "spec",
        "state",
        "stops",
    )

    def __init__(self, spec: MailboxSpec) -> None:
        """Make an empty mailbox that holds what it is given until `open` lets it out."""
        self.spec = spec
        self.limit = spec.limit
        self.actor: AsyncioActor | None = None
        self.scheduler: Scheduler | None = None
        self.handlers: dict[type, Any] = {}
        """Synchronous handlers by exact message type: the class's own table, shared by its actors."""
        self.routes: dict[type, deque[Any]] = {}
        """Lane by message type, for messages that need only an append. Empty unless the mailbox is open."""
        # Lanes are made by the first message: an empty deque costs 760 bytes, and most actors idle.
        self.control: deque[Any] | None = None
        self.orders: deque[Any] | None = None
        self.market: deque[Any] | None = None
        self.latest: dict[tuple[Any, ...], Slot] = {}
        self.stops: list[AsyncioFuture[Any]] | None = None
        """Replies that wait for the end of the actor."""
        self.late: list[Envelope[Any]] | None = None
        """Asks that came behind stop."""
        self.state = State.OPEN
        self.scheduled = True
        """In the ready queue, or not allowed there yet. A sender wakes the scheduler only where this is False."""
        self.busy = False
        """A coroutine of the actor runs; the next message waits for it."""
        self.dropped = 0
        """Market messages given up or replaced because the lane was full."""

    def __len__(self) -> int:
        """Messages that wait, control included."""
        return len(self.control or ()) + len(self.orders or ()) + len(self.market or ())

    def empty(self) -> bool:
        """Whether no message waits (pykka's name)."""
        return not (self.control or self.orders or self.market)

    def get(self) -> Any:
        """Take the next message: control before orders before market, each lane first in, first out.

        Raises:
            IndexError: nothing waits. It never blocks.
        """
        for lane in (self.control, self.orders, self.market):
            if lane:
                return self.take(lane.popleft())
        raise IndexError("an empty mailbox has no next message")

    def take(self, item: Any) -> Any:
        """Turn what stood in a lane into its message: the newest one where it was conflated."""
        if type(item) is Slot:
            if self.latest.get(item.key) is item:
                del self.latest[item.key]
            return item.message
        return item

    def put(self, message: Any) -> None:
        """Take a message, or an `Envelope` whose reply is settled by whoever handles it.

        Raises:
            ActorDeadError: the actor has stopped; nothing was taken.
            MailboxFull: the lane is full and may not drop; nothing was taken.
        """
        enveloped = type(message) is Envelope
        content = message.message if enveloped else message
        if self.state is not State.OPEN or type(content) is _ActorStop:
            self._put_closing(message, content)
            return
        kind = type(content)
        key_of = _conflation_of(kind) if self.spec.conflate else None
        if key_of is not None and not enveloped:
            self._put_conflated(key_of, content)
            return
        lane = self._lane(lane_of(kind))
        if key_of is None:
            self.routes[kind] = lane
        if len(lane) >= self.limit:
            self.overflow(lane, message)
            return
        lane.append(message)
        if not self.scheduled:
            self.wake()

    def put_past_limit(self, message: Any) -> None:
        """Take a message that its receiver asked for itself (a timer), full or not, at the end of its lane.

        Such messages are bounded by what the actor has asked for. A closed mailbox drops it: the receiver is gone.
        """
        if self.state is State.OPEN:
            self._lane(lane_of(type(message))).append(message)
            if not self.scheduled:
                self.wake()

    def put_first(self, message: Any) -> None:
        """Take a message of the runtime itself, before everything that waits."""
        if self.state is not State.CLOSED:
            self._lane(Lane.CONTROL).appendleft(message)
            if not self.scheduled:
                self.wake()

    def overflow(self, lane: deque[Any], message: Any) -> None:
        """Put `message` into a full lane, or refuse it.

        Raises:
            MailboxFull: the lane may not drop, or its oldest message is an ask.
        """
        if lane is not self.market or self.spec.market_full == "raise" or type(lane[0]) is Envelope:
            name = next(name for name in _LANE_NAMES if lane is getattr(self, name))
            raise MailboxFull(str(self.actor), lane=name, limit=self.limit)
        self.take(lane.popleft())
        self.dropped += 1
        lane.append(message)

    def wake(self) -> None:
        """Enter the ready queue."""
        scheduler = self.scheduler
        if scheduler is not None:
            scheduler.wake(self)

    def close(self) -> None:
        """Take nothing more: senders get `ActorDeadError` from now on."""
        self.state = State.CLOSED
        self.routes.clear()

    def empty_lanes(self) -> list[Any]:
        """Return what waits and will not be handled, in the order of `get`, then the asks that came behind stop."""
        left = []
        while not self.empty():
            left.append(self.get())
        self.control = self.orders = self.market = None
        self.routes.clear()
        left.extend(self.late or ())
        self.late = None
        return left

    def _put_closing(self, message: Any, content: Any) -> None:
        if type(content) is _ActorStop:
            self._put_stop(None if message is content else message.reply_to)
            return
        if self.state is State.CLOSED:
            raise ActorDeadError(f"{self.actor or 'actor'} not found")
        # Lanes must not let it overtake the stop that it came behind, so it is kept apart.
        if message is content:
            if self.scheduler is not None:
                self.scheduler.dead_letter(self, content)
            return
        self.late = self.late or []
        if len(self.late) >= self.limit:
            raise MailboxFull(str(self.actor), lane="stopping", limit=self.limit)
        self.late.append(message)

    def _put_stop(self, reply: "AsyncioFuture[Any] | None") -> None:
        if self.actor is None:
            raise ActorDeadError("the actor has stopped")
        self.stops = self.stops or []
        if reply is not None:
            self.stops.append(reply)
        if self.state is State.OPEN:
            self.state = State.STOPPING
            self.routes.clear()
            if not self.scheduled:
                self.wake()

    def _put_conflated(self, key_of: KeyOf, message: Any) -> None:
        scheduler = self.scheduler
        if scheduler is not None and scheduler.is_foreign_thread():
            # The newest message of a key is not one atomic step; the loop takes it.
            scheduler.call_soon_threadsafe(self._put_conflated_late, key_of, message)
            return
        key = (type(message), key_of(message))
        slot = self.latest.get(key)
        if slot is not None:
            slot.message = message
            self.dropped += 1
            return
        slot = Slot(key, message)
        lane = self._lane(Lane.MARKET)
        if len(lane) >= self.limit:
            self.overflow(lane, slot)
        else:
            lane.append(slot)
        self.latest[key] = slot
        if not self.scheduled:
            self.wake()

    def _put_conflated_late(self, key_of: KeyOf, message: Any) -> None:
        if self.state is State.OPEN:
            self._put_conflated(key_of, message)

    def _lane(self, lane: Lane) -> deque[Any]:
        name = _LANE_NAMES[lane]
        found: deque[Any] | None = getattr(self, name)
        if found is None:
            with _lane_lock:
                found = getattr(self, name)
                if found is None:
                    found = deque()
                    setattr(self, name, found)
        return found
