"""How the paper venue makes its changes durable before anybody hears of them.

Handlers gather changes in the exchange's batch and call `_settle`. With a store that commits at once (memory) the batch
is committed there and then. Otherwise one commit is queued behind everything that waits in the mailbox; while it is in
flight commands wait, and the next commit takes them together.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from connectors.paper.batch import Batch
from connectors.paper.messages import CommitBatch, RetryCommit
from connectors.paper.ownership import AWAY, FRAMES_PER_MARK, RETRY_NS_MIN, ClaimedVenue
from engine.domain.errors import DependencyAway, InvariantBroken
from engine.domain.identifiers import AccountId, OrderId
from engine.messages.base import Message
from engine.messages.rows import Row
from engine.messages.rows_paper import PaperMarkRow
from engine.messages.venues import (
    VenueAccepted,
    VenueAmend,
    VenueAmended,
    VenueAmendRefused,
    VenueCancelRefused,
    VenueOrderDone,
    VenueRejected,
    VenueUnknown,
)
from engine.runtime.actor import handles
from engine.runtime.errors import ActorDeadError, MailboxFull
from engine.runtime.fault_points import fault_point, is_armed

RETRY_NS_MAX: Final = 2_000_000_000
_COMMIT_BATCH: Final = CommitBatch()
_RETRY_COMMIT: Final = RetryCommit()


class CommittingVenue(ClaimedVenue):
    """The paper venue's collaborators, and its commits."""

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
        if self._why_away is not None:
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
        self._disown(failed[2])
        self._retry_later()

    def _disown(self, batch: Batch) -> None:
        """Tell who waits for an answer of a batch that its outcome is not known."""
        submits = [
            (account_id, event.order_id)
            for account_id, event in batch.events
            if isinstance(event, VenueAccepted | VenueRejected)
        ]
        self._say_unknown(submits, batch.cancels)
        for amend in batch.amends:
            self._say_amend(amend, "unknown")

    def _say_amend(self, amend: VenueAmend, code: str) -> None:
        raise NotImplementedError

    def _drop_pending(self) -> None:
        """Forget what is not durable: the venue is another's now, or begins again from the store."""
        self._failed = None  # Whoever waits for it has been told.
        self._disown(self._take_batch())

    def _retry_later(self) -> None:
        wait_ns = self._retry_ns
        self._retry_ns = min(wait_ns * 2, RETRY_NS_MAX)
        # Spread, so that venues whose database comes back do not all knock at once.
        self.after(wait_ns // 2 + self._rng.randrange(wait_ns // 2 + 1), _RETRY_COMMIT)

    @handles(RetryCommit)
    async def on_retry_commit(self, _: RetryCommit) -> None:
        """Try the failed batch again, the same rows under the same id; then go on.

        The venue may have been taken meanwhile; then the batch is dropped, and what the store holds is the truth.
        """
        is_told = await self._claim()
        if self._failed is None:
            return
        if not is_told:
            self._retry_later()
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
            why = self._why_away or AWAY
            self._publish(account_id, VenueUnknown(order_id=order_id, account_id=account_id, why=why))
        for account_id, order_id in cancels:
            self._publish(
                account_id,
                VenueCancelRefused(order_id=order_id, account_id=account_id, code="unknown", venue_time_ns=now_ns),
            )

    # --- Say ---------------------------------------------------------------------------------------------------------

    def _release(self, batch: Batch) -> None:
        """Say what has become durable."""
        if is_armed():
            _pass_points(batch)
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


_PATHS: Final[dict[type[Message], str]] = {
    VenueAccepted: "submit",
    VenueRejected: "submit",
    VenueOrderDone: "cancel",
    VenueCancelRefused: "cancel",
    VenueAmended: "amend",
    VenueAmendRefused: "amend",
}
"""What an answer belongs to; the end of an order that nobody cancelled passes the points of a cancel as well."""


def _pass_points(batch: Batch) -> None:
    """Pass the fault points of each answer: what it tells is durable, and nobody has heard of it."""
    for _, event in batch.events:
        path = _PATHS.get(type(event))
        if path is not None:
            fault_point(f"{path}.sent")
            fault_point(f"{path}.answered")


def _refused(error: Exception) -> InvariantBroken:
    """Return what ends the venue, also where a question made it commit: its memory is ahead of what can be stored."""
    return InvariantBroken("what the venue does can be stored", expected="rows that its store takes", was=repr(error))
