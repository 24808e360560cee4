"""The venue that lies, whole: frames in, frames out, on a clock that somebody else turns.

It is pure and synchronous. Whoever runs it (the simulator, or a process of its own in the tests) gives it links and
time, writes what it returns, and asks again at `next_due_ns`. Its books are exact whatever it says; `truth` is there
for whoever judges the engine.
"""

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from engine.domain.identifiers import AccountId
from engine.messages.remote import (
    PROTOCOL_VERSION,
    RemoteBody,
    RemoteHello,
    RemotePing,
    RemotePong,
    RemoteRefused,
    RemoteWelcome,
)
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
    VenueSubmit,
)
from engine.runtime.entropy import Rng, seeded_rng
from engine.simulation.venue.delivery import ConnectionId, Delivery
from engine.simulation.venue.desk import Desk
from engine.simulation.venue.entry import repeats
from engine.simulation.venue.facts import Fact, Journal, OrderEnded, OrderTraded, Started
from engine.simulation.venue.faults import Faults, Strike
from engine.simulation.venue.frames import number_of, read_frame
from engine.simulation.venue.hand import Hand
from engine.simulation.venue.happenings import Happenings
from engine.simulation.venue.kinds import BREAKING, FaultKind
from engine.simulation.venue.links import Link, Links
from engine.simulation.venue.matching import Matching
from engine.simulation.venue.queries import Queries
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.reports import Reports, void_report
from engine.simulation.venue.rules import SECOND, VenueRules
from engine.simulation.venue.speaking import SENT_MAX, Said, Speaker
from engine.simulation.venue.truth import Truth

LATE_REQUEST_MAX_NS: Final = 12 * SECOND
LATE_FILL_MAX_NS: Final = 60 * SECOND
VOIDS_MAX: Final = 100
"""Voids of an account that are told again to whoever opens it."""


class Now(Protocol):
    """True time; no fault bends it."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""


class HostileVenue:
    """One venue."""

    def __init__(self, rules: VenueRules, *, clock: Now, rng: Rng, faults: Faults, journal: Journal) -> None:
        """Come up with the truth that the journal holds.

        Args:
            rules: What it is like.
            clock: True time.
            rng: Chance of its market; its lies have their own (`Faults`).
            faults: When it lies.
            journal: Where its truth lives on.
        """
        self.rules = rules
        self.faults = faults
        self.truth = Truth(rules.instruments)
        self.recorder = Recorder(self.truth, journal)
        self.arrived: deque[Said] = deque(maxlen=SENT_MAX)
        """(true time, link, request), oldest first: all that reached the door, also what was lost behind it."""
        self._clock = clock
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._timer_count = 0
        self.links = Links()
        self.speaker = Speaker(self.recorder, rules, rng, faults, self.links)
        self.matching = Matching(self.recorder, rules, rng, faults)
        self.reports = Reports(self.recorder, rules, faults, self.speaker.report)
        self._desk = Desk(self.recorder, rules, self.matching, self.reports, faults)
        self._queries = Queries(self.recorder, rules, seeded_rng(rng.getrandbits(64)), faults)
        self.hand = Hand(self.recorder, self.matching, self._desk, seeded_rng(rng.getrandbits(64)))
        self._happenings = Happenings(self, self.hand)
        self._answers: dict[type[Any], Callable[[Any], RemoteBody]] = {
            VenueSubmit: self._desk.submit,
            VenueCancel: self._desk.cancel,
            VenueAmend: self._desk.amend,
            ArmDeadMan: self._desk.arm,
            OpenOrdersQuery: self._queries.open_orders,
            OrderQuery: self._queries.order,
            FillsQuery: self._queries.fills,
            AccountQuery: self._queries.account,
        }
        self.recorder.listeners += [self._trade_after_end, self._show_later]
        self._come_up()

    def _come_up(self) -> None:
        self.recorder.now_ns = max(self.recorder.now_ns, self._clock.now_ns())
        self.recorder.record(Started(at_ns=self.recorder.now_ns))
        for symbol, price in self.rules.prices.items():
            if symbol not in self.truth.prices:
                self.hand.set_price(symbol, price)
        self.recorder.commit()
        if self.rules.walk_every_ns:
            self.at(self.recorder.now_ns + self.rules.walk_every_ns, self._walk)
        self.faults.due(self.recorder.now_ns)

    # --- Links -------------------------------------------------------------------------------------------------------

    def connect(self, connection: ConnectionId) -> bool:
        """Take a new link; False: it is refused."""
        self._pass_time(self._clock.now_ns())
        if self.faults.is_on(FaultKind.REFUSED_CONNECT, self.recorder.now_ns):
            return False
        self.links.add(connection)
        return True

    def disconnect(self, connection: ConnectionId) -> None:
        """Learn that a link is gone; what was under way on it is lost, requests that have arrived are not."""
        self.links.remove(connection)
        self.speaker.drop(connection)

    def break_link(self, link: Link) -> None:
        """Let a link break now."""
        self.disconnect(link.id)
        self.speaker.close(link.id)

    def break_links(self) -> None:
        """Let every link break, with all that is under way."""
        for link in list(self.links.by_id.values()):
            self.break_link(link)

    # --- Time --------------------------------------------------------------------------------------------------------

    def advance(self, now_ns: int) -> list[Delivery]:
        """Let time pass; return the frames to be written, oldest first."""
        self._pass_time(now_ns)
        return self._leave()

    def _pass_time(self, now_ns: int) -> None:
        """Do what is due until a true time, in order."""
        self._strike_timed()
        while (due_ns := self._next_event_ns()) is not None and due_ns <= now_ns:
            # What leaves before an event is not touched by it: a link that breaks takes only what comes later.
            self.speaker.ripen(due_ns)
            self.recorder.now_ns = max(self.recorder.now_ns, due_ns)
            self._strike_timed()
            self._desk.fire_dead_men()
            while self._timers and self._timers[0][0] <= due_ns:
                heapq.heappop(self._timers)[2]()
        self.recorder.now_ns = max(self.recorder.now_ns, now_ns)

    def _leave(self) -> list[Delivery]:
        """Make everything durable, then return the frames to be written now."""
        self.recorder.commit()
        return self.speaker.leave()

    def next_due_ns(self) -> int | None:
        """Return the true time at which `advance` has something to do; None: nothing will happen by itself."""
        times = [self._next_event_ns(), self.speaker.next_due_ns()]
        return min((at_ns for at_ns in times if at_ns is not None), default=None)

    def at(self, due_ns: int, work: Callable[[], None]) -> None:
        """Do something at a true time; it is forgotten if the venue dies before."""
        self._timer_count += 1
        heapq.heappush(self._timers, (due_ns, self._timer_count, work))

    def _next_event_ns(self) -> int | None:
        dead_men = [each.dead_man_until_ns for each in self.truth.accounts.values() if each.dead_man_until_ns]
        times = [
            self._timers[0][0] if self._timers else None,
            self.faults.next_due_ns(),
            min(dead_men) - self.truth.skew_ns if dead_men else None,
        ]
        return min((at_ns for at_ns in times if at_ns is not None), default=None)

    def _strike_timed(self) -> None:
        for strike in self.faults.due(self.recorder.now_ns):
            self._happenings.happen(strike)

    def _walk(self) -> None:
        if not self.faults.is_on(FaultKind.MAINTENANCE, self.recorder.now_ns):
            for symbol in self.rules.prices:
                self.matching.walk(symbol)
        self.at(self.recorder.now_ns + self.rules.walk_every_ns, self._walk)

    def happen(self, strike: Strike) -> None:
        """Let a lie of those that begin at a time begin now."""
        self._happenings.happen(strike)

    def calm(self) -> None:
        """Tell the truth from now on; what is late already still comes late."""
        self.faults.calm()
        if self.truth.skew_ns:
            self.hand.set_clock(0)

    @property
    def has_kept_its_word(self) -> bool:
        """Whether no lie beyond the declared limits has struck in this life."""
        return not any(strike.kind in BREAKING for strike in self.faults.log)

    # --- Requests ----------------------------------------------------------------------------------------------------

    def handle(self, connection: ConnectionId, payload: bytes) -> list[Delivery]:
        """Take one frame; return the frames to be written now, the answer perhaps among them."""
        now_ns = self._clock.now_ns()
        self._pass_time(now_ns)
        link = self.links.by_id.get(connection)
        if link is not None and link.takes:
            self._take(link, payload)
        return self._leave()

    def _take(self, link: Link, payload: bytes) -> None:
        frame = read_frame(payload)
        if frame is None:
            self._refuse_garbage(link, payload)
        elif frame.n is None:
            return  # A pong: we ask for none, and believe in links until they end.
        elif isinstance(frame.body, RemoteHello):
            self._greet(link, frame.n, frame.body)
        elif isinstance(frame.body, RemotePing):
            pong = RemotePong(at_ns=frame.body.at_ns, venue_time_ns=self._venue_time_ns())
            self.speaker.send(link, pong, re=frame.n)
        elif not link.is_greeted:
            self.speaker.send(link, RemoteRefused(code="not_ready", message="hello first"), re=frame.n)
        else:
            self._take_request(link, frame.n, frame.body)

    def _refuse_garbage(self, link: Link, payload: bytes) -> None:
        number = number_of(payload)
        self.speaker.send(link, RemoteRefused(code="malformed"), re=number)
        if number is None:
            # Who knows what the next bytes mean.
            self.speaker.close(link.id)
            self.links.remove(link.id)

    def _greet(self, link: Link, number: int, hello: RemoteHello) -> None:
        if hello.version != PROTOCOL_VERSION:
            self.speaker.send(link, RemoteRefused(code="malformed", message=f"version {hello.version}"), re=number)
            return
        link.is_greeted = True
        welcome = RemoteWelcome(
            version=PROTOCOL_VERSION,
            venue=self.rules.venue,
            capabilities=self.rules.capabilities(),
            venue_time_ns=self._venue_time_ns(),
        )
        self.speaker.send(link, welcome, re=number)

    def _take_request(self, link: Link, number: int, body: RemoteBody) -> None:
        now_ns, about = self.recorder.now_ns, about_of(body)
        self.arrived.append((now_ns, link.id, body))
        for kind, code in ((FaultKind.RATE_LIMIT, "rate_limited"), (FaultKind.MAINTENANCE, "maintenance")):
            scripted = self.faults.strike(kind, now_ns, about)
            if scripted is not None or self.faults.is_on(kind, now_ns):
                wait_ns = max(SECOND, self.faults.until_ns(kind) - now_ns)
                self.speaker.send(link, RemoteRefused(code=code, retry_after_ns=wait_ns), re=number)
                return
        if self.faults.strike(FaultKind.LOST_REQUEST, now_ns, about) is not None:
            return
        late = self.faults.strike(FaultKind.LATE_REQUEST, now_ns, about)
        if late is None:
            self._act(link, number, body)
        else:
            self.at(now_ns + late.share_of(LATE_REQUEST_MAX_NS), lambda: self._act(link, number, body))

    def _act(self, link: Link, number: int, body: RemoteBody) -> None:
        """Carry a request out, then say so, then report what it did: reports overtake an answer only by a lie."""
        self.speaker.hold_reports()
        answer = self._answer_to(link, body)
        if self._comes_twice(body):
            answer = self._answer_to(link, body)
        self.speaker.reply(link, number, answer, about_of(body))
        if isinstance(answer, AccountOpened):
            self._tell_voids(link, answer.account_id)

    def _comes_twice(self, body: RemoteBody) -> bool:
        if not isinstance(body, VenueSubmit | VenueCancel | VenueAmend) or body.account_id not in self.truth.accounts:
            return False
        if isinstance(body, VenueSubmit) and repeats(body, self.truth, self.rules) is None:
            # This venue would make a second order, for which no engine could answer.
            return False
        return self.faults.strike(FaultKind.REPEATED_REQUEST, self.recorder.now_ns, about_of(body)) is not None

    def _answer_to(self, link: Link, body: RemoteBody) -> RemoteBody:
        if isinstance(body, OpenAccount):
            opened = self._desk.open(body)
            if not isinstance(opened, RemoteRefused):
                link.accounts[body.account_id] = None
            return opened
        answer = self._answers.get(type(body))
        return RemoteRefused(code="malformed", message="not a request") if answer is None else answer(body)

    def _tell_voids(self, link: Link, account_id: AccountId) -> None:
        """Tell the voids again: no query shows them, and an engine that was away must not miss one."""
        voids = [trade for trade in self.truth.trades_of[account_id] if trade.is_void]
        for trade in voids[-VOIDS_MAX:]:
            self.speaker.send(link, void_report(trade))

    def drop_pending(self) -> None:
        """Forget what was to be sent and what was to happen, as a process that dies does."""
        self.speaker.drop_all()
        self._timers = []
        if self.rules.walk_every_ns:
            self.at(self.recorder.now_ns + self.rules.walk_every_ns, self._walk)

    def _venue_time_ns(self) -> int:
        return self.truth.venue_time_ns(self.recorder.now_ns)

    def _trade_after_end(self, fact: Fact) -> None:
        if not isinstance(fact, OrderEnded):
            return
        order = self.truth.order(fact.symbol, fact.number)
        strike = self.faults.strike(FaultKind.LATE_FILL, fact.at_ns, order.client_id) if order.remaining else None
        if strike is not None:
            due_ns = fact.at_ns + strike.share_of(LATE_FILL_MAX_NS)
            self.at(due_ns, lambda: self.hand.fill_rest(order))

    def _show_later(self, fact: Fact) -> None:
        if isinstance(fact, OrderTraded) and fact.hidden_ns:
            symbol, trade = fact.symbol, fact.trade
            self.at(fact.at_ns + fact.hidden_ns, lambda: self.hand.show(symbol, trade))

    def by_hand(self, work: Callable[[Hand], None]) -> list[Delivery]:
        """Do something by hand, now; return the frames to be written."""
        now_ns = self._clock.now_ns()
        self._pass_time(now_ns)
        work(self.hand)
        return self._leave()


def about_of(body: RemoteBody) -> str:
    """Name a request for scripts and logs: its type and the client id that it is about."""
    return f"{type(body).__name__} {getattr(body, 'venue_client_id', None) or ''}"
