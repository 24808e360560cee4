"""Is the engine ready, and if not, why: one table that listens on the bus and answers `/readyz`.

Parts are named as in `ReadinessChanged`: `database`, `schema`, `lease:<user>`, `feed:<venue>`, `account:<id>`. The
engine is ready when every expected part has reported and is well. Accounts count differently: an account that has
reported at all (its first reconciliation finished or failed) does not hold the engine back, since one tenant's bad key
must never take the engine out of service.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from engine.domain.ports import Clock
from engine.messages.system import ReadinessChanged
from engine.messages.writing import StoreStatus
from engine.runtime.bus import Bus

DATABASE: Final = "database"
ACCOUNT: Final = "account:"
NOT_YET: Final = "has not reported yet"


class PartState(msgspec.Struct, frozen=True, kw_only=True):
    """One part as it was last reported."""

    part: str
    ready: bool
    reason: str
    since_ns: int
    """Wall clock; when it became so."""
    reported: bool = True
    """False until the first report after it was expected."""

    @property
    def holds_back(self) -> bool:
        """Whether the engine is not ready because of it."""
        return not (self.reported if self.part.startswith(ACCOUNT) else self.ready)


class Readiness:
    """The table. `engine.bootstrap` makes one, names what it expects, and hands it to the API and the watchdog."""

    def __init__(self, *, bus: Bus, clock: Clock, expected: Iterable[str] = (DATABASE,)) -> None:
        """Listen from now on; every part in `expected` is not ready until it reports."""
        self._clock = clock
        self._parts: dict[str, PartState] = {}
        self._listeners: list[Callable[[bool], object]] = []
        for part in expected:
            self.expect(part)
        self._subscriptions = (
            bus.subscribe(ReadinessChanged, self.on_readiness_changed),
            bus.subscribe(StoreStatus, self.on_store_status),
        )

    def expect(self, part: str) -> None:
        """Wait for a part: without its report the engine is not ready. A part that has reported stays as it is."""
        if part not in self._parts:
            state = PartState(part=part, ready=False, reason=NOT_YET, since_ns=self._clock.now_ns(), reported=False)
            self._put(state)

    def forget(self, part: str) -> None:
        """Wait no more for a part: its cell or feed is gone on purpose."""
        before = self.is_ready
        self._parts.pop(part, None)
        self._tell(before)

    def watch(self, listener: Callable[[bool], object]) -> None:
        """Call `listener(is_ready)` whenever the engine becomes ready or stops being so."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            subscription.cancel()

    def on_readiness_changed(self, message: ReadinessChanged) -> None:
        """Note what a part says of itself."""
        self.report(message.part, ready=message.ready, reason=message.reason)

    def on_store_status(self, message: StoreStatus) -> None:
        """Note that the database went away or came back."""
        self.report(DATABASE, ready=message.available, reason=message.reason)

    def report(self, part: str, *, ready: bool, reason: str = "") -> None:
        """Note the state of a part; the same state again changes nothing but the reason."""
        old = self._parts.get(part)
        is_same = old is not None and old.reported and old.ready == ready
        since_ns = old.since_ns if old is not None and is_same else self._clock.now_ns()
        self._put(PartState(part=part, ready=ready, reason="" if ready else reason, since_ns=since_ns))

    @property
    def is_ready(self) -> bool:
        """Whether the engine is ready."""
        return not any(state.holds_back for state in self._parts.values())

    @property
    def is_database_available(self) -> bool:
        """Whether the writer reaches the database; a database that never reported counts as away."""
        state = self._parts.get(DATABASE)
        return state is None or state.ready

    def parts(self) -> list[PartState]:
        """Return all parts, first expected first."""
        return list(self._parts.values())

    def account(self, account_id: str) -> PartState | None:
        """Return one account's state; None if it is not known here."""
        return self._parts.get(ACCOUNT + account_id)

    def _put(self, state: PartState) -> None:
        before = self.is_ready
        self._parts[state.part] = state
        self._tell(before)

    def _tell(self, before: bool) -> None:  # noqa: FBT001 - private, one call each.
        now = self.is_ready
        if now != before:
            for listener in self._listeners:
                listener(now)
