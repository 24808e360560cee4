"""Keeps one live account open at its venue: proves key and clock, keeps its streams, says whether it is there.

The account counts as connected while the venue has let us in and every private stream is ready. Whatever keeps it shut
is said in one line, logged once when it begins and once when it is over, and tried again for ever; nobody else is
touched by it. What the venue told while a stream was away is found by comparing: `VenueConnection` starts that.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connectors.bridge.errors import AuthRefused, BridgeError, Limited, Maintenance
from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.live.adapter import AccountModes, PrivateAdapter
from connectors.live.messages import (
    CompareDue,
    FrameUnread,
    NotOpened,
    OpenAgain,
    Opened,
    ProofDue,
    Pushed,
    StreamRefused,
    StreamState,
    TendDue,
)
from connectors.remote.backoff import Backoff
from engine.domain.errors import NotReady
from engine.domain.identifiers import AccountId
from engine.messages.base import Message
from engine.messages.venues import VenueConnection
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.clock import NS_PER_S, Clock, Timer
from engine.runtime.entropy import Rng

CLOCK_OFFSET_MAX_NS: Final = 30 * NS_PER_S
"""Beyond this somebody should set our clock: we measure and follow the offset, but people and logs do not."""


class LiveTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in nanoseconds, measured by the wall clock's timers."""

    command_ns: int = 5 * NS_PER_S
    """Until the outcome of a submit, cancel or amend counts as unknown; the answer is still awaited."""
    query_ns: int = 20 * NS_PER_S
    """A query may have to wait for the rate limit."""
    done_ns: int = 5 * NS_PER_S
    """From a cancel that the venue took until its stream should have told the end of the order."""
    auth_retry_ns: int = 60 * NS_PER_S
    """Between two tries with a key that the venue refuses; more often would look like an attack."""
    tend_ns: int = 60 * NS_PER_S
    prove_ns: int = 600 * NS_PER_S
    """Between two proofs that key, modes and clock are still as they should be."""
    compare_ns: int = 10 * NS_PER_S
    """At most so often unreadable frames make us compare."""


class LiveSession(AsyncioActor):
    """One account; `LiveVenue` (connector.py) adds what is asked and sent."""

    def __init__(
        self, *, adapter: PrivateAdapter, account_id: AccountId, bus: Bus, wall: Clock, rng: Rng, times: LiveTimes
    ) -> None:
        """Keep what it works with; see `LiveVenue`."""
        super().__init__()
        self._adapter = adapter
        self._account_id = account_id
        self._bus = bus
        self._wall = wall
        self._rng = rng
        self._times = times
        self._backoff = Backoff(rng)
        self._modes: AccountModes | None = None
        """None while the venue has not let us in."""
        self._why = "not connected yet"
        self._logged = ""
        self._told: tuple[bool, str] | None = None
        """What was last said of the account."""
        self._streams: dict[str, VenueStream] = {}
        self._is_opening = False
        self._is_comparing = False
        self._is_compare_owed = False

    def on_start(self) -> None:
        """Begin to open the account; nobody waits for it."""
        self._open()
        self._later(self._times.tend_ns, TendDue())
        self._later(self._times.prove_ns, ProofDue())

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Hang up."""
        for stream in self._streams.values():
            await stream.close()
        await self._adapter.close()

    async def on_failure(self, *_: object) -> None:  # type: ignore[override]  # As on_stop.
        """Hang up."""
        await self.on_stop()

    # --- Opening ------------------------------------------------------------------------------------------------------

    @handles(OpenAgain)
    def on_open_again(self, _message: OpenAgain) -> None:
        """Try again."""
        self._open()

    @handles(ProofDue)
    def on_proof_due(self, _message: ProofDue) -> None:
        """See whether the venue would still let us in: a key expires, a mode is switched, a clock drifts."""
        if self._modes is not None:
            self._open()
        self._later(self._times.prove_ns, ProofDue())

    def _open(self) -> None:
        if not self._is_opening:
            self._is_opening = True
            self.spawn(self._try_to_open(), name="open")

    async def _try_to_open(self) -> None:
        try:
            modes = await self._adapter.open()
            _check(modes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the account is not open and it is tried again.
            message: Any = self._not_opened(error)
        else:
            message = Opened(modes)
        self.actor_ref.tell(message)

    def _not_opened(self, error: Exception) -> NotOpened:
        wait_ns = self._backoff.next_ns()
        if isinstance(error, AuthRefused):
            return NotOpened(error.line, is_serious=True, retry_ns=self._times.auth_retry_ns)
        if isinstance(error, Limited | Maintenance):
            return NotOpened(_line(error), is_serious=False, retry_ns=max(wait_ns, error.retry_after_ns))
        if isinstance(error, NotReady):
            retry_ns = max(wait_ns, int((error.retry_after_s or 0) * NS_PER_S), self._times.auth_retry_ns)
            return NotOpened(error.why or str(error), is_serious=True, retry_ns=retry_ns)
        if not isinstance(error, BridgeError):
            self.log.warning("account_answer_unreadable", error=repr(error)[:300])
        return NotOpened(_line(error), is_serious=False, retry_ns=wait_ns)

    @handles(Opened)
    def on_opened(self, message: Opened) -> None:
        """The venue has let us in: listen to what it tells."""
        self._is_opening = False
        self._backoff.reset()
        self._modes = message.modes
        if not self._streams:
            for plan in self._adapter.streams():
                self._streams[plan.name] = self._stream(plan)
            for name, stream in self._streams.items():
                self.spawn(stream.run(), name=f"stream-{name}")
        self._review()

    @handles(NotOpened)
    def on_not_opened(self, message: NotOpened) -> None:
        """Say why, and try again."""
        self._is_opening = False
        if self._modes is not None and not message.is_serious:
            # It was open, and was only to be proven again: a request that fails proves nothing against it.
            return
        self._shut(message.line, is_serious=message.is_serious)
        self._later(message.retry_ns, OpenAgain())

    def _shut(self, line: str, *, is_serious: bool) -> None:
        """Let nothing out for this account until the venue lets us in again."""
        self._modes = None
        self._why = line
        if line != self._logged:
            self._logged = line
            log = self.log.error if is_serious else self.log.warning
            log("account_not_ready", venue=self._adapter.venue, account_id=str(self._account_id), why=line)
        self._say(connected=False, reason=line)

    def _on_auth(self, error: AuthRefused) -> None:
        """A key that worked is refused: shut the account, and prove the key anew after a while."""
        if self._modes is not None:
            self._shut(error.line, is_serious=True)
            self._later(self._times.auth_retry_ns, OpenAgain())

    # --- Streams ------------------------------------------------------------------------------------------------------

    def _stream(self, plan: Any) -> VenueStream:
        tell = self.actor_ref.tell
        owner = StreamOwner(
            on_message=lambda event: tell(Pushed(event)),
            on_state=lambda is_ready, why: tell(StreamState(plan.name, is_ready, why)),
            on_unread=lambda kind, _why: tell(FrameUnread(kind)),
            on_refused=lambda error: tell(StreamRefused(error)),
            spawn=lambda coroutine, name: self.spawn(coroutine, name=name),
        )
        return VenueStream(plan, self._adapter.wire, owner, clock=self._wall, rng=self._rng, log=self.log)

    @handles(StreamState)
    def on_stream_state(self, message: StreamState) -> None:
        """A stream has come or gone; one that is back already has missed something all the same."""
        if not message.is_ready and self._is_there and self._streams[message.name].is_ready:
            self._again(f"{message.name} stream: {message.why}")
        self._review()

    @handles(StreamRefused)
    def on_stream_refused(self, message: StreamRefused) -> None:
        """The venue refuses a session; if because of the key, the account is shut."""
        if isinstance(message.error, AuthRefused):
            self._on_auth(message.error)

    def _review(self) -> None:
        """Say how the account stands, if that has changed."""
        if self._modes is None:
            return
        away = next((stream for stream in self._streams.values() if not stream.is_ready), None)
        if away is None:
            self._logged = self._why = ""
            self._say(connected=True)
        elif self._told is None or self._told[0] or self._told[1] == self._logged:
            # Said once per outage: what each further dial says is in the stream's own log.
            self._why = f"{away.plan.name} stream: {away.why or 'connecting'}"
            self._logged = ""
            self._say(connected=False, reason=self._why)

    def _say(self, *, connected: bool, reason: str = "") -> None:
        if self._told == (connected, reason):
            return
        if self._told is not None and connected != self._told[0]:
            log = self.log.info if connected else self.log.warning
            log("account_connection", venue=self._adapter.venue, connected=connected, why=reason)
        self._told = (connected, reason)
        self._publish(connected=connected, reason=reason)

    def _publish(self, *, connected: bool, reason: str) -> None:
        message: Message = VenueConnection(
            venue=self._adapter.venue,
            connected=connected,
            reason=reason,
            at_ns=self._wall.now_ns(),
            is_private=True,
            capabilities=self._adapter.capabilities,
            account_id=self._account_id,
        )
        self._bus.publish(message, self._account_id)

    # --- What could not be read ---------------------------------------------------------------------------------------

    @handles(FrameUnread)
    def on_frame_unread(self, message: FrameUnread) -> None:
        """Compare with the venue: what could not be read may have been a fill."""
        if self.system.metrics is not None:
            self.system.metrics.counter(
                "venue_frames_unread", "Private frames that could not be read.", ["venue", "kind"]
            ).labels(self._adapter.venue, message.kind[:40]).inc()
        if self._is_comparing:
            self._is_compare_owed = True
        else:
            self._compare()

    @handles(CompareDue)
    def on_compare_due(self, _message: CompareDue) -> None:
        """Compare once for all frames that were not readable meanwhile."""
        self._is_comparing = False
        if self._is_compare_owed:
            self._is_compare_owed = False
            self._compare()

    def _compare(self) -> None:
        self._is_comparing = True
        self._later(self._times.compare_ns, CompareDue())
        if self._is_there:
            self._again("a message of the venue could not be read")

    @property
    def _is_there(self) -> bool:
        return self._told is not None and self._told[0]

    def _again(self, reason: str) -> None:
        """Let the account be compared: it was away, and is there."""
        self._publish(connected=False, reason=reason)
        self._publish(connected=True, reason="")

    # --- Small things -------------------------------------------------------------------------------------------------

    @handles(TendDue)
    def on_tend_due(self, _message: TendDue) -> None:
        """Do what must be done from time to time."""
        if self._modes is not None:
            self.spawn(self._tend(), name="tend")
        self._later(self._times.tend_ns, TendDue())

    async def _tend(self) -> None:
        try:
            await self._adapter.tend()
        except AuthRefused as error:
            self.actor_ref.tell(StreamRefused(error))
        except Exception as error:  # noqa: BLE001 - it is done again in a minute.
            self.log.info("account_not_tended", why=repr(error)[:200])

    def _later(self, delay_ns: int, message: Any) -> Timer:
        return self.after(delay_ns, message, clock=self._wall)

    @property
    def unread(self) -> Mapping[str, int]:
        """How many private frames could not be read, by kind."""
        total: dict[str, int] = {}
        for stream in self._streams.values():
            for kind, times in stream.unread.items():
                total[kind] = total.get(kind, 0) + times
        return total


def _check(modes: AccountModes) -> None:
    """Refuse an account that we must not trade with.

    Raises:
        AuthRefused, NotReady: With one line that says why.
    """
    if not modes.can_trade:
        raise AuthRefused("no_permission", "it may only read")
    if modes.position_mode != "net":
        raise NotReady("account", why="the account is in hedge mode: set it to one-way mode")
    if abs(modes.clock_offset_ns) > CLOCK_OFFSET_MAX_NS:
        way = "behind" if modes.clock_offset_ns > 0 else "ahead of"
        seconds = abs(modes.clock_offset_ns) / NS_PER_S
        raise NotReady("clock", why=f"our clock is {seconds:.0f} s {way} the venue's: set it right")


def _line(error: Exception) -> str:
    if not isinstance(error, BridgeError):
        return f"the venue's answer cannot be read ({type(error).__name__})"
    if isinstance(error, Maintenance):
        return f"the venue is closed for maintenance ({error.message})" if error.message else "maintenance"
    if error.code == "not_connected":
        return f"the venue cannot be reached ({error.message})"
    if isinstance(error, Limited):
        return f"the venue limits us for {error.retry_after_ns / NS_PER_S:.0f} s"
    return f"{error.code} {error.message}".strip()
