"""Carries frames to a venue in another process and back, and notices when nobody is there any more.

Only handlers touch the state. The task beside them reads frames and hands each over before it reads the next, so that a
venue that talks faster than we listen is held back by its own socket. What it does not take waits in the transport;
`OUTBOUND_BYTES_MAX` says how much may.
"""

import asyncio
from collections import Counter
from typing import Any, Final

import msgspec

from connectors.fault_paths import pass_point
from connectors.remote.answers import without_answer
from connectors.remote.checks import check_body
from connectors.remote.frames import BadFrame, decode_frame, encode_frame
from connectors.remote.link import Dial, Link
from connectors.remote.messages import Connected, Drained, Lost, Received, RequestDue, Tick, Written
from connectors.remote.requests import OnAnswer, Request, Requests
from engine.domain.identifiers import Venue
from engine.messages.base import Message
from engine.messages.remote import RemoteFrame, RemotePing
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import Clock, Timer
from engine.runtime.errors import ActorDeadError
from engine.runtime.fault_points import is_armed

DRAIN_BYTES: Final = 65_536
"""Written bytes after which we look whether the venue takes them."""
OUTBOUND_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes that the venue has not taken; beyond them only cancels are written, beyond twice as many the link is lost."""


class RemoteTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in nanoseconds, measured by the wall clock's timers."""

    greeting_ns: int = 5_000_000_000
    """From the dial to the welcome."""
    command_ns: int = 5_000_000_000
    """Until the outcome of a submit, cancel or amend counts as unknown, and an account as not opened."""
    query_ns: int = 10_000_000_000
    ping_ns: int = 2_000_000_000
    """Between two pings."""
    silence_ns: int = 6_000_000_000
    """Without any frame: the connection is given up."""
    reopen_ns: int = 1_000_000_000
    """Between two tries to introduce an account that the venue did not open."""
    stable_ns: int = 10_000_000_000
    """A connection that lasted this long lets the next backoff begin anew."""
    hold_ns: int = 1_000_000_000
    """For which opens are held after `rate_limited` without a time."""
    hold_max_ns: int = 60_000_000_000
    """However long the venue says."""


class RemoteWire(AsyncioActor):
    """One connection at a time; `RemoteSession` (session.py) says when."""

    def __init__(self, *, venue: Venue, dial: Dial, wall: Clock, times: RemoteTimes) -> None:
        """Keep what it works with."""
        super().__init__()
        self._venue = venue
        self._dial = dial
        self._wall = wall
        self._times = times
        self._requests = Requests()
        self._session = 0
        """Number of the attempt to connect; whatever belongs to an earlier one is dropped."""
        self._link: Link | None = None
        self._task: asyncio.Task[Any] | None = None
        self._heard_ns = self._ticked_ns = self._pinged_ns = 0
        self._undrained = 0
        self._drain_since_ns: int | None = None
        self.counts: Counter[str] = Counter()
        """Everything odd that the venue did, by kind."""

    def on_stop(self) -> None:
        """Hang up."""
        self._hang_up()

    def on_failure(self, *_: object) -> None:
        """Hang up."""
        self._hang_up()

    # --- Up and down --------------------------------------------------------------------------------------------------

    def _call(self) -> None:
        """Begin to connect."""
        self._session += 1
        self._task = self.spawn(self._run(self._session), name="link")

    async def _run(self, session: int) -> None:
        """Connect and read until it is over; every frame is handled before the next one is read."""
        me, link = self.actor_ref, None
        try:
            link = await self._dial()
            await me.ask(Connected(session, link))
            while True:
                payload = await link.read()
                await me.ask(Received(session, payload))
        except ActorDeadError:
            return
        except BadFrame as error:
            self._say_lost(session, str(error), is_bad=True)
        except (EOFError, OSError) as error:
            self._say_lost(session, str(error) or type(error).__name__)
        finally:
            if link is not None:
                link.close()

    def _say_lost(self, session: int, why: str, *, is_bad: bool = False) -> None:
        if self.actor_ref.is_alive():
            self.actor_ref.tell(Lost(session, why, is_bad))

    def _take(self, link: Link) -> None:
        """Use a connection from now on."""
        self._link = link
        self._undrained = 0
        self._drain_since_ns = None
        self._heard_ns = self._ticked_ns = self._pinged_ns = self._wall.monotonic_ns()
        self._later(self._times.ping_ns // 2, Tick(self._session))

    def _hang_up(self) -> None:
        """Close the connection, or stop trying to make one; what is heard of it from now on is dropped."""
        self._session += 1
        link, self._link = self._link, None
        task, self._task = self._task, None
        if link is not None:
            link.close()
        if task is not None:
            task.cancel()

    def _lose(self, why: str, *, is_serious: bool = False) -> None:
        """Hang up, and do what has to be done without a connection."""
        raise NotImplementedError

    @handles(Lost)
    def on_lost(self, message: Lost) -> None:
        """The connection is over, or was not made."""
        if message.session == self._session:
            if message.is_bad:
                self._odd("bad_frame", message.why)
            self._lose(message.why, is_serious=message.is_bad)

    # --- Signs of life ------------------------------------------------------------------------------------------------

    @handles(Tick)
    def on_tick(self, message: Tick) -> None:
        """Ping, and give up a venue that is silent or takes nothing."""
        if message.session != self._session:
            return
        now_ns, times = self._wall.monotonic_ns(), self._times
        if now_ns - self._ticked_ns > 2 * times.ping_ns:
            # We were away ourselves (a stalled loop, a stopped process): what was said meanwhile waits to be read.
            self._heard_ns = now_ns
        self._ticked_ns = now_ns
        if now_ns - self._heard_ns >= times.silence_ns:
            self._lose(f"silent for {times.silence_ns / 1e9:g} s")
        elif self._drain_since_ns is not None and now_ns - self._drain_since_ns >= times.silence_ns:
            self._lose(f"takes nothing for {times.silence_ns / 1e9:g} s")
        else:
            if now_ns - self._pinged_ns >= times.ping_ns:
                self._pinged_ns = now_ns
                self._send(RemotePing(at_ns=self._wall.now_ns()), _ignore, times.silence_ns)
            self._later(times.ping_ns // 2, Tick(self._session))

    # --- Out ----------------------------------------------------------------------------------------------------------

    def _send(self, message: Message, on_answer: OnAnswer, within_ns: int) -> None:
        """Write a request and wait for its answer; there is a link."""
        number = self._requests.next_number()
        timer = self._later(within_ns, RequestDue(number))
        self._requests.add(Request(number, message, on_answer, timer))
        pass_point(message, "sending")
        self._write(RemoteFrame(n=number, body=message))  # type: ignore[arg-type]  # Of the messages that are sent.
        if is_armed():
            # The loop hands bytes to the kernel when this turn is over, not before.
            self._later(0, Written(message))

    @handles(Written)
    def on_written(self, message: Written) -> None:
        """What was written in an earlier turn has left."""
        pass_point(message.request, "sent")

    def _write(self, frame: RemoteFrame) -> None:
        link, session = self._link, self._session
        assert link is not None, "expected a link"
        payload = encode_frame(frame)
        self._undrained += len(payload)
        try:
            link.write(payload)
        except (EOFError, OSError, RuntimeError, BadFrame) as error:
            # A stream that is closing raises RuntimeError. What it took is unknown.
            self._say_lost(session, str(error) or type(error).__name__)
            return
        if self._undrained > 2 * OUTBOUND_BYTES_MAX:
            self._say_lost(session, f"takes nothing: {self._undrained} bytes wait")
        elif self._undrained >= DRAIN_BYTES and self._drain_since_ns is None:
            self._drain_since_ns = self._wall.monotonic_ns()
            self.spawn(self._drain(session, link, self._undrained), name="drain")

    async def _drain(self, session: int, link: Link, written: int) -> None:
        try:
            await link.drain()
        except (EOFError, OSError, RuntimeError) as error:
            self._say_lost(session, str(error) or type(error).__name__)
            return
        if self.actor_ref.is_alive():
            self.actor_ref.tell(Drained(session, written))

    @handles(Drained)
    def on_drained(self, message: Drained) -> None:
        """The venue takes what we write."""
        if message.session == self._session:
            self._undrained -= message.bytes
            self._drain_since_ns = None

    @handles(RequestDue)
    def on_request_due(self, message: RequestDue) -> None:
        """No answer in time."""
        request = self._requests.give_up(message.number)
        if request is not None:
            request.on_answer(without_answer(request.message, "no answer in time", self._wall.now_ns()))

    # --- In -----------------------------------------------------------------------------------------------------------

    @handles(Received)
    def on_received(self, message: Received) -> None:
        """Take one frame.

        Raises:
            BadFrame: It is none; the reader ends the connection.
        """
        if message.session == self._session:
            self._heard_ns = self._wall.monotonic_ns()
            frame = decode_frame(message.payload)
            check_body(frame.body)
            self._on_frame(frame)

    def _on_frame(self, frame: RemoteFrame) -> None:
        raise NotImplementedError

    # --- Small things -------------------------------------------------------------------------------------------------

    def _later(self, delay_ns: int, message: Any) -> Timer:
        return self.after(delay_ns, message, clock=self._wall)

    def _odd(self, kind: str, detail: str) -> None:
        """Count what a venue should not do, and log it the 1st, 2nd, 4th, 8th... time."""
        self.counts[kind] += 1
        times = self.counts[kind]
        if self.system.metrics is not None:
            text = "What venues in other processes did and should not."
            self.system.metrics.counter("remote_venue_oddities", text, ["venue", "kind"]).labels(
                self._venue, kind
            ).inc()
        if times & (times - 1) == 0:
            self.log.warning("venue_odd", venue=self._venue, kind=kind, times=times, detail=detail[:200])


def _ignore(_answer: Message) -> None:
    """A pong has done its work by coming."""
