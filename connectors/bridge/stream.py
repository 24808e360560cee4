"""Keeps one socket to a venue: dials for ever, notices when it is dead, renews its session, hands on what it says.

Whoever owns a stream runs `run()` as a task of its own actor and gives callbacks; they are called in the order of the
frames, from that task, and never while another of them runs. A frame that cannot be read costs that frame only: it is
counted, logged the 1st, 2nd, 4th... time of its kind, and told (`on_unread`), since it may have been a fill.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import aiohttp
import msgspec

from connectors.bridge.ban import retry_after_ns
from connectors.bridge.client import GuardedClient
from connectors.bridge.departure import Departure
from connectors.bridge.errors import AuthRefused, BridgeError, Limited, NotSent, Unknown
from connectors.bridge.plan import (
    StreamAnswer,
    StreamBroken,
    StreamEnded,
    StreamFollow,
    StreamPlan,
    StreamReady,
    StreamRequest,
)
from connectors.bridge.session import told
from connectors.remote.backoff import Backoff
from engine.domain.errors import BadInput
from engine.messages.base import Message
from engine.runtime.clock import NS_PER_S, Clock
from engine.runtime.entropy import Rng
from engine.runtime.log import Logger

DIAL_NS: Final = 10 * NS_PER_S
ANSWER_NS: Final = 10 * NS_PER_S
"""How long a renewal may take to be answered."""
STABLE_NS: Final = 10 * NS_PER_S
"""A connection that was ready so long lets the next backoff begin anew."""
TICK_NS: Final = NS_PER_S
AUTH_WAIT_NS: Final = 60 * NS_PER_S
"""Between two dials with a key that the venue refuses."""
KINDS_MAX: Final = 1_000
"""Kinds of unreadable frames told apart; beyond them they share one."""

RENEWED: Final = "session renewal"

Spawn = Callable[..., "asyncio.Task[Any]"]


class Wire(Protocol):
    """What a stream needs of an exchange."""

    def new_client(self, url: str) -> GuardedClient:
        """Make a client for one dial."""

    def web_session(self) -> aiohttp.ClientSession:
        """Return the session to dial with."""


class StreamOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens."""

    on_message: Callable[[Any], object]
    """Gets each domain message."""
    on_state: Callable[[bool, str], object]
    """Gets (ready, why): when the stream is ready, and after each connection that is over or was not made."""
    on_unread: Callable[[str, str], object]
    """Gets (kind, why) of each frame that could not be read."""
    on_refused: Callable[[BridgeError], object]
    """Gets why the venue refuses the session: `AuthRefused` and the like."""
    spawn: Callable[[Coroutine[Any, Any, Any], str], "asyncio.Task[Any]"]
    """Starts a task of the owner."""


class VenueStream:
    """One socket that is meant to be there always."""

    def __init__(
        self,
        plan: StreamPlan,
        wire: Wire,
        owner: StreamOwner,
        *,
        clock: Clock,
        rng: Rng,
        log: Logger,
        decodes_by_ccxt: bool = False,
    ) -> None:
        """Keep what it works with.

        Args:
            plan: What the socket is for.
            wire: Makes connections.
            owner: Who listens.
            clock: Wall clock.
            rng: Jitter of the backoff.
            log: Bound to the actor.
            decodes_by_ccxt: Let ccxt decode frames and the plan read what it made of them.
        """
        self.plan = plan
        plan.request = self.request
        self._wire = wire
        self._owner = owner
        self._clock = clock
        self._log = log.bind(stream=plan.name)
        self._decodes_by_ccxt = decodes_by_ccxt
        self._backoff = Backoff(rng)
        self._client: GuardedClient | None = None
        self._answers: dict[str, asyncio.Future[bytes]] = {}
        self._why = ""
        self._ready_ns: int | None = None
        self._retry_ns = 0
        self._is_closing = False
        self.frames = 0
        self.dials = 0
        self.unread: Counter[str] = Counter()
        """Frames that could not be read, by kind."""

    @property
    def is_ready(self) -> bool:
        """Whether everything that it is for is subscribed."""
        return self._ready_ns is not None

    @property
    def why(self) -> str:
        """Why it is not ready, or was not the last time."""
        return self._why

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Be connected until `close`; returns then."""
        while not self._is_closing:
            await self._live_once()
            if not self._is_closing:
                await self._clock.sleep(self._wait_ns())

    async def close(self) -> None:
        """Hang up for good."""
        self._is_closing = True
        await self._hang_up(self._client, "closing")

    def redial(self, why: str) -> None:
        """Give this connection up and make a new one; without one there is nothing to give up."""
        if self._client is not None and not self._why:
            self._end(why)
            self._owner.spawn(self._hang_up(self._client, why), f"redial-{self.plan.name}")

    def _wait_ns(self) -> int:
        if self._why == RENEWED:
            return 0
        wait_ns = max(self._backoff.next_ns(), self._retry_ns)
        self._retry_ns = 0
        return wait_ns

    async def _live_once(self) -> None:
        """Dial, and stay until it is over."""
        self._why = ""
        self.dials += 1
        minder: asyncio.Task[Any] | None = None
        try:
            client = await self._dial()
            minder = self._owner.spawn(self._mind(client), f"mind-{self.plan.name}")
            self._end(await client.read(self._decode_frame if self._decodes_by_ccxt else self._read_frame))
        except BridgeError as error:
            self._refused(error)
        except Exception as error:  # noqa: BLE001 - whatever a plan or a dial raises, it is tried again.
            self._failed(error)
        finally:
            if minder is not None:
                minder.cancel()
            client_then, self._client = self._client, None
            self._down()
            if client_then is not None:
                await client_then.hang_up()

    async def _dial(self) -> GuardedClient:
        url = await self.plan.url()
        client = self._client = self._wire.new_client(url)
        await client.dial(self._wire.web_session(), DIAL_NS)
        for text in await self.plan.opening():
            await client.send(text)
        return client

    def _refused(self, error: BridgeError) -> None:
        self._end(str(error))
        if isinstance(error, Limited):
            self._retry_ns = error.retry_after_ns
        elif isinstance(error, AuthRefused):
            self._retry_ns = AUTH_WAIT_NS
        self._owner.on_refused(error)

    def _failed(self, error: Exception) -> None:
        self._end(told(error))
        if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in (418, 429, 503):
            headers = {} if error.headers is None else dict(error.headers)
            self._retry_ns = retry_after_ns(headers, is_ban=error.status == 418)

    def _end(self, why: str) -> None:
        """Keep the first reason: later ones follow from it."""
        self._why = self._why or why

    async def _hang_up(self, client: GuardedClient | None, why: str) -> None:
        self._end(why)
        if client is not None:
            await client.hang_up()

    def _up(self) -> None:
        if self._ready_ns is None:
            self._ready_ns = self._clock.monotonic_ns()
            self._owner.on_state(True, "")

    def _down(self) -> None:
        ready_ns, self._ready_ns = self._ready_ns, None
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(Unknown("connection_lost", self._why))
        if ready_ns is not None and self._clock.monotonic_ns() - ready_ns >= STABLE_NS:
            self._backoff.reset()
        if not self._is_closing:
            self._owner.on_state(False, self._why)

    # --- Signs of life ------------------------------------------------------------------------------------------------

    async def _mind(self, client: GuardedClient) -> None:
        """Ping, watch for silence, renew, and end what has lasted long enough."""
        plan, begun_ns = self.plan, self._clock.monotonic_ns()
        ticked_ns = pinged_ns = renewed_ns = begun_ns
        while True:
            await self._clock.sleep(TICK_NS)
            now_ns = self._clock.monotonic_ns()
            if now_ns - ticked_ns > 3 * TICK_NS and now_ns - client.heard_ns >= plan.silence_ns:
                # We were away ourselves (a stalled loop, a stopped process): what was said meanwhile waits to be read.
                client.heard_ns = now_ns - plan.silence_ns // 2
            ticked_ns = now_ns
            if (why := self._why_over(client, begun_ns, now_ns)) is not None:
                await self._hang_up(client, why)
                return
            try:
                if now_ns - pinged_ns >= plan.ping_ns:
                    pinged_ns = now_ns
                    await self._ping(client)
                if plan.renew_ns and now_ns - renewed_ns >= plan.renew_ns:
                    renewed_ns = now_ns
                    await self._renew()
            except Exception as error:  # noqa: BLE001 - a session that cannot be kept is replaced.
                await self._hang_up(client, f"{type(error).__name__}: {error}")
                return

    def _why_over(self, client: GuardedClient, begun_ns: int, now_ns: int) -> str | None:
        plan = self.plan
        if now_ns - client.heard_ns >= plan.silence_ns:
            return f"silent for {plan.silence_ns / NS_PER_S:g} s"
        if self._ready_ns is None and now_ns - begun_ns >= plan.ready_ns:
            return f"not confirmed in {plan.ready_ns / NS_PER_S:g} s"
        if plan.lifetime_ns and now_ns - begun_ns >= plan.lifetime_ns:
            return RENEWED
        return None

    async def _ping(self, client: GuardedClient) -> None:
        text = self.plan.ping()
        if text is None:
            await client.ping()
        else:
            await client.send(text)

    async def _renew(self) -> None:
        """Prolong the session and see the proof that it lives."""
        request = await self.plan.renew()
        if request is not None:
            await self.request(request, ANSWER_NS)
        self._log.debug("session_renewed")

    # --- Requests over the socket -------------------------------------------------------------------------------------

    async def request(self, request: StreamRequest, timeout_ns: int, departure: Departure | None = None) -> bytes:
        """Send a request over this socket and return its answer as it came.

        Raises:
            NotSent: The stream is not there, or the departure forbids it.
            Unknown: It left, and no answer came.
        """
        client = self._client
        if client is None or client.closed():
            raise NotSent("not_connected", self._why)
        if request.id in self._answers:
            raise NotSent("busy", f"request {request.id} waits already")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers[request.id] = answer
        timer = self._clock.call_after(timeout_ns, lambda: _give_up(answer))
        try:
            if departure is not None:
                departure.leaving()
            try:
                await client.send(request.text)
            except (OSError, aiohttp.ClientError, RuntimeError) as error:
                # How much of it has left nobody knows.
                raise Unknown("connection_lost", str(error)) from error
            if departure is not None:
                departure.left()
            return await answer
        finally:
            timer.cancel()
            self._answers.pop(request.id, None)

    # --- Frames -------------------------------------------------------------------------------------------------------

    def _read_frame(self, raw: bytes) -> None:
        self.frames += 1
        try:
            items = self.plan.parse(raw, self._clock.now_ns())
        except BadInput as error:
            self._unreadable(error.field, str(error))
        except Exception as error:  # noqa: BLE001 - no frame and no defect of a parser may end the reader.
            self._unreadable(type(error).__name__, repr(error))
        else:
            self._take(items)

    def _decode_frame(self, raw: bytes) -> None:
        self.frames += 1
        assert self._client is not None, "frames come from a client"
        try:
            items = self.plan.parse_decoded(self._client.decode(raw), self._clock.now_ns())
        except BadInput as error:
            self._unreadable(error.field, str(error))
        except Exception as error:  # noqa: BLE001 - as above.
            self._unreadable(type(error).__name__, repr(error))
        else:
            self._take(items)

    def _take(self, items: Any) -> None:
        for item in items:
            if isinstance(item, Message):
                self._owner.on_message(item)
            elif type(item) is StreamAnswer:
                answer = self._answers.get(item.id)
                if answer is not None and not answer.done():
                    answer.set_result(item.body)
            elif type(item) is StreamReady:
                self._up()
            elif type(item) is StreamEnded:
                self.redial(item.why)
            elif type(item) is StreamBroken:
                self._break(item.error)
            elif type(item) is StreamFollow:
                self._owner.spawn(self._follow(item), f"follow-{self.plan.name}")

    async def _follow(self, item: StreamFollow) -> None:
        """Ask what a frame made necessary; whoever listens compares where that fails, as after an unreadable frame."""
        try:
            items = await item.ask()
        except AuthRefused as error:
            self._owner.on_refused(error)
        except Exception as error:  # noqa: BLE001 - what was asked for is found by comparing.
            self._unreadable("follow", repr(error))
        else:
            self._take(items)

    def _break(self, error: Exception) -> None:
        self.redial(str(error))
        if isinstance(error, BridgeError):
            self._refused(error)

    def _unreadable(self, kind: str, why: str) -> None:
        if kind not in self.unread and len(self.unread) >= KINDS_MAX:
            kind = "other"
        self.unread[kind] += 1
        times = self.unread[kind]
        if times & (times - 1) == 0:
            self._log.warning("frame_unreadable", kind=kind, times=times, why=why[:300])
        self._owner.on_unread(kind, why)


def _give_up(answer: "asyncio.Future[bytes]") -> None:
    if not answer.done():
        answer.set_exception(Unknown("no_answer", "no answer in time"))
