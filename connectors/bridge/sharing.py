"""Shares what a venue allows per address with the other engines that reach it from there.

Every few seconds each says that it is there and hears how many are; each keeps an equal part. When one joins, the
others count on their larger parts until they have heard of it, `RENEW_NS` at most: the part of the limits that
`rate_share` leaves unused is for that, and what the venue reports as used beyond the others' parts counts against ours.
While nobody can tell how many there are, the number that was heard last holds.

Limits per key need none of this: a key belongs to one account, and an account to one engine.
"""

import contextlib
from typing import Final

import msgspec

from connectors.bridge.budget import Budgets
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import Venue
from engine.domain.ports import RateShares
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import NS_PER_S, Clock

RENEW_NS: Final = 5 * NS_PER_S


class RenewDue(msgspec.Struct, frozen=True):
    """To myself: say that we are there."""


class RateSharer(AsyncioActor):
    """One per venue, beside whoever talks to it."""

    def __init__(self, *, venue: Venue, group: str, budgets: Budgets, shares: RateShares, wall: Clock) -> None:
        """Keep what it works with.

        Args:
            venue: Whose limits.
            group: Name of the address that the venue sees; the same for all engines behind it.
            budgets: Those of the venue in this process.
            shares: Counts the engines.
            wall: Times the renewals.
        """
        super().__init__()
        self._venue = venue
        self._group = group
        self._budgets = budgets
        self._shares = shares
        self._wall = wall
        self._sharers = 1

    async def on_start(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Hear how many there are before the first request leaves."""
        await self._renew()

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Give our part to the others."""
        with contextlib.suppress(DependencyAway):
            await self._shares.leave(self._venue, self._group)

    @handles(RenewDue)
    async def on_due(self, _message: RenewDue) -> None:
        """Say that we are there, and take the part that is ours now."""
        await self._renew()

    async def _renew(self) -> None:
        # Without an answer the last number holds; the keeper of the database says that it is away.
        with contextlib.suppress(DependencyAway):
            self._take_part(await self._shares.renew(self._venue, self._group))
        self.after(RENEW_NS, RenewDue(), clock=self._wall)

    def _take_part(self, sharers: int) -> None:
        if sharers == self._sharers:
            return
        self.log.info("rate_budget_shared", venue=self._venue, group=self._group, engines=sharers)
        self._sharers = sharers
        self._budgets.divide(sharers)
