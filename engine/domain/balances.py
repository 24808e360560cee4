"""What an account owns per asset: a projection of ledger lines, and what open orders lock of it.

`total` is the sum of the lines on `assets:cash`. `locked` is what open orders set aside, as the venue does it
(`engine/domain/reservations.py`). `free` is the rest; it may be below zero after a loss, and then nothing is free.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec

from engine.domain.identifiers import Asset
from engine.domain.journal import CASH, Entry
from engine.domain.values import ZERO, add, subtract


class Balance(msgspec.Struct, frozen=True, gc=False):
    """One asset of one account; `total == free + locked`."""

    asset: Asset
    free: Decimal
    locked: Decimal
    total: Decimal


class Balances:
    """All balances of one account."""

    __slots__ = ("_locked", "_totals")

    def __init__(self, totals: Mapping[Asset, Decimal] | None = None) -> None:
        """Start from stored totals; what is locked follows from the open orders."""
        self._totals: dict[Asset, Decimal] = dict(totals or {})
        self._locked: dict[Asset, Decimal] = {}

    def apply(self, entry: Entry) -> tuple[Asset, ...]:
        """Add an entry; return the assets that changed, each once, in the order of its lines."""
        totals = self._totals
        changed: dict[Asset, None] = {}
        for line in entry.lines:
            if line.ledger_account == CASH:
                totals[line.asset] = add(totals.get(line.asset, ZERO), line.amount)
                changed[line.asset] = None
        return tuple(changed)

    def lock(self, asset: Asset, amount: Decimal) -> None:
        """Set what open orders set aside of an asset now; zero or more."""
        self._locked[asset] = amount

    def total(self, asset: Asset) -> Decimal:
        """Return what is owned; 0 for an unknown asset."""
        return self._totals.get(asset, ZERO)

    def locked(self, asset: Asset) -> Decimal:
        """Return what open orders set aside of an asset; no more than there is.

        After a loss the venue cannot set aside what is gone.
        """
        locked, total = self._locked.get(asset, ZERO), self._totals.get(asset, ZERO)
        if locked <= total:
            return locked
        return total if total > ZERO else min(locked, ZERO)

    def of(self, asset: Asset) -> Balance:
        """Return the balance of an asset; zeros for an unknown one."""
        total = self._totals.get(asset, ZERO)
        locked = self.locked(asset)
        return Balance(asset, subtract(total, locked), locked, total)

    def __iter__(self) -> Iterator[Balance]:
        return (self.of(asset) for asset in self._totals)


def balances_from(entries: Iterable[Entry]) -> Balances:
    """Project the balances of an account from all its entries."""
    balances = Balances()
    for entry in entries:
        balances.apply(entry)
    return balances
