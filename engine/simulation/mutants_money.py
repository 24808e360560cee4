"""Mutants of reservations, decisions, halts, ledger and reconciliation."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from actors.books import AccountBooks
from actors.exposures import Exposures
from actors.halted_scopes import HaltObeying
from actors.inferring import Inferring
from actors.intent_memory import IntentMemory
from actors.reconcile_run import ReconcileRun
from actors.reconciler import Reconciler
from actors.trading_states import TradingStates
from actors.venue_pages import FillPages
from engine.domain.kinds import OrderStatus
from engine.domain.values import ZERO
from engine.messages.venues import AccountQuery, VenueConnection
from engine.simulation.mutants import Swaps, answers, mutant
from storage.memory_past import MemoryPast


@mutant
def forget_a_reservation(swaps: Swaps) -> None:
    """The first partial fill of an order gives back all that it has reserved."""

    def make(original: Any) -> Any:
        def fill(self: Exposures, booked: Any) -> None:
            original(self, booked)
            tracked = self._orders.get(booked.fill.order_id)
            if tracked is not None:
                for scope in tracked.scopes:
                    scope.reservations.release(booked.fill.order_id)

        return fill

    swaps.swap(Exposures, "fill", make)


@mutant
def exposure_counts_only_acknowledged_orders(swaps: Swaps) -> None:
    """Orders on their way and orders of unknown outcome count for nothing."""

    def make(original: Any) -> Any:
        def change(self: Exposures, change: Any, mark: Any = None) -> None:
            if change.status is not OrderStatus.PENDING:
                original(self, change, mark)

        return change

    swaps.swap(Exposures, "take", answers(None))
    swaps.swap(Exposures, "change", make)


@mutant
def reservation_never_released(swaps: Swaps) -> None:
    """What an order has reserved stays reserved when the order has ended."""
    swaps.swap(Exposures, "_settle", answers(None))


@mutant
def intent_key_ignored(swaps: Swaps) -> None:
    """The same decision told again makes another order."""

    async def find_intent(*_: Any) -> None:
        return None

    swaps.swap(IntentMemory, "find", answers(None))
    swaps.swap(MemoryPast, "find_intent", lambda _: find_intent)


@mutant
def halt_not_persisted(swaps: Swaps) -> None:
    """A halt is stored as if nothing were halted: it does not survive a restart."""

    def make(original: Any) -> Any:
        def row(self: TradingStates, state: Any, changed_by: str) -> Any:
            return msgspec.structs.replace(original(self, state, changed_by), state="active")

        return row

    swaps.swap(TradingStates, "row", make)


@mutant
def halt_not_obeyed(swaps: Swaps) -> None:
    """The gate lets orders pass although their scope is halted, and the router sends them."""
    swaps.swap(TradingStates, "of", answers(None))
    swaps.swap(HaltObeying, "is_halted", answers(value=False))


@mutant
def first_page_of_trades_only(swaps: Swaps) -> None:
    """A reconciliation reads the first page of fills and believes that there are no more."""

    def make(original: Any) -> Any:
        def go_on(self: FillPages, cursor: str | None, **_: Any) -> None:
            original(self, cursor, has_more=False)

        return go_on

    swaps.swap(FillPages, "_go_on", make)


@mutant
def watermark_stored_before_the_fills(swaps: Swaps) -> None:
    """A reconciliation stores the place that it will reach before it has read the fills up to it, and all trust it."""

    def make(original: Any) -> Any:
        async def take_fills(self: ReconcileRun, _overlap: int = 0) -> None:
            account = await self._ask(AccountQuery(account_id=self._account_id))
            if account.cursor is not None and account.cursor != self._watermark:
                self._cell.writer.tell(self._cell.numbers.open(rows=self._watermark_rows(account.cursor)))
                self._watermark = account.cursor
            await original(self, 0)

        return take_fills

    async def no_pages(*_: Any) -> AsyncIterator[Any]:
        nothing: tuple[Any, ...] = ()
        for each in nothing:
            yield each

    swaps.swap(ReconcileRun, "_take_fills", make)
    swaps.swap(Inferring, "_pages", lambda _: no_pages)


@mutant
def no_reconcile_after_reconnect(swaps: Swaps) -> None:
    """When the venue is back the account trades on; only the first comparison after a start is made."""

    def make(original: Any) -> Any:
        def on_connection(self: Reconciler, message: VenueConnection) -> None:
            if not message.connected:
                original(self, message)
            else:
                self._tell_ready(is_ready=True)

        return on_connection

    swaps.swap(Reconciler, "on_connection", make)
    swaps.swap(Reconciler, "on_due", answers(None))


@mutant
def fees_not_booked(swaps: Swaps) -> None:
    """The ledger books fills as if they had cost no fee."""

    def make(original: Any) -> Any:
        def book(self: AccountBooks, fill: Any) -> Any:
            return original(self, msgspec.structs.replace(fill, fee=ZERO))

        return book

    swaps.swap(AccountBooks, "book", make)
