"""Mutants of the rim: the writer, the store, leases, the connector."""

from collections.abc import Sequence
from typing import Any

from actors.halted_scopes import HaltObeying
from connectors.remote.connector import RemoteVenue
from engine.domain.errors import DependencyAway
from engine.messages.ports import UnitResult
from engine.messages.writing import WriteAnswer, WriteUnit
from engine.simulation.mutants import Swaps, answers, mutant
from engine.simulation.store import LeasedFacts
from storage.unit_order import UnitOrder
from storage.writer import StorageWriter


@mutant
def unknown_commit_means_failed(swaps: Swaps) -> None:
    """A commit without an answer counts as failed: its units are given up instead of repeated."""

    def make(original: Any) -> Any:
        async def commit(self: StorageWriter, batch: Sequence[WriteUnit]) -> list[UnitResult]:
            try:
                results: list[UnitResult] = await original(self, batch)
            except DependencyAway:
                self._backlog.remove(len(batch))
                return []
            return results

        return commit

    swaps.swap(StorageWriter, "_commit", make)


@mutant
def lost_commit_counts_as_done(swaps: Swaps) -> None:
    """A commit without an answer counts as done, whether it happened or not."""

    def make(original: Any) -> Any:
        async def commit(self: StorageWriter, batch: Sequence[WriteUnit]) -> list[UnitResult]:
            try:
                results: list[UnitResult] = await original(self, batch)
            except DependencyAway:
                return [UnitResult(unit=unit, answer=WriteAnswer(unit_id=unit.id)) for unit in batch]
            return results

        return commit

    swaps.swap(StorageWriter, "_commit", make)


@mutant
def no_fence_check_in_the_store(swaps: Swaps) -> None:
    """The store takes units under any fence."""
    swaps.swap(LeasedFacts, "holds", answers(value=True))


@mutant
def valid_until_ignored(swaps: Swaps) -> None:
    """Router and connector send orders however old they are."""

    def make(_: Any) -> Any:
        def send_open(self: RemoteVenue, command: Any) -> None:
            why = self._why_closed(command.account_id)
            if why is None and self._is_fenced(command, self._permit.may_send):
                why = "fenced"
            self._send_command(command, why, 1 << 20)

        return send_open

    swaps.swap(RemoteVenue, "_send_open", make)
    swaps.swap(HaltObeying, "why_unsendable", answers(None))


@mutant
def frozen_owner_sends_late(swaps: Swaps) -> None:
    """Nothing at all is looked at before an order is written: neither its age nor whether the lease still holds."""
    valid_until_ignored(swaps)
    swaps.swap(RemoteVenue, "_is_fenced", answers(value=False))


@mutant
def units_out_of_order(swaps: Swaps) -> None:
    """Units are written as they come, also when an earlier one is still on its way."""

    def make(_: Any) -> Any:
        def ready(_self: UnitOrder, _line: Any, unit: WriteUnit, _now_ns: int) -> list[WriteUnit]:
            return [unit]

        return ready

    swaps.swap(UnitOrder, "_ready", make)
