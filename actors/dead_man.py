"""Keeps the venue's dead-man switch of one account from firing for as long as the cell proves to be alive.

Each beat asks the gate and the router first: a loop that stalls or an actor that hangs misses its beats, and the venue
cancels what the account has open. Until the switch is armed the account opens no risk. A clean stop disarms it if no
order is open; otherwise it stays armed, since nobody will look after the orders that are left.
"""

import contextlib
from typing import Any, Final

from actors.cell import Cell
from engine.domain.capabilities import Capabilities
from engine.domain.errors import CivalError
from engine.domain.identifiers import AccountId, Venue
from engine.messages.cell import ReconcileAccount
from engine.messages.risk import AccountGuarded, Alive, ProveAlive
from engine.messages.rows_people import RiskAlertRow
from engine.messages.system import ReadinessChanged, TimerFired
from engine.messages.venues import ArmDeadMan, CannotTell, DeadManArmed
from engine.messages.writing import JournalEvent
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.errors import ActorDeadError, MailboxFull, Timeout
from engine.runtime.ref import Ref

BEATS: Final = 3
"""Refreshes within one time-out of the switch."""
ANSWER_S: Final = 5.0
"""Longest wait for an actor or the venue; shorter where the switch is."""
_BEAT: Final = TimerFired(name="beat")


class DeadMan(AsyncioActor):
    """One per account that has asked for it."""

    def __init__(
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        venue: Venue,
        connector: Ref[Any],
        gate: Ref[Any],
        router: Ref[Any],
        timeout_ns: int,
        capabilities: Capabilities | None,
    ) -> None:
        """Keep what it works with.

        Args:
            cell: What the cell shares.
            account_id: Whose orders are guarded.
            venue: Where they are.
            connector: Has the switch.
            gate: Must prove to be alive; it opens no risk before it hears that the switch is armed.
            router: Must prove to be alive.
            timeout_ns: Silence after which the venue cancels.
            capabilities: Of the venue, where it says them.
        """
        super().__init__()
        self._cell = cell
        self._account_id = account_id
        self._venue = venue
        self._connector = connector
        self._gate = gate
        self._router = router
        self._timeout_ns = timeout_ns
        self._answer_s = min(ANSWER_S, timeout_ns / BEATS / 1e9)
        self._capabilities = capabilities
        self._until_ns = 0
        """Wall time before which the venue does not fire; 0: it was never armed in this life."""
        self._said: tuple[bool, str] | None = None

    async def on_start(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Arm before the first order."""
        await self._beat()
        self._again()

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Disarm if there is nothing to guard."""
        try:
            alive: Alive = await self._gate.ask(self._question(), timeout_s=self._answer_s)
            if not alive.open_orders:
                await self._connector.ask(
                    ArmDeadMan(account_id=self._account_id, timeout_ns=0), timeout_s=self._answer_s
                )
        except (Timeout, ActorDeadError, MailboxFull, CivalError) as error:
            self.log.warning("dead_man_left_armed", account=str(self._account_id), why=str(error))

    @handles(TimerFired)
    async def on_beat(self, _message: TimerFired) -> None:
        """Refresh once more."""
        self._again()
        await self._beat()

    def _again(self) -> None:
        self.after(self._timeout_ns // BEATS, _BEAT, clock=self._cell.wall)

    def _question(self) -> ProveAlive:
        return ProveAlive(account_id=self._account_id)

    async def _beat(self) -> None:
        began_ns = self._cell.wall.now_ns()
        if 0 < self._until_ns <= began_ns:
            self._note_fired(began_ns)
        why = await self._arm()
        if not why:
            # Counted from before the question: the venue may have begun to count then.
            self._until_ns = began_ns + self._timeout_ns
        is_armed = self._cell.wall.now_ns() < self._until_ns
        self._say(is_armed, "" if is_armed else why or "the switch has fired")

    async def _arm(self) -> str:
        """Refresh the switch; return why that was not possible, empty if it was."""
        if self._capabilities is not None and not self._capabilities.dead_man_switch:
            return f"{self._venue} has no dead-man switch"
        if self._capabilities is not None and self._timeout_ns < self._capabilities.dead_man_min_ns:
            return f"the switch of {self._venue} waits {self._capabilities.dead_man_min_ns / 1e9:g} s or more"
        try:
            for who in (self._gate, self._router):
                await who.ask(self._question(), timeout_s=self._answer_s)
            answer: DeadManArmed | CannotTell = await self._connector.ask(
                ArmDeadMan(account_id=self._account_id, timeout_ns=self._timeout_ns), timeout_s=self._answer_s
            )
        except (Timeout, ActorDeadError, MailboxFull, CivalError) as error:
            return str(error)
        return answer.why if isinstance(answer, CannotTell) else ""

    def _say(self, is_armed: bool, why: str) -> None:  # noqa: FBT001 - private, one call.
        if (is_armed, why) == self._said:
            return
        self._said = (is_armed, why)
        bus = self._cell.bus
        bus.publish(AccountGuarded(account_id=self._account_id, is_armed=is_armed, reason=why), key=self._cell.user_id)
        bus.publish(ReadinessChanged(part=f"account:{self._account_id}/dead_man", ready=is_armed, reason=why))

    def _note_fired(self, now_ns: int) -> None:
        """The beats were missed for so long that the venue has cancelled: say so, and see what is left."""
        late_ms = (now_ns - self._until_ns) // 1_000_000
        self._until_ns = 0
        self.log.error("dead_man_fired", account=str(self._account_id), late_ms=late_ms)
        alert = RiskAlertRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            alert_type="dead_man_fired",
            severity="critical",
            message="the engine was silent for so long that the venue has cancelled the account's orders",
            data={"account_id": str(self._account_id), "venue": self._venue, "late_ms": late_ms},
            created_at=self._cell.clock.now_ns(),
        )
        event = JournalEvent(channel="alerts", type="AlertRaised", data=alert, at_ns=alert.created_at)
        with contextlib.suppress(ActorDeadError, MailboxFull):
            self._cell.writer.tell(self._cell.numbers.open(rows=(alert,), events=(event,)))
        self._cell.bus.publish(ReconcileAccount(account_id=self._account_id), key=self._account_id)
