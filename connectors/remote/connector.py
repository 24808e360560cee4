"""A venue in another process, as a connector: the same protocol as the paper venue, carried by frames.

Commands are told, and answered on the bus under the account's id; queries are asked. What the venue pushes is published
as it came and in the order in which it came: repeated events too, since only the router knows what is booked.

An order leaves only while the lease of its user holds and before its `valid_until_ns`, both looked at directly before
the write. After the write nothing is ever sent again: without an answer the outcome is unknown, and an answer that
comes later is still published, since it is a fact.

While the venue limits our rate, new orders and amends wait (at most `HELD_MAX`, and none that would be too old when the
wait is over); cancels and queries leave at once.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from connectors.fault_paths import pass_point
from connectors.remote.answers import COMMANDS, EVENTS, Query, misfit, not_sent, refused, without_answer
from connectors.remote.link import Dial
from connectors.remote.messages import HoldOver
from connectors.remote.session import RemoteSession
from connectors.remote.wire import OUTBOUND_BYTES_MAX, RemoteTimes
from engine.domain.identifiers import UserId, Venue
from engine.domain.ports import SendPermit
from engine.messages.base import Message
from engine.messages.remote import NOTHING_DONE, RemoteFrame, RemotePing, RemotePong, RemoteRefused
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    ArmDeadMan,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderQuery,
    VenueAmend,
    VenueCancel,
    VenueCancelRefused,
    VenueFill,
    VenueSubmit,
)
from engine.runtime.actor import handles
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.entropy import Rng
from engine.runtime.future import AsyncioFuture
from engine.runtime.secret import Secret

HELD_MAX: Final = 1_000
"""Opens that wait for the end of a rate limit; what comes beyond is not sent."""
EXPIRED: Final = "expired_before_send"
FENCED: Final = "fenced"
BUSY: Final = "busy"
WITHDRAWN: Final = "cancelled_before_send"

_Open = VenueSubmit | VenueAmend


class RemoteVenue(RemoteSession):
    """One venue in another process with all accounts that are traded there."""

    def __init__(
        self,
        *,
        venue: Venue,
        dial: Dial,
        bus: Bus,
        wall: Clock,
        rng: Rng,
        permit: SendPermit,
        engine: str = "cival",
        token: Secret | None = None,
        times: RemoteTimes | None = None,
    ) -> None:
        """Keep what it works with.

        Args:
            venue: Its name in the configuration; the venue must call itself the same.
            dial: Makes a connection.
            bus: Answers and events leave under the account's id, `VenueConnection` under the venue's name.
            wall: Wall clock: `valid_until_ns`, time-outs, signs of life.
            rng: Jitter of the backoff.
            permit: Asked directly before each command that has a fence is written.
            engine: How we introduce ourselves.
            token: Sent in the greeting, and nowhere else.
            times: How long things may take.
        """
        super().__init__(
            venue=venue,
            dial=dial,
            bus=bus,
            wall=wall,
            rng=rng,
            engine=engine,
            token=token,
            times=times or RemoteTimes(),
        )
        self._permit = permit
        self._held: deque[_Open] = deque()
        self._hold_until_ns = 0
        """By the monotonic clock."""
        self._is_hold_timed = False

    # --- Commands -----------------------------------------------------------------------------------------------------

    @handles(VenueSubmit)
    def on_submit(self, submit: VenueSubmit) -> None:
        """Send an order, or hold it while the venue limits our rate."""
        self._send_or_hold(submit)

    @handles(VenueAmend)
    def on_amend(self, amend: VenueAmend) -> None:
        """Send a change; it may add risk, so it waits as an order does."""
        self._send_or_hold(amend)

    @handles(VenueCancel)
    def on_cancel(self, cancel: VenueCancel) -> None:
        """Send a cancel at once; an order that is still held here is withdrawn instead."""
        if self._withdraw(cancel):
            self._refuse_cancel(cancel, "unknown_order")
        elif self._is_fenced(cancel, self._permit.may_cancel):
            self._refuse_cancel(cancel, FENCED)
        else:
            self._send_command(cancel, self._why_closed(cancel.account_id), 2 * OUTBOUND_BYTES_MAX)

    def _refuse_cancel(self, cancel: VenueCancel, code: str) -> None:
        self._answer(VenueCancelRefused(
            order_id=cancel.order_id, account_id=cancel.account_id, code=code, venue_time_ns=self._wall.now_ns()
        ))  # fmt: skip

    def _send_or_hold(self, command: _Open) -> None:
        rest_ns = self._hold_until_ns - self._wall.monotonic_ns()
        if rest_ns <= 0 and not self._held:
            self._send_open(command)
        elif len(self._held) >= HELD_MAX or self._wall.now_ns() + rest_ns > command.valid_until_ns:
            self._answer(not_sent(command, "rate_limited", self._wall.now_ns()))
        else:
            self._held.append(command)

    def _send_open(self, command: _Open) -> None:
        """Write an order or amend, if it still may leave at this moment."""
        why = self._why_closed(command.account_id)
        if why is None and self._wall.now_ns() > command.valid_until_ns:
            why = EXPIRED
        if why is None and self._is_fenced(command, self._permit.may_send):
            why = FENCED
        self._send_command(command, why, OUTBOUND_BYTES_MAX)

    def _send_command(self, command: _Open | VenueCancel, why: str | None, room: int) -> None:
        """Write a command unless there is a reason not to; either way it is answered."""
        if why is None and (self._undrained > room or self._requests.is_full_for(command)):
            why = BUSY
        if why is None:
            self._send(command, partial(self._on_answered, command), self._times.command_ns)
        else:
            self._answer(not_sent(command, why, self._wall.now_ns()))

    def _is_fenced(self, command: _Open | VenueCancel, may_leave: Callable[[UserId, int], bool]) -> bool:
        if not command.fence:
            return False
        user_id = self._owner(command.account_id)
        return user_id is None or not may_leave(user_id, command.fence)

    def _on_answered(self, command: Message, answer: Message) -> None:
        if isinstance(answer, RemoteRefused):
            self._slow_down(answer)
            answer = refused(command, answer, self._wall.now_ns())
        self._answer(answer)

    def _answer(self, answer: Any) -> None:
        self._bus.publish(answer, answer.account_id)

    # --- Rate limits --------------------------------------------------------------------------------------------------

    def _slow_down(self, refusal: RemoteRefused) -> None:
        """Hold opens for as long as the venue says."""
        rest_ns = refusal.retry_after_ns
        if rest_ns is None:
            rest_ns = self._times.hold_ns if refusal.code == "rate_limited" else 0
        if refusal.code not in NOTHING_DONE or rest_ns == 0:
            return
        until_ns = self._wall.monotonic_ns() + min(rest_ns, self._times.hold_max_ns)
        if until_ns > self._hold_until_ns:
            self._hold_until_ns = until_ns
            self._odd(refusal.code, f"{min(rest_ns, self._times.hold_max_ns) / 1e9:g} s")
            if not self._is_hold_timed:
                self._is_hold_timed = True
                self._later(until_ns - self._wall.monotonic_ns(), HoldOver())

    @handles(HoldOver)
    def on_hold_over(self, _message: HoldOver) -> None:
        """Send what was held; wait on if the limit was prolonged meanwhile, or the timer of the loop was early."""
        rest_ns = self._hold_until_ns - self._wall.monotonic_ns()
        if rest_ns > 0:
            self._later(rest_ns, HoldOver())
            return
        self._is_hold_timed = False
        held, self._held = self._held, deque()
        for command in held:
            self._send_open(command)

    def _withdraw(self, cancel: VenueCancel) -> bool:
        """Take an order that is held out of the queue, with its amends; False if it is not held."""
        mine = [command for command in self._held if command.order_id == cancel.order_id]
        if not mine:
            return False
        self._held = deque(command for command in self._held if command.order_id != cancel.order_id)
        for command in mine:
            self._answer(not_sent(command, WITHDRAWN, self._wall.now_ns()))
        return any(isinstance(command, VenueSubmit) for command in mine)

    def _settle(self, why: str) -> None:
        """Nothing that is held will leave over a connection that is gone."""
        super()._settle(why)
        held, self._held = self._held, deque()
        for command in held:
            self._answer(not_sent(command, "not_connected", self._wall.now_ns()))

    # --- Questions ----------------------------------------------------------------------------------------------------

    @handles(OpenAccount)
    def on_open_account(self, message: OpenAccount) -> AsyncioFuture[Any]:
        """Introduce an account, now and at every connection to come.

        The reply is `AccountOpened` with the venue's capabilities, or `CannotTell` where the venue is not there: then
        the account is opened when it comes, and `VenueConnection` tells of that.
        """
        reply: AsyncioFuture[Any] = self.new_future()

        def answered(answer: Message) -> None:
            if isinstance(answer, AccountOpened):
                # One declaration for the whole venue: cells compare it with that of the next connection.
                answer = AccountOpened(
                    account_id=answer.account_id, created=answer.created, capabilities=self._capabilities
                )
            elif isinstance(answer, RemoteRefused):
                answer = refused(message, answer, self._wall.now_ns())
            _set(reply, answer)

        self._open(message, answered)
        return reply

    @handles(OpenOrdersQuery, OrderQuery, FillsQuery, AccountQuery, ArmDeadMan)
    def on_query(self, query: Query) -> AsyncioFuture[Any] | Message:
        """Ask the venue; one page per question. `CannotTell` if there is no answer."""
        why = self._why_closed(query.account_id)
        if why == "not_connected":
            why = f"not connected: {self._why}"
        if why is None and (self._undrained > OUTBOUND_BYTES_MAX or self._requests.is_full_for(query)):
            why = BUSY
        if why is not None:
            return without_answer(query, why, self._wall.now_ns())
        reply: AsyncioFuture[Any] = self.new_future()

        def answered(answer: Message) -> None:
            if isinstance(answer, RemoteRefused):
                self._slow_down(answer)
                answer = refused(query, answer, self._wall.now_ns())
            _set(reply, answer)

        self._send(query, answered, self._times.query_ns)
        return reply

    # --- What the venue says ------------------------------------------------------------------------------------------

    def _on_frame(self, frame: RemoteFrame) -> None:
        if frame.re is not None:
            self._on_answer(frame.re, frame.body)
        elif isinstance(frame.body, RemotePing) and frame.n is not None:
            pong = RemotePong(at_ns=frame.body.at_ns, venue_time_ns=self._wall.now_ns())
            self._write(RemoteFrame(re=frame.n, body=pong))
        elif frame.n is not None:
            self._odd("unexpected_request", type(frame.body).__name__)
            self._write(RemoteFrame(re=frame.n, body=RemoteRefused(code="malformed", message="venues only ping")))
        else:
            self._on_event(frame.body)

    def _on_answer(self, number: int, answer: Message) -> None:
        request = self._requests.get(number)
        late = self._requests.late(number) if request is None else None
        message = late if request is None else request.message
        if message is None:
            self._odd("unknown_request", f"{type(answer).__name__} to number {number}")
        elif not isinstance(answer, RemoteRefused) and (why := misfit(message, answer, self._venue)) is not None:
            # The request still waits: an answer that is not its own settles nothing.
            self._odd("foreign_answer", why)
        elif request is not None:
            self._requests.settle(request)
            pass_point(message, "answered")
            request.on_answer(answer)
        else:
            self._requests.forget_late(number)
            self._on_late(message, answer)

    def _on_late(self, message: Message, answer: Message) -> None:
        """Take an answer that nobody waits for: to a command it is a fact all the same."""
        self._odd("late_answer", f"{type(answer).__name__} to {type(message).__name__}")
        if isinstance(message, COMMANDS) and not isinstance(answer, RemoteRefused):
            self._answer(answer)
        elif isinstance(message, OpenAccount) and isinstance(answer, AccountOpened):
            self._on_introduced(self._accounts[message.account_id], answer)

    def _on_event(self, event: Message) -> None:
        if not isinstance(event, EVENTS) or self._capabilities is None:
            self._odd("unexpected_event", type(event).__name__)
        elif self._owner(event.account_id) is None:
            self._odd("foreign_account", f"{type(event).__name__} of {event.account_id}")
        elif isinstance(event, VenueFill) and event.venue != self._venue:
            self._odd("foreign_venue", f"a fill at {event.venue}")
        else:
            self._answer(event)


def _set(reply: AsyncioFuture[Any], answer: Message) -> None:
    if not reply.done():
        reply.set(answer)
