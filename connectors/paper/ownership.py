"""Which process runs the paper venue: one at a time, by a claim that each of its commits depends on.

Two engines on one database would match the same orders twice. Whoever has no claim stands by: it only follows the
market, and answers nothing that could be taken for a fact. It takes over, from what the store holds, when the claim of
the other has expired; a process that was frozen meanwhile finds its claim lost and drops what it had in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from connectors.paper.batch import Batch
from connectors.paper.exchange import PaperExchange
from connectors.paper.latency import PaperLatency
from connectors.paper.matching import FillModel, Market
from connectors.paper.messages import KeepClaim
from engine.domain.book import UNCHECKED, SequenceRule
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.ports import Ids, Rng, SendPermit
from engine.messages.ports import PaperState, PaperStore, VenueClaim
from engine.messages.rows import Row
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import Clock

FRAMES_PER_MARK: Final = 1_000
"""Replayed frames after which the position is stored although nothing else has changed."""
RETRY_NS_MIN: Final = 100_000_000
CLAIM_EVERY_NS: Final = 3_000_000_000
"""How often a claim is prolonged, or asked for while another process has it."""
AWAY: Final = "the paper store is away"

NO_LATENCY: Final = PaperLatency()
_KEEP_CLAIM: Final = KeepClaim()


class ClaimedVenue(AsyncioActor):
    """State of a paper venue, and whose it is."""

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
            ids: Asked when the venue begins, or takes over; best the one that makes order ids (`ClientIds`).
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
        self._ids = ids
        self._fill_model = FillModel(fill_model)
        self._sequence_rule = sequence_rule
        self._exchange = self._new_exchange()
        self._markets: Mapping[Symbol, Market] = {}
        self._epoch: int | None = None
        """Of the claim under which the memory was loaded; None while another process runs the venue."""
        self._armed: dict[AccountId, int] = {}
        """Account -> wall time at which its dead-man switch fires."""
        self._holder = ""
        """Who runs it meanwhile."""
        self._failed: tuple[UUID, list[Row], Batch] | None = None
        """The batch that the store could not take; while there is one, the store counts as away."""
        self._retry_ns = RETRY_NS_MIN

    def _new_exchange(self) -> PaperExchange:
        horizon = self._ids.uuid()
        return PaperExchange(self._venue, horizon=horizon, fill_model=self._fill_model, rule=self._sequence_rule)

    def _may_send(self, account_id: AccountId, fence: int) -> bool:
        account = self._exchange.accounts.get(account_id)
        if self._permit is None or not fence or account is None:
            return True
        return self._permit.may_send(account.user_id, fence)

    def _may_cancel(self, account_id: AccountId, fence: int) -> bool:
        account = self._exchange.accounts.get(account_id)
        if self._permit is None or not fence or account is None:
            return True
        return self._permit.may_cancel(account.user_id, fence)

    def _delay(self, latency_ns: int) -> int:
        jitter_ns = self._latency.jitter_ns
        return latency_ns + (self._rng.randrange(jitter_ns + 1) if jitter_ns else 0)

    @property
    def _why_away(self) -> str | None:
        """Why no answer can be trusted now; None while the venue is ours and its store is there."""
        if self._epoch is None:
            return f"{self._holder or 'nobody yet'} runs this venue"
        return None if self._failed is None else AWAY

    async def _begin(self) -> None:
        """Take the venue, or stand by.

        Raises:
            DependencyAway: The store cannot be asked.
        """
        await self._obey(await self._store.claim(self._venue))
        if not self._store.is_instant:
            self.after(CLAIM_EVERY_NS, _KEEP_CLAIM, clock=self._wall)

    @handles(KeepClaim)
    async def on_keep_claim(self, _: KeepClaim) -> None:
        """Stay who runs the venue, or become it."""
        await self._claim()
        self.after(CLAIM_EVERY_NS, _KEEP_CLAIM, clock=self._wall)

    async def _claim(self) -> bool:
        """Ask for the venue; whether it is known whose it is. While the store is away everything stays as it is."""
        try:
            await self._obey(await self._store.claim(self._venue))
        except DependencyAway:
            return False
        return True

    async def _obey(self, claim: VenueClaim) -> None:
        if claim.epoch is None:
            self._stand_by(claim.holder)
        elif claim.epoch != self._epoch:
            await self._take_over(claim.epoch)

    def _stand_by(self, holder: str) -> None:
        is_new = self._epoch is not None or holder != self._holder
        had_memory = self._epoch is not None or not self._markets
        self._epoch, self._holder = None, holder
        if is_new:
            self.log.warning("paper_venue_elsewhere", venue=self._venue, holder=holder)
        if had_memory:
            self._begin_anew(None)

    async def _take_over(self, epoch: int) -> None:
        """Continue from what the store holds; what is in memory may be older."""
        state = await self._store.load(self._venue, self._session)
        self._epoch, self._holder = None, ""
        self._begin_anew(state)
        if state.mark is not None and state.mark.frame > self._frame:
            self._replayed_to = self._frame = state.mark.frame
        self._mark_due = self._frame + FRAMES_PER_MARK
        self._epoch = epoch
        self.log.info("paper_venue_taken", venue=self._venue, epoch=epoch, open_orders=len(state.open_orders))

    def _begin_anew(self, state: PaperState | None) -> None:
        """Drop what this process knew of accounts and orders for what the store knows; the market stays as it was."""
        self._drop_pending()
        seen = self._exchange.markets
        exchange = self._exchange = self._new_exchange()
        if state is not None:
            exchange.load(state)
        # After the loading: orders and positions find their instruments when these are listed.
        exchange.list_instruments(self._instruments)
        exchange.list_instruments(market.instrument for market in seen.values())
        self._markets = exchange.markets
        for symbol, market in seen.items():
            market.depth.taken_bids.clear()
            market.depth.taken_asks.clear()
            exchange.markets[symbol].depth = market.depth

    def _drop_pending(self) -> None:
        """Tell whoever waits that nothing is known."""
        raise NotImplementedError
