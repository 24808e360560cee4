"""Fetches the fills that Coinbase's sums tell of, so that each is told once and with its real trade id.

The `user` channel tells how much of an order is filled, not by which trades. When that has grown, the fills of the
order are fetched by REST and those that were not told yet are given. The list may trail the channel: what is still
missing is asked for again a few times, and after that by whoever compares (the router asks for what an order misses).
Many orders that grow at once share their requests. The list is read from its new end, no further than what is missing:
the thousandth fill of an order costs as much as the first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.bridge.plan import StreamFollow
from connectors.coinbase.private_parse import Seen
from engine.domain.values import ZERO, add
from engine.messages.venues import VenueFill, VenueOrderDone
from engine.runtime.clock import Clock

ORDERS_MAX: Final = 20_000
"""Orders remembered; the oldest are forgotten first."""
NOTHING: Final = Decimal(-1)
"""Less than anything that can be filled."""
BATCH_MAX: Final = 50
"""Orders in one request."""
PAUSES_NS: Final = (200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000)
"""Before each further look for fills that the list does not show yet."""

Fetch = Callable[[Sequence[str]], AsyncIterator[Sequence[VenueFill]]]
"""Gives the fills of these orders (Coinbase's ids) page by page, the newest page first."""


class _Progress:
    __slots__ = ("base", "got", "ids", "is_over", "told", "tries")

    def __init__(self, base: Decimal) -> None:
        self.told = base
        """How much the venue counts as filled."""
        self.base = base
        """How much of it was filled before we came; 0 once its fills have been read as well."""
        self.got = ZERO
        """Sum of the fills in `ids`."""
        self.ids: set[str] = set()
        self.tries = 0
        self.is_over = False

    @property
    def misses(self) -> bool:
        return self.told > self.base + self.got

    def take(self, fill: VenueFill) -> bool:
        """Count a fill; False if it was counted before."""
        if fill.external_trade_id in self.ids:
            return False
        self.ids.add(fill.external_trade_id)
        self.got = add(self.got, fill.quantity)
        return True


class FillFeed:
    """What is filled and what was told of it, by order."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        """Know of nothing."""
        self._fetch = fetch
        self._clock = clock
        self._orders: OrderedDict[str, _Progress] = OrderedDict()
        self._over: OrderedDict[str, Decimal] = OrderedDict()
        """Orders that are done and told whole -> how much was filled."""
        self._pending: dict[str, None] = {}
        self._turn = asyncio.Lock()
        self.missed = 0
        """Orders given up, whose fills somebody else will find."""

    def note(self, seen: Seen) -> StreamFollow | None:
        """Take what a frame tells of an order; return what must be asked because of it, None for nothing.

        A snapshot comes with a new connection, after which the account is compared anyway: what it tells of an order
        that is not known yet is taken as told.
        """
        if seen.filled <= self._over.get(seen.order_id, NOTHING):
            return None
        progress = self._orders.get(seen.order_id)
        if progress is None:
            progress = self._orders[seen.order_id] = _Progress(seen.filled if seen.is_snapshot else ZERO)
            while len(self._orders) > ORDERS_MAX:
                self._orders.popitem(last=False)
        progress.told = max(progress.told, seen.filled)
        progress.is_over = progress.is_over or isinstance(seen.message, VenueOrderDone)
        if not progress.misses:
            self._forget_if_over(seen.order_id)
            return None
        progress.tries = 0
        self._pending[seen.order_id] = None
        return StreamFollow(self._ask)

    async def _ask(self) -> Sequence[Any]:
        """Fetch for some of the orders that wait; empty where somebody else has asked for them."""
        async with self._turn:
            batch = [order_id for order_id, _ in zip(list(self._pending), range(BATCH_MAX), strict=False)]
            for order_id in batch:
                del self._pending[order_id]
            if not batch:
                return ()
            try:
                found = await self._read(batch)
            except BaseException:
                # Whoever listens compares; a later frame of the same order asks again.
                self.missed += len(batch)
                raise
        again = [order_id for order_id in batch if self._still_misses(order_id)]
        if again:
            found.append(StreamFollow(lambda: self._ask_again(again)))
        if self._pending:
            found.append(StreamFollow(self._ask))
        return found

    async def _ask_again(self, order_ids: Sequence[str]) -> Sequence[Any]:
        tries = max((self._orders[order_id].tries for order_id in order_ids if order_id in self._orders), default=1)
        await self._clock.sleep(PAUSES_NS[max(tries, 1) - 1])
        # A later frame may have brought them meanwhile.
        missing = [one for one in order_ids if (progress := self._orders.get(one)) is not None and progress.misses]
        self._pending.update(dict.fromkeys(missing))
        return await self._ask()

    async def _read(self, batch: Sequence[str]) -> list[Any]:
        """Return the fills that were not told yet, oldest first, as far back as something is missing."""
        waiting = [progress for order_id in batch if (progress := self._orders.get(order_id)) is not None]
        for progress in waiting:
            # Which fills make up what was there before us nobody has told: they are read once, like all others.
            progress.base = ZERO
        found: list[VenueFill] = []
        async for fills in self._fetch(batch):
            found += [fill for fill in fills if self._is_new(fill)]
            if not any(progress.misses for progress in waiting):
                break
        for order_id in batch:
            self._forget_if_over(order_id)
        # The list is newest first, also among fills of one time.
        found.reverse()
        return sorted(found, key=lambda fill: int(fill.cursor))

    def _forget_if_over(self, order_id: str) -> None:
        """Keep no more of an order than its sum, once nothing can come of it."""
        progress = self._orders.get(order_id)
        if progress is None or not progress.is_over or progress.misses:
            return
        del self._orders[order_id]
        self._over[order_id] = progress.told
        if len(self._over) > ORDERS_MAX:
            self._over.popitem(last=False)

    def _is_new(self, fill: VenueFill) -> bool:
        progress = self._orders.get(fill.external_order_id)
        return progress is None or progress.take(fill)

    def _still_misses(self, order_id: str) -> bool:
        progress = self._orders.get(order_id)
        if progress is None or not progress.misses or order_id in self._pending:
            return False
        progress.tries += 1
        if progress.tries <= len(PAUSES_NS):
            return True
        self.missed += 1
        return False
