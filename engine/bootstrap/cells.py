"""Runs the users' cells: takes the lease, loads the past, wires the actors, and starts all of it again when it fails.

A cell lives under one fence. When one of its actors fails, or a unit of it cannot be committed, the whole cell is
stopped, its memory is dropped, and it is loaded again from the store under the next fence. A cell that keeps failing
stays down, with the reason in the readiness table; the others go on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from actors.api.cells import CellRefs
from actors.readiness import Readiness
from engine.bootstrap.cell_wiring import CellPorts, Wired, wire_cell
from engine.domain.errors import Advice, CivalError, DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.cell import DefaultLimitsChanged
from engine.messages.venues import VenueConnection
from engine.messages.writing import CellHalted
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Subscription
from engine.runtime.errors import Timeout
from engine.runtime.ref import Ref

BACKOFF_FIRST_NS: Final = 200_000_000
BACKOFF_MAX_NS: Final = 30_000_000_000
FAILURES_MAX: Final = 8
"""Failures within the window after which a cell stays down."""
WINDOW_NS: Final = 120_000_000_000
LEASE_RETRY_NS: Final = 3_000_000_000
STOP_TIMEOUT_S: Final = 3.0


class CellDirectory:
    """The cells that run here, for the API: port `Cells`."""

    def __init__(self) -> None:
        """Know of none."""
        self._running: dict[UserId, Wired] = {}

    def of(self, user_id: UserId) -> CellRefs | None:
        """Return the doors of a user's cell; None if it does not run here."""
        wired = self._running.get(user_id)
        if wired is None:
            return None
        return CellRefs(gate=wired.gate, coordinator=wired.coordinator, executors=wired.executors, accounts=wired.doors)

    def users(self) -> Iterable[UserId]:
        """Name the users whose cells run here."""
        return tuple(self._running)

    def put(self, user_id: UserId, wired: Wired) -> None:
        """Let a cell be found."""
        self._running[user_id] = wired

    def remove(self, user_id: UserId) -> None:
        """Let it not be found any more."""
        self._running.pop(user_id, None)


class _Begin(msgspec.Struct, frozen=True):
    """To myself: start a cell."""

    user_id: UserId


class _ActorEnded(msgspec.Struct, frozen=True):
    """To myself: an actor of a cell ended, by an error or without one."""

    __lane__: ClassVar[str] = "control"

    user_id: UserId
    fence: int
    name: str
    error: Any


@dataclass(slots=True)
class _Slot:
    """What is known of one user's cell."""

    wired: Wired | None = None
    failed_ns: list[int] = field(default_factory=list)
    is_waiting: bool = False
    was_elsewhere: bool = False
    """Whether another node had it when it was last looked for here."""


class CellHost(AsyncioActor):
    """One per engine."""

    def __init__(
        self,
        *,
        ports: CellPorts,
        directory: CellDirectory,
        readiness: Readiness,
        users: Sequence[UserId],
        defaults: Mapping[str, Decimal],
    ) -> None:
        """Keep what cells are made of.

        Args:
            ports: Collaborators of every cell.
            directory: Where running cells can be found.
            readiness: Told of leases.
            users: Whose cells run here.
            defaults: Limits for accounts that have none of their own.
        """
        super().__init__()
        self._ports = ports
        self._directory = directory
        self._readiness = readiness
        self._slots: dict[UserId, _Slot] = {user_id: _Slot() for user_id in users}
        self._defaults = defaults
        self._subscriptions: list[Subscription] = []
        self._is_stopping = False

    async def on_start(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Start every cell; one that cannot start yet is tried again and does not hold the others up."""
        for kind in (CellHalted, VenueConnection):
            self._subscriptions.append(self._ports.bus.subscribe(kind, self.actor_ref.tell))
        for user_id in self._slots:
            self._readiness.expect(_lease(user_id))
            await self._begin(user_id)

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Stop the cells and give their leases back, so that another node need not wait for their end."""
        self._is_stopping = True
        for subscription in self._subscriptions:
            subscription.cancel()
        for user_id, slot in self._slots.items():
            await self._take_down(user_id, slot)
        try:
            await self._ports.leases.release(tuple(self._slots))
        except DependencyAway as error:
            self.log.warning("leases_not_released", why=error.why)

    @handles(_Begin)
    async def on_begin(self, message: _Begin) -> None:
        """Start a cell whose time to wait is over."""
        slot = self._slots[message.user_id]
        slot.is_waiting = False
        if slot.wired is None and not self._is_stopping:
            await self._begin(message.user_id)

    @handles(CellHalted)
    async def on_halted(self, message: CellHalted) -> None:
        """Load a cell again whose memory is ahead of what can be stored."""
        slot = self._slots.get(message.user_id)
        if slot is not None and slot.wired is not None and slot.wired.fence == message.fence:
            await self._fail(message.user_id, slot, f"{message.reason}: {message.detail}", is_final=False)

    @handles(VenueConnection)
    async def on_connection(self, message: VenueConnection) -> None:
        """Load the cells again that started without knowing what a venue can do, or knew something else of it."""
        declared = message.capabilities
        if not message.connected or declared is None or self._is_stopping:
            return
        for user_id, slot in self._slots.items():
            of = message.account_id or message.venue
            if slot.wired is not None and slot.wired.capabilities.get(of, declared) != declared:
                self.log.info("cell_restarts", user_id=user_id, reason=f"{message.venue} says what it can do")
                await self._take_down(user_id, slot)
                await self._begin(user_id)

    @handles(DefaultLimitsChanged)
    def on_default_limits(self, message: DefaultLimitsChanged) -> None:
        """Use other defaults in the cells that run, and in those that start from now on."""
        self._defaults = dict(message.limits)
        for slot in self._slots.values():
            # A gate that has just died is told by its next life.
            if slot.wired is not None and slot.wired.gate.is_alive():
                slot.wired.gate.tell(message)

    @handles(_ActorEnded)
    async def on_actor_ended(self, message: _ActorEnded) -> None:
        """Load a cell again that has lost one of its actors."""
        slot = self._slots[message.user_id]
        if slot.wired is None or slot.wired.fence != message.fence or message.error is None:
            return  # Of an earlier life, or stopped on purpose.
        error = message.error
        is_final = isinstance(error, CivalError) and error.advice is Advice.HALT_CELL
        await self._fail(message.user_id, slot, f"{message.name}: {error}", is_final=is_final)

    # --- Up ---------------------------------------------------------------------------------------------------------

    async def _begin(self, user_id: UserId) -> None:
        slot = self._slots[user_id]
        try:
            fence = await self._ports.leases.acquire(user_id)
            if fence is None:
                slot.was_elsewhere = True
                holder = await self._ports.leases.holder(user_id)
                self._readiness.report(_lease(user_id), ready=False, reason=f"{holder or 'nobody now'} has the lease")
                self._wait(user_id, slot, LEASE_RETRY_NS)
                return
            state = await self._ports.loader.cell(user_id)
            if state is None:
                self._readiness.forget(_lease(user_id))
                return
            trigger = "takeover" if slot.was_elsewhere else "start"
            wired = await wire_cell(self._ports, user_id, fence, state, self._defaults, trigger=trigger)
            slot.was_elsewhere = False
        except DependencyAway as error:
            self._readiness.report(_lease(user_id), ready=False, reason=error.why)
            self._wait(user_id, slot, self._backoff_ns(slot))
            return
        except Exception as error:
            # Whatever keeps one cell from starting must not keep the others from it.
            self.log.exception("cell_start_failed", user_id=user_id)
            await self._fail(user_id, slot, f"start: {error}", is_final=False)
            return
        slot.wired = wired
        for ref in wired.actors:
            self._watch(user_id, fence, ref)
        self._directory.put(user_id, wired)
        self._readiness.report(_lease(user_id), ready=True)
        self.log.info("cell_started", user_id=user_id, fence=fence, accounts=len(wired.accounts))

    def _watch(self, user_id: UserId, fence: int, ref: Ref[Any]) -> None:
        host = self.actor_ref

        def ended(of: Ref[Any], error: BaseException | None) -> None:
            if host.is_alive():
                host.tell(_ActorEnded(user_id, fence, of.name or "actor", error))

        self.system.watch(ref, ended)

    # --- Down -------------------------------------------------------------------------------------------------------

    async def _fail(self, user_id: UserId, slot: _Slot, reason: str, *, is_final: bool) -> None:
        now_ns = self._ports.wall.monotonic_ns()
        await self._take_down(user_id, slot)
        slot.failed_ns = [at_ns for at_ns in slot.failed_ns if at_ns > now_ns - WINDOW_NS] + [now_ns]
        self._readiness.report(_lease(user_id), ready=False, reason=reason)
        if is_final or len(slot.failed_ns) > FAILURES_MAX:
            self.log.error("cell_stays_down", user_id=user_id, reason=reason, failures=len(slot.failed_ns))
            return
        self.log.warning("cell_restarts", user_id=user_id, reason=reason)
        self._wait(user_id, slot, self._backoff_ns(slot))

    async def _take_down(self, user_id: UserId, slot: _Slot) -> None:
        self._directory.remove(user_id)
        wired, slot.wired = slot.wired, None
        if wired is not None:
            for account_id in wired.accounts:
                # What the reconciler of this life has said is not true of the next one.
                self._readiness.report(f"account:{account_id}", ready=False, reason="its cell does not run")
            await stop_actors(wired.actors)

    def _backoff_ns(self, slot: _Slot) -> int:
        return int(min(BACKOFF_FIRST_NS * 2 ** min(len(slot.failed_ns), 10), BACKOFF_MAX_NS))

    def _wait(self, user_id: UserId, slot: _Slot, delay_ns: int) -> None:
        if not slot.is_waiting and not self._is_stopping:
            slot.is_waiting = True
            self.after(delay_ns, _Begin(user_id), clock=self._ports.wall)


async def stop_actors(actors: Collection[Ref[Any]]) -> None:
    """Stop actors in reverse order of their start; one that does not stop in time is halted."""
    for ref in reversed(tuple(actors)):
        if ref.is_alive():
            try:
                await ref.stop(timeout_s=STOP_TIMEOUT_S)
            except Timeout:
                await ref.halt()


def _lease(user_id: UserId) -> str:
    return f"lease:{user_id}"
