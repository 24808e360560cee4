"""How the venue speaks: answers before what they caused, late, spoiled or not at all where a lie has it so."""

from collections import deque
from typing import Final

from engine.messages.remote import RemoteBody
from engine.messages.venues import VenueFill, VenueTradeVoided
from engine.runtime.entropy import Rng, seeded_rng
from engine.simulation.venue.delivery import ConnectionId, Delivery, Outbox
from engine.simulation.venue.faults import Faults
from engine.simulation.venue.frames import spoil, write_frame
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.links import Link, Links
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.reports import Outgoing
from engine.simulation.venue.rules import SECOND, VenueRules

LATE_ANSWER_MAX_NS: Final = 12 * SECOND
FILL_BEFORE_ACK_MAX_NS: Final = 2 * SECOND
SENT_MAX: Final = 100_000
"""Messages remembered of what was said."""

Said = tuple[int, ConnectionId, RemoteBody]
"""(true time, link, message)."""


class Speaker:
    """Puts words on the links."""

    def __init__(self, recorder: Recorder, rules: VenueRules, rng: Rng, faults: Faults, links: Links) -> None:
        """Keep what it works with."""
        self.said: deque[Said] = deque(maxlen=SENT_MAX)
        """Oldest first: what the venue wanted to say, also where a lie kept it back."""
        self._recorder = recorder
        self._rules = rules
        self._faults = faults
        self._links = links
        self._latency_rng = seeded_rng(rng.getrandbits(64))
        self._noise_rng = seeded_rng(rng.getrandbits(64))
        self._outbox = Outbox()
        self._ready: list[Delivery] = []
        self._held: list[Outgoing] | None = None

    # --- What is said ------------------------------------------------------------------------------------------------

    def hold_reports(self) -> None:
        """Keep reports back until `reply`: they are behind the answer to the request that causes them."""
        self._held = []

    def reply(self, link: Link, number: int, answer: RemoteBody, about: str) -> None:
        """Answer a request, then tell what was held back."""
        held, self._held = self._held or [], None
        self._reply(link, number, answer, about, has_traded=any(isinstance(each.report, VenueFill) for each in held))
        for outgoing in held:
            self.report(outgoing)

    def _reply(self, link: Link, number: int, answer: RemoteBody, about: str, *, has_traded: bool) -> None:
        now_ns = self._recorder.now_ns
        if self._faults.strike(FaultKind.LOST_ANSWER, now_ns, about) is not None:
            self.said.append((now_ns, link.id, answer))
            return
        delay_ns = 0
        late = self._faults.strike(FaultKind.LATE_ANSWER, now_ns, about)
        if late is not None:
            delay_ns = late.share_of(LATE_ANSWER_MAX_NS)
        elif has_traded:
            strike = self._faults.strike(FaultKind.FILL_BEFORE_ACK, now_ns, about)
            delay_ns = strike.share_of(FILL_BEFORE_ACK_MAX_NS) if strike is not None else 0
        garbage = self._faults.strike(FaultKind.GARBAGE, now_ns, about)
        spoiled_by = None if garbage is None else garbage.strength
        self.send(link, answer, re=number, delay_ns=delay_ns, spoiled_by=spoiled_by)

    def report(self, outgoing: Outgoing) -> None:
        """Tell whoever listens for an account, unless reports are silent; voids wait until they are not."""
        if self._held is not None:
            self._held.append(outgoing)
            return
        delay_ns = outgoing.delay_ns
        silent_ns = self._faults.until_ns(FaultKind.SILENT_PUSHES) - self._recorder.now_ns
        if silent_ns > 0:
            if not isinstance(outgoing.report, VenueTradeVoided):
                return
            delay_ns = max(delay_ns, silent_ns)
        for link in self._links.of(outgoing.account_id):
            self.send(link, outgoing.report, delay_ns=delay_ns, in_order=outgoing.in_order)

    def send(
        self,
        link: Link,
        body: RemoteBody,
        *,
        re: int | None = None,
        delay_ns: int = 0,
        in_order: bool = True,
        spoiled_by: int | None = None,
    ) -> None:
        """Put a message on a link; nothing comes out of one that is gone or half open.

        Args:
            link: The link.
            body: The message.
            re: Number of the request that it answers.
            delay_ns: How much later than usual; what is late is overtaken.
            in_order: Behind what was put there in order before.
            spoiled_by: Strength of the noise; None: readable.
        """
        now_ns = self._recorder.now_ns
        self.said.append((now_ns, link.id, body))
        if not link.gives or link.id not in self._links.by_id:
            return
        payload = write_frame(body, re)
        if spoiled_by is not None:
            payload = spoil(payload, spoiled_by, self._noise_rng)
        least_ns, most_ns = self._rules.latency_ns
        latency_ns = least_ns + (self._latency_rng.randrange(most_ns - least_ns) if most_ns > least_ns else 0)
        self._outbox.put(link.id, payload, now_ns + delay_ns + latency_ns, in_order=in_order and not delay_ns)

    # --- What leaves -------------------------------------------------------------------------------------------------

    def close(self, connection: ConnectionId) -> None:
        """Break a link behind all that is sent on it now."""
        self._outbox.put(connection, None, self._recorder.now_ns)

    def ripen(self, before_ns: int) -> None:
        """Take out what leaves before a true time: what happens then does not touch it any more."""
        self._ready += self._outbox.take_due(before_ns - 1)

    def leave(self) -> list[Delivery]:
        """Return the frames to be written now, oldest first."""
        found = self._ready + self._outbox.take_due(self._recorder.now_ns)
        self._ready = []
        return found

    def next_due_ns(self) -> int | None:
        """Return the true time of the next frame; None if none waits."""
        return self._recorder.now_ns if self._ready else self._outbox.next_due_ns()

    def drop(self, connection: ConnectionId) -> None:
        """Forget what is under way on a link."""
        self._outbox.drop(connection)

    def drop_all(self) -> None:
        """Forget all that is under way."""
        self._outbox = Outbox()
