"""The guard in front of a class of ccxt: `class Binance(Guarded, ccxt_class("binance"))`.

ccxt knows the URLs and how to sign; it sends by `fetch`. The guard stands around these two: it waits for the budget
before a request is signed, passes the ban gate, looks a last time before the first byte (`Departure`), limits the time,
keeps the answer as it came, follows the venue's clock and headers, and turns whatever goes wrong into one of
`connectors.bridge.errors`. ccxt's throttle, its retries and its memory of answers are off.

A venue says what is its own: `limits`, `rules`, `venue_error`, `cost_of`, `observe`, `venue_time_ns`.

::

    raw = await exchange.ask(exchange.privatePostOrder, params, departure=departure)
    answer = decode(raw)            # msgspec, exact; what it raises after a command has left means "unknown"
"""

import asyncio
import decimal
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

import aiohttp

from connectors.bridge.answers import Rule, Seen, VenueError, is_json, judged
from connectors.bridge.ban import BanGate
from connectors.bridge.budget import Budgets, Limit
from connectors.bridge.client import GuardedClient
from connectors.bridge.clock_offset import VenueClock
from connectors.bridge.departure import Departure, Free, default_departure
from connectors.bridge.errors import AuthRefused, BridgeError, ClockOff, Limited, NotSent, Unknown
from connectors.bridge.session import Call, current_call, new_session, told
from engine.runtime.clock import NS_PER_S, Clock

TIMEOUT_NS: Final = 10 * NS_PER_S
"""Of a query, from the moment it may leave."""
COMMAND_TIMEOUT_NS: Final = 30 * NS_PER_S
"""Of a command: its outcome counts as unknown much sooner, but an answer that comes late is still a fact."""
BUDGET_WAIT_NS: Final = 10 * NS_PER_S

Endpoint = Callable[..., Awaitable[Any]]
"""An implicit method of ccxt: `exchange.privatePostOrder`."""

_SETTINGS: Final[Mapping[str, Any]] = {
    "enableRateLimit": False,
    "enableLastHttpResponse": False,
    "enableLastJsonResponse": False,
    "enableLastResponseHeaders": False,
    "timeout": COMMAND_TIMEOUT_NS // 1_000_000,
    "userAgent": "cival",
    "options": {"maxRetriesOnFailure": 0, "fetchCurrencies": False, "fetchMargins": False},
}
# ccxt logs whole requests, signatures and all.
_MUTE: Final = logging.Logger("ccxt.muted", level=logging.CRITICAL + 1)  # noqa: LOG001 - one that no setup reaches


class Bridge:
    """What everybody shares who talks to one venue from one address."""

    def __init__(self, limits: tuple[Limit, ...], clock: Clock, *, address: str = "", share: float = 1.0) -> None:
        """Begin with full budgets and an open gate.

        Args:
            limits: The venue's, as its exchange class declares them.
            clock: Wall clock.
            address: Of ours to connect from; empty: as the system chooses.
            share: Part of each limit that is ours.
        """
        self.clock = clock
        self.address = address
        self.budgets = Budgets(limits, clock, share=share)
        self.gate = BanGate(clock)
        self.time = VenueClock(clock)


class Guarded:
    """To be named before a class of ccxt among the bases."""

    limits: ClassVar[tuple[Limit, ...]] = ()
    """The venue's rate limits."""
    rules: ClassVar[Mapping[str, Rule]] = {}
    """Code of the venue -> what it proves. A code that is not here is a refusal, if a 2xx or 4xx brings it."""
    timeout_on_exit = 0

    def __init__(self, bridge: Bridge, config: Mapping[str, Any], *, budget_key: str = "") -> None:
        """Make ccxt's part.

        Args:
            bridge: Shared with others at the same venue.
            config: Settings of ccxt: `apiKey`, `secret`, `urls`, `options`... merged over ours.
            budget_key: Names the key or account for limits that are counted per key; not the secret.
        """
        self._bridge = bridge
        self._budget = bridge.budgets.of(budget_key)
        self._is_closed = False
        options = {**_SETTINGS["options"], **config.get("options", {})}
        super().__init__({**_SETTINGS, **config, "options": options, "logger": _MUTE})  # type: ignore[call-arg]

    # --- What a venue adds --------------------------------------------------------------------------------------------

    def venue_error(self, status: int, body: bytes) -> VenueError | None:
        """Read the code and the sentence of an error body; None if this is none. Pure, and cheap for good answers."""
        raise NotImplementedError

    def cost_of(self, path: str, api: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, int]:  # noqa: ARG002
        """Return what a request costs: window -> units."""
        return {}

    def observe(self, headers: Mapping[str, str]) -> None:
        """Tell the budget what an answer's headers report. Names as the venue wrote them."""

    async def venue_time_ns(self) -> int:
        """Ask the venue for its time.

        Raises:
            BridgeError: It does not answer.
        """
        raise NotImplementedError

    # --- Asking -------------------------------------------------------------------------------------------------------

    async def ask(
        self,
        endpoint: Endpoint,
        params: Any = None,
        *,
        departure: Departure | None = None,
        cost: Mapping[str, int] | None = None,
        is_bulk: bool = False,
        timeout_ns: int = 0,
    ) -> bytes:
        """Send one request and return the body of its answer as it came.

        Args:
            endpoint: An implicit method of this exchange.
            params: Its parameters.
            departure: Conditions of a command; None for what only reads, which is asked once more if only our clock was
                wrong.
            cost: Instead of what `cost_of` says.
            is_bulk: The answer is large: ccxt does not parse it, and no error is looked for in a 2xx.
            timeout_ns: 0: the usual time of a query or a command.

        Raises:
            BridgeError: It is not a yes; `is_definite` tells whether nothing has happened.
        """
        departure = departure or default_departure.get() or Free()
        is_read = isinstance(departure, Free)
        limit_ns = timeout_ns or (TIMEOUT_NS if is_read else COMMAND_TIMEOUT_NS)
        for is_last in (False, True):
            call = Call(departure, cost=cost, is_bulk=is_bulk, timeout_ns=limit_ns)
            token = current_call.set(call)
            try:
                # Some functions of ccxt set traps and rounding on the decimal context of whoever calls.
                with decimal.localcontext():
                    await endpoint({} if params is None else params)
                return call.body
            except ClockOff:
                self._bridge.time.doubt()
                if is_last or not is_read:
                    raise
            finally:
                current_call.reset(token)
            await self.follow_clock()
        raise AssertionError("the second try returns or raises")

    async def follow_clock(self) -> None:
        """Measure the venue's clock if that has not been done lately."""
        if not self._bridge.time.is_fresh:
            await self._bridge.time.measure(self.venue_time_ns)

    @property
    def bridge(self) -> Bridge:
        """What this exchange shares."""
        return self._bridge

    # --- ccxt's own, guarded ------------------------------------------------------------------------------------------

    async def fetch2(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None, config: Any = None
    ) -> Any:
        """Wait for the budget, then sign and send: a signature that waited would be old."""
        call = current_call.get() or Call(Free(), cost=None, is_bulk=False, timeout_ns=TIMEOUT_NS)
        params = {} if params is None else params
        cost = self.cost_of(path, api, method, params) if call.cost is None else call.cost
        self._bridge.gate.check()
        await self._budget.take(cost, call.departure.priority, BUDGET_WAIT_NS)
        token = current_call.set(call)
        try:
            return await super().fetch2(path, api, method, params, config or {})  # type: ignore[misc]
        except BridgeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the libraries of keys raise: `fetch` raises bridge errors.
            # A key that cannot sign says so without showing itself.
            raise AuthRefused("bad_signature", f"cannot sign: {type(error).__name__}") from None
        finally:
            current_call.reset(token)

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Send one request and judge its answer."""
        call = current_call.get()
        assert call is not None, "fetch2 makes the call"
        self._bridge.gate.check()
        try:
            async with asyncio.timeout(call.timeout_ns / NS_PER_S):
                await super().fetch(url, method, headers, body)  # type: ignore[misc]
        except BridgeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever aiohttp and ccxt raise, it is sorted out here.
            if not call.status:
                raise _without_answer(call, error) from None
        if not call.status:
            raise Unknown("no_answer")
        said = None if call.is_bulk and call.status < 300 else self.venue_error(call.status, call.body)
        if call.status >= 300 or said is not None:
            raise self._refusal(said, call)
        if not is_json(call.body):
            raise Unknown("bad_answer", call.body[:80].decode(errors="replace"))
        return call.body

    def _refusal(self, said: VenueError | None, call: Call) -> BridgeError:
        error = judged(said, Seen(call.status, call.headers, call.body), self.rules)
        if isinstance(error, Limited):
            self._bridge.gate.shut(error.retry_after_ns, is_ban=error.is_ban)
        elif isinstance(error, ClockOff):
            self._bridge.time.doubt()
        return error

    def on_rest_response(
        self,
        code: int,
        reason: Any,
        url: str,
        method: str,
        response_headers: Any,
        response_body: str,
        request_headers: Any,
        request_body: Any,
    ) -> str:
        """Keep the answer as it came, before anybody parses it."""
        call = current_call.get()
        assert call is not None, "fetch2 makes the call"
        text: str = super().on_rest_response(  # type: ignore[misc]
            code, reason, url, method, response_headers, response_body, request_headers, request_body
        )
        call.status, call.headers, call.body = code, response_headers, text.encode()
        self.observe(response_headers)
        return text

    def parse_json(self, http_response: str) -> Any:
        """Parse nothing: answers are decoded exactly, by those who know their shape."""
        del http_response
        return None

    def handle_errors(self, *args: Any) -> None:
        """Leave answers to `judged`: ccxt's map depends on the URL."""

    def handle_http_status_code(self, *args: Any) -> None:
        """As `handle_errors`."""

    def set_last_request(self, request: Any) -> None:
        """Keep nothing of what was signed."""

    # --- Time ---------------------------------------------------------------------------------------------------------

    def milliseconds(self) -> int:
        """Return the venue's time."""
        return self._bridge.time.now_ms()

    def seconds(self) -> int:
        """Return the venue's time."""
        return self._bridge.time.now_ms() // 1_000

    def microseconds(self) -> int:
        """Return the venue's time."""
        return self._bridge.time.now_ns() // 1_000

    # --- Sessions -----------------------------------------------------------------------------------------------------

    def open(self, lazy: bool = False) -> None:  # noqa: FBT001, FBT002 - ccxt's signature
        """Make the session with our request class; ccxt's own would be another one."""
        if self._is_closed:
            raise NotSent("closing")
        if self.session is None:
            session = new_session(
                cafile=self.cafile,  # type: ignore[attr-defined]
                address=self._bridge.address,
                trust_env=self.aiohttp_trust_env,  # type: ignore[attr-defined]
            )
            self.session: aiohttp.ClientSession | None = session
            self.tcp_connector = session.connector
            self.ssl_context = True
        super().open(lazy)  # type: ignore[misc]

    def web_session(self) -> aiohttp.ClientSession:
        """Return the session for WebSockets."""
        self.open()
        assert self.session is not None, "open makes it"
        return self.session

    def new_client(self, url: str) -> GuardedClient:
        """Make a client for one dial with this exchange's settings for streams."""
        config = {**self.streaming, **self.options.get("ws", {})}  # type: ignore[attr-defined]
        # ccxt's maker of a venue's ping would take the place of `GuardedClient.ping`; a plan says what is sent.
        config.pop("ping", None)
        client = GuardedClient(url, self._bridge.clock, config)
        http_proxy, https_proxy, _ = self.check_ws_proxy_settings()  # type: ignore[attr-defined]
        client.proxy = http_proxy or https_proxy
        return client

    async def close(self, clean_instance_data: bool = False) -> None:  # noqa: FBT001, FBT002 - ccxt's signature
        """Close all connections; nothing leaves afterwards."""
        self._is_closed = True
        await super().close(clean_instance_data)  # type: ignore[misc]


def _without_answer(call: Call, error: Exception) -> BridgeError:
    """Return what a request comes to on which no answer came."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    why = told(cause)
    if not call.has_left:
        return NotSent("not_connected", why)
    return Unknown("timeout" if isinstance(cause, TimeoutError) else "connection_lost", why)
