"""Keeps the connection to a venue in another process: greets, introduces the accounts, dials again for ever.

What was on its way when a connection is lost is settled at once: commands as unknown, queries as `CannotTell`. The
venue counts as back when it has welcomed us and has answered for every account that is introduced again.
"""

from typing import Any, Final

from connectors.remote.answers import without_answer
from connectors.remote.backoff import MAX_NS, Backoff
from connectors.remote.checks import check_welcome
from connectors.remote.frames import BadFrame
from connectors.remote.link import Dial
from connectors.remote.messages import Connected, DialAgain, GreetingDue, Reopen
from connectors.remote.requests import OnAnswer
from connectors.remote.wire import RemoteTimes, RemoteWire
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, UserId, Venue
from engine.messages.base import Message
from engine.messages.remote import PROTOCOL_VERSION, RemoteHello, RemoteRefused, RemoteWelcome
from engine.messages.venues import AccountOpened, OpenAccount, VenueConnection
from engine.runtime.actor import handles
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.entropy import Rng
from engine.runtime.secret import Secret

CLOCK_OFFSET_MAX_NS: Final = 1_000_000_000
"""Beyond this the venue's clock is worth a warning: it reads `valid_until_ns` by it."""
NOT_CONNECTED: Final = "not_connected"
RETRY_MAX_NS: Final = 10 * MAX_NS
"""However long a venue asks us to stay away."""


class _Account:
    __slots__ = ("is_given_up", "is_open", "is_told", "message")

    def __init__(self, message: OpenAccount) -> None:
        self.message = message
        self.is_open = False
        """On this connection."""
        self.is_given_up = False
        """Whoever asked for it was told that it is not open."""
        self.is_told = True
        """The venue has answered to the last who asked for it: it may have had something to tell."""


class RemoteSession(RemoteWire):
    """The connection and its accounts; `RemoteVenue` (connector.py) adds what travels over it."""

    def __init__(
        self,
        *,
        venue: Venue,
        dial: Dial,
        bus: Bus,
        wall: Clock,
        rng: Rng,
        engine: str,
        token: Secret | None,
        times: RemoteTimes,
    ) -> None:
        """Keep what it works with; see `RemoteVenue`."""
        super().__init__(venue=venue, dial=dial, wall=wall, times=times)
        self._bus = bus
        self._engine = engine
        self._token = token
        self._backoff = Backoff(rng)
        self._accounts: dict[AccountId, _Account] = {}
        self._is_dialling = False
        """Whether this attempt to connect has not ended in a welcome or a failure yet."""
        self._capabilities: Capabilities | None = None
        """As the venue declared them on this connection; None before its welcome."""
        self._told: bool | None = None
        """What was last said of the connection."""
        self._opening: set[AccountId] = set()
        """Accounts for which the venue has not answered since its welcome."""
        self._callers: list[tuple[OpenAccount, OnAnswer]] = []
        """Who asked to open an account before the outcome of the first dial."""
        self._why = "not connected yet"
        self._logged = ""
        self._retry_after_ns = 0
        self._welcomed_ns = 0

    def on_start(self) -> None:
        """Begin to connect; nobody waits for it."""
        self._connect()

    # --- Greeting -----------------------------------------------------------------------------------------------------

    @handles(DialAgain)
    def on_dial_again(self, _message: DialAgain) -> None:
        """The wait is over."""
        self._connect()

    def _connect(self) -> None:
        self._is_dialling = True
        self._call()
        self._later(self._times.greeting_ns, GreetingDue(self._session))

    @handles(Connected)
    def on_connected(self, message: Connected) -> None:
        """Greet."""
        if message.session != self._session:
            message.link.close()
            return
        self._take(message.link)
        token = None if self._token is None else self._token.reveal()
        self._send(RemoteHello(engine=self._engine, token=token), self._on_greeted, self._times.greeting_ns)

    @handles(GreetingDue)
    def on_greeting_due(self, message: GreetingDue) -> None:
        """Give up a connection on which no welcome came."""
        if message.session == self._session and self._is_dialling:
            self._lose("no welcome in time")

    def _on_greeted(self, answer: Message) -> None:
        if isinstance(answer, RemoteWelcome):
            self._welcome(answer)
        elif isinstance(answer, RemoteRefused):
            self._retry_after_ns = min(answer.retry_after_ns or MAX_NS, RETRY_MAX_NS)
            self._lose(f"refused by the venue: {answer.code} {answer.message}".rstrip(), is_serious=True)

    def _welcome(self, welcome: RemoteWelcome) -> None:
        try:
            check_welcome(welcome, venue=self._venue, version=PROTOCOL_VERSION)
        except BadFrame as error:
            # It will most likely say the same again: there is no hurry to hear it.
            self._retry_after_ns = MAX_NS
            self._lose(str(error), is_serious=True)
            return
        offset_ns = welcome.venue_time_ns - self._wall.now_ns()
        if abs(offset_ns) > CLOCK_OFFSET_MAX_NS:
            self._odd("clock_offset", f"{offset_ns / 1e9:g} s ahead of ours")
        self._is_dialling = False
        self._capabilities = welcome.capabilities
        self._welcomed_ns = self._wall.monotonic_ns()
        self._opening = set(self._accounts)
        callers, self._callers = self._callers, []
        asked_for = {message.account_id for message, _ in callers}
        for account_id, account in self._accounts.items():
            if account_id not in asked_for:
                self._introduce(account)
        for message, on_answer in callers:
            self._introduce(self._accounts[message.account_id], on_answer)
        self._say_back()

    # --- Accounts -----------------------------------------------------------------------------------------------------

    def _open(self, message: OpenAccount, on_answer: OnAnswer) -> None:
        """Open an account now, and from now on at every connection."""
        known = self._accounts.get(message.account_id)
        if known is None:
            known = self._accounts[message.account_id] = _Account(message)
        known.message = message
        if self._capabilities is not None and known.is_open:
            # Known to be open; the venue hears of it again, since it may have something to tell to whoever is new.
            on_answer(AccountOpened(account_id=message.account_id, created=False))
            known.is_told = False
            self._introduce(known)
        elif self._capabilities is not None:
            self._introduce(known, on_answer)
        elif self._told is None:
            # Soon after the start: the first dial decides. Later nobody is kept waiting by a venue that hangs.
            self._callers.append((message, on_answer))
        else:
            known.is_given_up = True
            on_answer(without_answer(message, self._why, self._wall.now_ns()))

    def _introduce(self, account: _Account, on_answer: OnAnswer | None = None) -> None:
        """Open an account on this connection."""
        session, message = self._session, account.message

        def answered(answer: Message) -> None:
            if session == self._session:
                self._on_introduced(account, answer)
            if on_answer is not None:
                on_answer(answer)

        self._send(message, answered, self._times.command_ns)

    def _on_introduced(self, account: _Account, answer: Message) -> None:
        account_id = account.message.account_id
        if isinstance(answer, AccountOpened):
            account.is_open = account.is_told = True
            if account.is_given_up and self._told:
                # Whoever has done without this account hears that it is there.
                self._say(connected=True)
            account.is_given_up = False
        elif not account.is_open:
            account.is_given_up = True
            self._odd("account_not_opened", f"{account_id}: {answer}")
            self._later(self._times.reopen_ns, Reopen(self._session, account_id))
        elif not account.is_told:
            self._later(self._times.reopen_ns, Reopen(self._session, account_id))
        self._opening.discard(account_id)
        self._say_back()

    @handles(Reopen)
    def on_reopen(self, message: Reopen) -> None:
        """Introduce an account again that the venue has not opened, or of which it has not told what it had to tell."""
        account = self._accounts[message.account_id]
        if message.session == self._session and not (account.is_open and account.is_told):
            self._introduce(account)

    def _owner(self, account_id: AccountId) -> UserId | None:
        """Whose account it is; None for one that nobody opened."""
        account = self._accounts.get(account_id)
        return None if account is None else account.message.user_id

    def _why_closed(self, account_id: AccountId) -> str | None:
        """Why nothing can be asked for an account; None if it is open at the venue."""
        account = self._accounts.get(account_id)
        if account is None:
            return "unknown_account"
        if self._capabilities is None:
            return NOT_CONNECTED
        return None if account.is_open else "account_not_open"

    # --- There and gone -----------------------------------------------------------------------------------------------

    def _say_back(self) -> None:
        """Say that the venue is there once it has answered for every account."""
        if self._told is not True and not self._opening and self._capabilities is not None:
            self.log.info("venue_connected", venue=self._venue, accounts=len(self._accounts))
            self._logged = ""
            self._say(connected=True)

    def _lose(self, why: str, *, is_serious: bool = False) -> None:
        """Hang up, settle what was on its way, and arrange the next try."""
        self._hang_up()
        was_welcomed = self._capabilities is not None
        self._capabilities = None
        self._is_dialling = False
        self._opening.clear()
        for account in self._accounts.values():
            account.is_open = False
        self._why = why
        if self._told is not False or (is_serious and why != self._logged):
            self._logged = why
            (self.log.error if is_serious else self.log.warning)("venue_lost", venue=self._venue, why=why)
        self._settle(why)
        if self._told is not False:
            self._say(connected=False, reason=why)
        if was_welcomed and self._wall.monotonic_ns() - self._welcomed_ns >= self._times.stable_ns:
            self._backoff.reset()
        wait_ns = max(self._backoff.next_ns(), self._retry_after_ns)
        self._retry_after_ns = 0
        self._later(wait_ns, DialAgain())

    def _settle(self, why: str) -> None:
        now_ns = self._wall.now_ns()
        for request in self._requests.abandon():
            request.on_answer(without_answer(request.message, f"link lost: {why}", now_ns))
        callers, self._callers = self._callers, []
        for message, on_answer in callers:
            on_answer(without_answer(message, why, now_ns))

    def _say(self, *, connected: bool, reason: str = "") -> None:
        self._told = connected
        message: Any = VenueConnection(
            venue=self._venue,
            connected=connected,
            reason=reason,
            at_ns=self._wall.now_ns(),
            is_private=True,
            capabilities=self._capabilities,
        )
        self._bus.publish(message, self._venue)
