"""How the paper venue makes its changes durable before anybody hears of them.

Handlers gather changes in the exchange's batch and call `_settle`. With a store that commits at once (memory) the batch
is committed there and then. Otherwise one commit is queued behind everything that waits in the mailbox; while it is in
flight commands wait, and the next commit takes them together.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from connectors.paper.batch import Batch
from connectors.paper.exchange import PaperExchange
from connectors.paper.latency import PaperLatency
from connectors.paper.matching import FillModel
from connectors.paper.messages import CommitBatch, RetryCommit
from engine.domain.book import UNCHECKED, SequenceRule
from engine.domain.errors import DependencyAway, InvariantBroken
from engine.domain.identifiers import AccountId, OrderId, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.ports import Ids, Rng, SendPermit
from engine.messages.base import Message
from engine.messages.ports import PaperStore
from engine.messages.rows import Row
from engine.messages.rows_paper import PaperMarkRow
from engine.messages.venues import VenueAccepted, VenueCancelRefused, VenueRejected, VenueUnknown
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import Clock
from engine.runtime.errors import ActorDeadError, MailboxFull

FRAMES_PER_MARK: Final = 1_000
"""Replayed frames after which the position is stored although nothing else has changed."""
RETRY_NS_MIN: Final = 100_000_000
RETRY_NS_MAX: Final = 2_000_000_000
AWAY: Final = "the paper store is away"

NO_LATENCY: Final = PaperLatency()
_COMMIT_BATCH: Final = CommitBatch()
_RETRY_COMMIT: Final = RetryCommit()


class CommittingVenue(AsyncioActor):
    """The paper venue's collaborators, and its commits."""

    def __init__(  # noqa: PLR0913 - what a venue is made of; all by keyword, most with a default.
        self,
        *,
        venue: Venue,
        bus: Bus,
        clock: Clock,
        wall: Clock,
        ids: Ids,
        store: PaperStore,
        rng: Rng,
        permit: SendPermit | None = None,
        session: str = "",
        symbols: Sequence[Symbol] = (),
        instruments: Sequence[Instrument] = (),
        latency: PaperLatency = NO_LATENCY,
        fill_model: FillModel = FillModel.BOOK,
        sequence_rule: SequenceRule = UNCHECKED,
    ) -> None:
        """Store the collaborators.

        Args:
            venue: Name; market events under (venue, symbol) and instruments under `venue` are read from the bus.
            bus: Answers and events go out on it under the account's id.
            clock: Market time: executions, latency.
            wall: Time of `valid_until_ns`.
            ids: Asked twice, at the beginning; best the one that makes order ids (`ClientIds`).
            store: Where schema `paper` is.
            rng: Chance of latency and retries.
            permit: Asked before each command is taken; None where cells have no leases.
            session: Name of the replay whose frames count; empty where nothing is replayed.
            symbols: What to listen to; empty: every symbol of the venue, at the cost of seeing other venues' events.
            instruments: Those known before any `InstrumentsLoaded`.
            latency: Of commands.
            fill_model: How much of the market is there to be had.
            sequence_rule: How the venue numbers its book diffs.
        """
        super().__init__()
        self._venue = venue
        self._bus = bus
        self._clock = clock
        self._wall = wall
        self._store = store
        self._rng = rng
        self._permit = permit
        self._session = session
        self._symbols = symbols
        self._instruments = instruments
        self._latency = latency
        self._subscriptions: list[Subscription] = []
        self._frame = 0
        """Newest frame seen."""
        self._replayed_to = 0
        """Frames up to this one were matched before the restart."""
        self._mark_due = FRAMES_PER_MARK
        self._is_commit_queued = False
        self._last_batch = ids.uuid().int
        self._exchange = PaperExchange(venue, horizon=ids.uuid(), fill_model=FillModel(fill_model), rule=sequence_rule)
        self._failed: tuple[UUID, list[Row], Batch] | None = None
        """The batch that the store could not take; while there is one, the store counts as away."""
        self._retry_ns = RETRY_NS_MIN

    # --- Commit ------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Make what a handler has changed durable, now or soon, and then say it."""
        batch = self._exchange.batch
        if not batch.needs_commit():
            if batch.events:
                self._release(self._take_batch())
        elif self._store.is_instant:
            self._commit_now()
        elif not self._is_commit_queued:
            self._is_commit_queued = True
            self.actor_ref.tell(_COMMIT_BATCH)

    @handles(CommitBatch)
    async def on_commit_batch(self, _: CommitBatch) -> None:
        """Commit what has gathered."""
        self._is_commit_queued = False
        await self._commit()

    async def _commit(self) -> None:
        """Commit what has gathered; returns when it is durable, or when the store counts as away."""
        if self._failed is not None:
            return
        if not self._exchange.batch.needs_commit():
            self._settle()
            return
        if self._store.is_instant:
            self._commit_now()
            return
        batch_id, rows, batch = self._close_batch()
        try:
            await self._store.commit(batch_id, rows)
        except DependencyAway as error:
            self._lose_store((batch_id, rows, batch), error)
        except Exception as error:
            raise _refused(error) from error
        else:
            self._release(batch)

    def _commit_now(self) -> None:
        batch_id, rows, batch = self._close_batch()
        try:
            self._store.commit_now(batch_id, rows)
        except DependencyAway as error:
            self._lose_store((batch_id, rows, batch), error)
        except Exception as error:
            raise _refused(error) from error
        else:
            self._release(batch)

    def _take_batch(self) -> Batch:
        batch, self._exchange.batch = self._exchange.batch, Batch()
        return batch

    def _close_batch(self) -> tuple[UUID, list[Row], Batch]:
        """Turn what has gathered into rows; resting orders that moved in their queue come along with the position."""
        exchange = self._exchange
        batch = self._take_batch()
        if exchange.moved:
            for order in exchange.moved:
                batch.changed[order] = None
            exchange.moved.clear()
        frame = max(self._frame, self._replayed_to)
        self._mark_due = frame + FRAMES_PER_MARK
        mark = PaperMarkRow(
            venue=self._venue,
            session=self._session,
            frame=frame,
            last_order_id=exchange.last_order_id,
            last_trade_id=exchange.last_trade_id,
            updated_at=exchange.time_ns,
        )
        # Counting on from one id takes half as long as drawing another.
        self._last_batch += 1
        return UUID(int=self._last_batch), batch.rows(mark), batch

    # --- The store goes away and comes back --------------------------------------------------------------------------

    def _lose_store(self, failed: tuple[UUID, list[Row], Batch], error: DependencyAway) -> None:
        """Stop matching. Who waits for an answer of the batch hears that its outcome is not known."""
        self.log.warning("paper_store_away", venue=self._venue, why=error.why)
        self._failed = failed
        self._retry_ns = RETRY_NS_MIN
        batch = failed[2]
        submits = [
            (account_id, event.order_id)
            for account_id, event in batch.events
            if isinstance(event, VenueAccepted | VenueRejected)
        ]
        self._say_unknown(submits, batch.cancels)
        self._retry_later()

    def _retry_later(self) -> None:
        wait_ns = self._retry_ns
        self._retry_ns = min(wait_ns * 2, RETRY_NS_MAX)
        # Spread, so that venues whose database comes back do not all knock at once.
        self.after(wait_ns // 2 + self._rng.randrange(wait_ns // 2 + 1), _RETRY_COMMIT)

    @handles(RetryCommit)
    async def on_retry_commit(self, _: RetryCommit) -> None:
        """Try the failed batch again, the same rows under the same id; then go on."""
        if self._failed is None:
            return
        batch_id, rows, batch = self._failed
        try:
            await self._store.commit(batch_id, rows)
        except DependencyAway:
            self._retry_later()
            return
        self._failed = None
        self.log.info("paper_store_back", venue=self._venue)
        self._release(batch)
        await self._commit()

    def _say_unknown(
        self, submits: Iterable[tuple[AccountId, OrderId]], cancels: Iterable[tuple[AccountId, OrderId]]
    ) -> None:
        now_ns = self._exchange.advance(self._clock.now_ns())
        for account_id, order_id in submits:
            self._publish(account_id, VenueUnknown(order_id=order_id, account_id=account_id, why=AWAY))
        for account_id, order_id in cancels:
            self._publish(
                account_id,
                VenueCancelRefused(order_id=order_id, account_id=account_id, code="unknown", venue_time_ns=now_ns),
            )

    # --- Say ---------------------------------------------------------------------------------------------------------

    def _release(self, batch: Batch) -> None:
        """Say what has become durable."""
        publish = self._bus.publish
        for account_id, event in batch.events:
            try:
                publish(event, account_id)
            except (ActorDeadError, MailboxFull) as error:
                # One cell that cannot listen must not stop the venue of all; it reconciles when it is back.
                self.log.warning("paper_event_unheard", account=str(account_id), error=str(error))

    def _publish(self, account_id: AccountId, message: Message) -> None:
        """Say what needs no commit."""
        batch = Batch()
        batch.events.append((account_id, message))
        self._release(batch)


def _refused(error: Exception) -> InvariantBroken:
    """Return what ends the venue, also where a question made it commit: its memory is ahead of what can be stored."""
    return InvariantBroken("what the venue does can be stored", expected="rows that its store takes", was=repr(error))
