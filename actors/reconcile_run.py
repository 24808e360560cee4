"""One comparison of an account with its venue, step by step; what it finds is handed on page by page.

Balances are read first, then fills from the watermark on, then the open orders: so every fill in the balances is among
the fills. (Balances without a cursor are read once more after the fills: they count if they stand still.) Each page is
applied by the router and committed with its watermark before the next one is asked for, so that an account with a long
past needs no more memory than one page. A read that fails ends the run; it is never "none".
"""

from collections import Counter
from typing import Any, Final

import msgspec

from actors.cell import Cell
from actors.router_core import key_of
from actors.venue_pages import OVERLAP, OVERLAP_DEEP, FillPages, Listing, OrderPages, is_number
from engine.domain.errors import CivalError, NotReady
from engine.domain.identifiers import AccountId, UnitId
from engine.domain.values import add
from engine.messages.portfolio import (
    ApplyReconciliation,
    FillListing,
    OrdersToCompare,
    OrdersToCompareQuery,
    ReconciliationApplied,
)
from engine.messages.rows import Row, WatermarkRow
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueFill,
    VenueOrder,
)
from engine.messages.writing import WriteUnit
from engine.runtime.errors import ActorDeadError, Timeout
from engine.runtime.fault_points import fault_point
from engine.runtime.ref import Ref

ASK_TIMEOUT_S: Final = 15.0
APPLY_TIMEOUT_S: Final = 120.0
"""Longer than the database may take to come back: facts that are applied must not be fetched over and over."""
CLOSED_COMPARED: Final = 100
"""Closed orders that a deep run asks for, the newest."""
ASKED_MAX: Final = 1_000
"""Orders that a deep run asks for one by one; the next one goes on behind them."""
ASKED_PER_UNIT: Final = 100
STILL_TRIES: Final = 4
"""How often numbers without a cursor are read until they stand still."""
UNANSWERED_MAX: Final = 5
"""Questions in a row without an answer after which a deep run asks no more."""

NOT_COMPARED: Final = "fills came in between"
_NOT_ANSWERED: Final = (CivalError, ActorDeadError, Timeout)


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    trigger: str
    deep: bool
    watermark: str | None
    asked_to: int = 0
    """Place among the open orders behind which a deep run goes on asking."""
    lag_ns: int | None = None
    """Of the first comparison, which opens the books and is never corrected: wall time after which the venue shows
    every fill that its numbers contain."""
    is_strict: bool = True
    """Whether to open the books only if the history reaches as far as the numbers."""


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run, whole or not."""

    watermark: str | None
    reason: str = ""
    """Why it ended too early; empty if it did not."""
    is_compared: bool = False
    are_fills_current: bool = False
    """Whether every fill that the venue has shown is booked."""
    counts: dict[str, int] = {}
    """Of a report's columns: `matched`, `adopted`, `late_fills`, `closed`, `inferred`, `absent`, `cannot_tell`,
    `pages`."""
    wrong: dict[str, int] = {}
    """What was not as it should be in the venue's answers -> how often; some of it makes the run partial."""
    is_whole: bool = True
    asked_to: int = 0


class ReconcileRun:
    """One run; `go` never raises what a venue or a store may do."""

    def __init__(
        self, *, cell: Cell, account_id: AccountId, connector: Ref[Any], router: Ref[Any], plan: RunPlan
    ) -> None:
        """Keep whom it asks; see `Reconciler`."""
        self._cell = cell
        self._account_id = account_id
        self._connector = connector
        self._router = router
        self._plan = plan
        self._orders = OrderPages(key_of)
        self._watermark = plan.watermark
        """As it is stored."""
        self._reached = plan.watermark
        """As it will be with the next page."""
        self._counts: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._booked = 0
        self._are_fills_current = False
        self._is_whole = True
        self._asked_to = plan.asked_to
        self._listing: FillListing | None = None

    async def go(self) -> RunResult:
        """Compare."""
        reason, is_compared = "", False
        try:
            is_compared = await self._compare()
        except _NOT_ANSWERED as error:
            reason = str(error) or type(error).__name__
        counts = dict(self._counts) | {"pages": self._counts["pages"] + self._orders.pages}
        wrong = self._wrong + self._orders.wrong
        return RunResult(
            watermark=self._watermark,
            reason=reason,
            is_compared=is_compared,
            are_fills_current=self._are_fills_current,
            counts=counts,
            wrong=dict(wrong),
            is_whole=self._is_whole and self._orders.is_whole,
            asked_to=self._asked_to,
        )

    async def _compare(self) -> bool:
        account = await self._take_account()
        booked = None if account is None or is_number(account.cursor) else self._booked
        await self._take_orders()
        if self._plan.deep:
            await self._ask_one_by_one()
        applied = await self._apply(
            account=account,
            booked_before=booked,
            is_complete=self._orders.is_whole,
            listed=frozenset(self._orders.listed),
            is_last=True,
            listing=self._listing,
        )
        return applied.is_compared

    async def _take_account(self) -> VenueAccount | None:
        """Read the venue's numbers, and book every fill that is in them.

        Numbers with a cursor that counts say which fills they contain. Others are believed when they are the same
        before and after the fills were read: a fill in between would have changed them.

        Returns:
            The numbers; None where they did not stand still.
        """
        query = AccountQuery(account_id=self._account_id)
        account: VenueAccount = await self._ask(query)
        fault_point("reconcile.account")
        overlap = OVERLAP_DEEP if self._plan.deep else OVERLAP
        await self._take_fills(overlap)
        if self._plan.lag_ns and self._is_behind(account.cursor) is not False:
            await self._cell.wall.sleep(self._plan.lag_ns)
            await self._take_fills(overlap)
        if self._plan.lag_ns is not None and self._plan.is_strict and self._is_behind(account.cursor):
            return None
        for _ in range(STILL_TRIES):
            if is_number(account.cursor):
                return account
            again: VenueAccount = await self._ask(query)
            if _moved_by_fills(again) == _moved_by_fills(account):
                return again
            account = again
            await self._take_fills()
        return None

    def _is_behind(self, cursor: str | None) -> bool | None:
        """Whether the venue's numbers contain fills that its history has not shown; None if nobody can say."""
        if not is_number(cursor):
            return None
        reached = self._reached
        return not is_number(reached) or int(reached or 0) < int(cursor or 0)

    # --- Pages --------------------------------------------------------------------------------------------------------

    async def _take_fills(self, overlap: int = 0) -> None:
        pages = FillPages(self._reached, overlap)
        listing = Listing(pages.ask)
        try:
            while not pages.is_over:
                page = await self._ask(FillsQuery(account_id=self._account_id, cursor=pages.ask))
                fills = pages.take(page)
                listing.add(fills)
                fault_point("reconcile.fills")
                self._reached = pages.watermark
                applied = await self._apply(fills=fills)
                self._booked = applied.booked
        finally:
            self._counts["pages"] += pages.pages
            self._wrong += pages.wrong
        if overlap and self._plan.deep:
            self._listing = listing.told() if pages.is_whole and not pages.wrong else None
        self._are_fills_current = pages.is_whole
        self._is_whole = self._is_whole and pages.is_whole

    async def _take_orders(self) -> None:
        pages = self._orders
        while not pages.is_over:
            page = await self._ask(OpenOrdersQuery(account_id=self._account_id, after=pages.ask))
            orders = pages.take(page)
            fault_point("reconcile.orders")
            if orders:
                await self._apply(orders=orders)

    async def _ask_one_by_one(self) -> None:
        """Ask for the open orders, a good part of them each time, and for the newest closed ones."""
        query = OrdersToCompareQuery(account_id=self._account_id, closed_max=CLOSED_COMPARED)
        known: OrdersToCompare = await self._router.ask(query, timeout_s=ASK_TIMEOUT_S)
        turn = known.orders[self._asked_to :][:ASKED_MAX]
        self._asked_to = 0 if self._asked_to + len(turn) >= len(known.orders) else self._asked_to + len(turn)
        found: list[VenueOrder] = []
        unanswered = 0
        for symbol, client_id in turn:
            answer = await self._order(symbol, client_id)
            unanswered = unanswered + 1 if isinstance(answer, CannotTell) else 0
            if isinstance(answer, OrderFound):
                found.append(answer.order)
            self._counts["absent"] += isinstance(answer, OrderAbsent)
            self._counts["cannot_tell"] += isinstance(answer, CannotTell)
            if unanswered >= UNANSWERED_MAX:
                self._is_whole = False
                self._wrong["orders_not_answered"] += 1
                break
            if len(found) >= ASKED_PER_UNIT:
                await self._apply(orders=tuple(found))
                found.clear()
        if found:
            await self._apply(orders=tuple(found))

    async def _order(self, symbol: str, client_id: str) -> OrderFound | OrderAbsent | CannotTell:
        query = OrderQuery(account_id=self._account_id, symbol=symbol, venue_client_id=client_id)
        try:
            answer: OrderFound | OrderAbsent | CannotTell = await self._connector.ask(query, timeout_s=ASK_TIMEOUT_S)
        except _NOT_ANSWERED as error:
            return CannotTell(why=repr(error))
        return answer

    # --- How ----------------------------------------------------------------------------------------------------------

    async def _ask(self, query: Any) -> Any:
        answer = await self._connector.ask(query, timeout_s=ASK_TIMEOUT_S)
        if isinstance(answer, CannotTell):
            self._counts["cannot_tell"] += 1
            raise NotReady("venue", why=answer.why)
        return answer

    async def _apply(
        self,
        *,
        fills: tuple[VenueFill, ...] = (),
        orders: tuple[VenueOrder, ...] = (),
        is_last: bool = False,
        **more: Any,
    ) -> ReconciliationApplied:
        """Let the router apply a page, and wait until it is durable with its watermark."""
        watermark = self._reached
        unit = WriteUnit(
            id=UnitId(self._cell.ids.uuid()),
            n=None,
            user_id=self._cell.user_id,
            fence=self._cell.numbers.fence,
            rows=self._watermark_rows(watermark),
        )
        message = ApplyReconciliation(
            account_id=self._account_id,
            unit=unit,
            fills=fills,
            orders=orders,
            absent=(),
            is_last=is_last,
            **{"account": None} | more,
        )
        answer = self._router.ask(message, timeout_s=APPLY_TIMEOUT_S)
        fault_point("reconcile.applied")
        applied: ReconciliationApplied = await answer
        fault_point("reconcile.committed")
        self._watermark = watermark
        for name in ("matched", "adopted", "late_fills", "closed", "inferred", "absent", "cannot_tell"):
            self._counts[name] += getattr(applied, name)
        return applied

    def _watermark_rows(self, cursor: str | None) -> tuple[Row, ...]:
        if cursor == self._watermark:
            return ()
        return (
            WatermarkRow(
                account_id=self._account_id,
                user_id=self._cell.user_id,
                kind="fills",
                cursor=cursor,
                updated_at=self._cell.wall.now_ns(),
            ),
        )


def _moved_by_fills(account: VenueAccount) -> tuple[Any, ...]:
    """Return what of an account only a fill or a transfer changes: what is locked of a margin moves with the price."""
    owned = {each.asset: add(each.free, each.locked) for each in account.balances}
    return {asset: total for asset, total in owned.items() if total}, account.positions, account.cursor
