"""One live account as a connector: the protocol of `engine.messages.venues`, carried by the adapter of its venue.

Commands are told, and answered on the bus under the account's id; queries are asked. What the venue pushes is published
once and in the order in which it came.

An order leaves only while the lease of its user holds and before its `valid_until_ns`, both looked at directly before
the first byte. After that nothing is ever sent again: without an answer the outcome is unknown, and an answer that
comes later is still published, since it is a fact. A cancel waits for the answer to the order that it is about, since
two requests may overtake each other on the way.
"""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final

from connectors.bridge.errors import AuthRefused, BridgeError, ClockOff
from connectors.fault_paths import pass_point
from connectors.live.adapter import Accepted, PrivateAdapter
from connectors.live.departures import WITHDRAWN, Command, CommandDeparture
from connectors.live.messages import Answered, CommandDue, DoneDue, EndLookedUp, Pushed
from connectors.live.outcomes import outcome
from connectors.live.queries import LiveQueries
from connectors.live.session import LiveTimes
from connectors.live.told import Told
from connectors.remote.answers import not_sent, without_answer
from engine.domain.identifiers import AccountId, OrderId, UserId
from engine.domain.kinds import DoneReason
from engine.domain.ports import SendPermit
from engine.messages.venues import (
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAmend,
    VenueCancel,
    VenueCancelRefused,
    VenueOrderDone,
    VenueSubmit,
)
from engine.runtime.actor import handles
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, Timer
from engine.runtime.entropy import Rng

OPENS_MAX: Final = 1_000
"""Orders and amends under way at once; what comes beyond is not sent."""
CANCELS_MAX: Final = 5_000
BUSY: Final = "busy"
NOT_CONNECTED: Final = "not_connected"


class LiveVenue(LiveQueries):
    """One account at one exchange."""

    def __init__(
        self,
        *,
        adapter: PrivateAdapter,
        account_id: AccountId,
        user_id: UserId,
        bus: Bus,
        wall: Clock,
        rng: Rng,
        permit: SendPermit,
        times: LiveTimes | None = None,
    ) -> None:
        """Keep what it works with.

        Args:
            adapter: Of the venue, for this account.
            account_id: Whose answers and events are published under this id.
            user_id: Whose lease lets commands leave.
            bus: Answers, events and `VenueConnection` leave under the account's id.
            wall: Wall clock: `valid_until_ns`, time-outs, signs of life.
            rng: Jitter of the backoff.
            permit: Asked directly before each command that has a fence is written.
            times: How long things may take.
        """
        super().__init__(
            adapter=adapter, account_id=account_id, bus=bus, wall=wall, rng=rng, times=times or LiveTimes()
        )
        self._user_id = user_id
        self._permit = permit
        self._told_events = Told()
        self._opens = 0
        self._cancels = 0
        self._under_way: dict[CommandDeparture, Timer] = {}
        """Commands without an outcome, each with the timer of its time limit."""
        self._submits: dict[OrderId, CommandDeparture] = {}
        """Submits under way."""
        self._after_submit: dict[OrderId, list[CommandDeparture]] = {}
        """Cancels and amends that wait for the answer to the submit of their order."""
        self._ending: dict[str, tuple[int, VenueCancel]] = {}
        """By venue client id: cancels that the venue took, whose end the stream will tell."""
        self._numbers = count(1)

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Say of every command under way what is known of it, and hang up."""
        for departure in list(self._under_way):
            self._give_up(departure, "the connector has stopped")
        await super().on_stop()

    # --- Commands -----------------------------------------------------------------------------------------------------

    @handles(VenueSubmit)
    def on_submit(self, submit: VenueSubmit) -> None:
        """Send an order."""
        why = self._why_not(opens_risk=not submit.reduce_only)
        departure = self._departure(submit)
        if why is None:
            self._submits[submit.order_id] = departure
        self._begin(departure, why)

    @handles(VenueAmend)
    def on_amend(self, amend: VenueAmend) -> None:
        """Send a change; it may add risk, as an order does."""
        self._begin(self._departure(amend), self._why_not(opens_risk=True))

    @handles(VenueCancel)
    def on_cancel(self, cancel: VenueCancel) -> None:
        """Send a cancel, also while the streams are away; an order that has not left yet is withdrawn instead."""
        submit = self._submits.get(cancel.order_id)
        if submit is not None and not submit.has_left:
            submit.is_withdrawn = True
            self._answer(not_sent(submit.command, WITHDRAWN, self._wall.now_ns()))
            submit.is_given_up = True
            self._answer(self._cancel_refused(cancel, "unknown_order"))
            return
        why = NOT_CONNECTED if self._modes is None else BUSY if self._cancels >= CANCELS_MAX else None
        self._begin(self._departure(cancel), why)

    def _departure(self, command: Command) -> CommandDeparture:
        return CommandDeparture(command, now_ns=self._wall.now_ns, is_fenced=self._is_fenced)

    def _is_fenced(self, command: Command) -> bool:
        if not command.fence:
            return False
        may = self._permit.may_cancel if isinstance(command, VenueCancel) else self._permit.may_send
        return not may(self._user_id, command.fence)

    def _why_not(self, *, opens_risk: bool) -> str | None:
        """Why an order or amend cannot leave now; None if it can.

        What reduces risk leaves also while a stream is away: its fills are found when it is back.
        """
        is_away = self._modes is None or (opens_risk and not (self._told is not None and self._told[0]))
        return NOT_CONNECTED if is_away else BUSY if self._opens >= OPENS_MAX else None

    def _begin(self, departure: CommandDeparture, why: str | None) -> None:
        """Send a command unless there is a reason not to; either way it is answered."""
        command = departure.command
        if why is not None:
            self._answer(not_sent(command, why, self._wall.now_ns()))
            return
        self._count(command, 1)
        self._under_way[departure] = self._later(self._times.command_ns, CommandDue(departure))
        if not isinstance(command, VenueSubmit) and command.order_id in self._submits:
            self._after_submit.setdefault(command.order_id, []).append(departure)
        else:
            self._send(departure)

    def _send(self, departure: CommandDeparture) -> None:
        command = departure.command
        if isinstance(command, VenueSubmit):
            self.spawn(self._submit(departure, command), name="submit")
        elif isinstance(command, VenueCancel):
            self.spawn(self._cancel(departure, command), name="cancel")
        else:
            self.spawn(self._amend(departure, command), name="amend")

    async def _submit(self, departure: CommandDeparture, order: VenueSubmit) -> None:
        async def ask() -> tuple[Any, tuple[Any, ...]]:
            accepted = await self._adapter.submit(order, departure)
            return _accepted(order, accepted), accepted.events

        await self._settle(departure, ask)

    async def _cancel(self, departure: CommandDeparture, cancel: VenueCancel) -> None:
        async def ask() -> tuple[Any, tuple[Any, ...]]:
            return await self._adapter.cancel(cancel, departure), ()

        await self._settle(departure, ask)

    async def _amend(self, departure: CommandDeparture, amend: VenueAmend) -> None:
        async def ask() -> tuple[Any, tuple[Any, ...]]:
            return await self._adapter.amend(amend, departure), ()

        await self._settle(departure, ask)

    async def _settle(
        self, departure: CommandDeparture, ask: Callable[[], Awaitable[tuple[Any, tuple[Any, ...]]]]
    ) -> None:
        """Ask, and tell myself what it came to, whatever it came to."""
        refused: BridgeError | None = None
        events: tuple[Any, ...] = ()
        is_fact = True
        try:
            answer, events = await ask()
        except Exception as error:
            if not isinstance(error, BridgeError):
                self.log.exception("command_answer_unreadable", command=type(departure.command).__name__)
            refused = error if isinstance(error, AuthRefused) else None
            answer = outcome(departure, error, self._wall.now_ns())
            is_fact = isinstance(error, BridgeError) and error.is_definite and departure.has_left
            if isinstance(error, ClockOff):
                # Before the next command meets the same refusal.
                self.spawn(self._tend(), name="tend")
        self.actor_ref.tell(Answered(departure, answer, events, is_fact, refused))

    @handles(Answered)
    def on_answered(self, message: Answered) -> None:
        """Publish what a command came to, unless it was told as unknown before and this proves nothing more."""
        departure, command = message.departure, message.departure.command
        self._count(command, -1)
        self._under_way.pop(departure).cancel()
        pass_point(command, "answered")
        if message.answer is None and isinstance(command, VenueCancel):
            self._await_end(command)
        elif message.answer is not None and (message.is_fact or not departure.is_given_up):
            self._answer_and_tell(message)
        if isinstance(command, VenueSubmit):
            self._submit_is_over(command.order_id, departure)
        if isinstance(message.refused, AuthRefused):
            self._on_auth(message.refused)

    def _answer_and_tell(self, message: Answered) -> None:
        if message.departure.is_given_up:
            self.log.warning("late_answer", answer=type(message.answer).__name__)
        self._tell(message.answer)
        for event in message.events:
            self._tell(event)

    def _submit_is_over(self, order_id: OrderId, departure: CommandDeparture) -> None:
        if self._submits.get(order_id) is departure:
            del self._submits[order_id]
            for waiting in self._after_submit.pop(order_id, ()):
                self._send(waiting)

    @handles(CommandDue)
    def on_command_due(self, message: CommandDue) -> None:
        """Tell that the outcome of a command is not known, or that it never left."""
        if message.departure in self._under_way:
            self._give_up(message.departure, "no answer in time")

    def _give_up(self, departure: CommandDeparture, why: str) -> None:
        """Answer a command that has no outcome yet: unknown if it has left; if not, it never will."""
        if departure.is_given_up:
            return
        departure.is_given_up = True
        now_ns = self._wall.now_ns()
        if departure.has_left:
            self._answer(without_answer(departure.command, why, now_ns))
        else:
            self._answer(not_sent(departure.command, "rate_limited", now_ns))
        if isinstance(departure.command, VenueSubmit):
            self._submit_is_over(departure.command.order_id, departure)

    def _count(self, command: Command, by: int) -> None:
        if isinstance(command, VenueCancel):
            self._cancels += by
        else:
            self._opens += by

    def _answer(self, answer: Any) -> None:
        self._bus.publish(answer, self._account_id)

    def _cancel_refused(self, cancel: VenueCancel, code: str) -> VenueCancelRefused:
        return VenueCancelRefused(
            order_id=cancel.order_id, account_id=cancel.account_id, code=code, venue_time_ns=self._wall.now_ns()
        )

    # --- What the venue tells -----------------------------------------------------------------------------------------

    @handles(Pushed)
    def on_pushed(self, message: Pushed) -> None:
        """Publish what the venue has told, once."""
        if isinstance(message.event, VenueOrderDone):
            self._ending.pop(message.event.venue_client_id, None)
        self._tell(message.event)

    def _tell(self, event: Any) -> None:
        if self._told_events.is_new(event):
            self._answer(event)

    def _await_end(self, cancel: VenueCancel) -> None:
        """Let the stream tell the end of an order; look it up if it does not."""
        number = next(self._numbers)
        self._ending[cancel.venue_client_id] = (number, cancel)
        self._later(self._times.done_ns, DoneDue(cancel.venue_client_id, number))

    @handles(DoneDue)
    def on_done_due(self, message: DoneDue) -> None:
        """The stream has told nothing: ask."""
        number, cancel = self._ending.get(message.venue_client_id, (0, None))
        if number == message.number and cancel is not None:
            self.spawn(self._look_up(cancel), name="cancelled")

    async def _look_up(self, cancel: VenueCancel) -> None:
        query = OrderQuery(account_id=cancel.account_id, symbol=cancel.symbol, venue_client_id=cancel.venue_client_id)
        self.actor_ref.tell(EndLookedUp(cancel, await self._answer_to(query)))

    @handles(EndLookedUp)
    def on_end_looked_up(self, message: EndLookedUp) -> None:
        """Tell how the cancelled order ended, or that nobody knows."""
        cancel, answer = message.cancel, message.answer
        if self._ending.pop(cancel.venue_client_id, None) is None:
            return
        if isinstance(answer, OrderFound) and not answer.order.is_open:
            order = answer.order
            self._tell(VenueOrderDone(
                account_id=cancel.account_id,
                venue_client_id=order.venue_client_id,
                external_order_id=order.external_order_id,
                symbol=order.symbol,
                reason=order.done_reason or DoneReason.CANCELLED,
                filled_quantity=order.filled_quantity,
                venue_time_ns=order.venue_time_ns,
            ))  # fmt: skip
        else:
            self._answer(self._cancel_refused(cancel, "unknown"))


def _accepted(order: VenueSubmit, accepted: Accepted) -> VenueAccepted:
    return VenueAccepted(
        order_id=order.order_id,
        account_id=order.account_id,
        external_order_id=accepted.external_order_id,
        venue_time_ns=accepted.venue_time_ns,
    )
