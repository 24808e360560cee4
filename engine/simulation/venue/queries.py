"""Answers to questions: from the truth, page by page, and where a lie asks for it as old as the declared read lag."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from typing import Final, TypeVar

from engine.domain.identifiers import AccountId
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueFills,
    VenueOrders,
)
from engine.runtime.entropy import Rng
from engine.simulation.venue.entry import UNKNOWN_ACCOUNT
from engine.simulation.venue.faults import Faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.orders import Order, Trade, cursor_text, listed, reported, was_void
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.rules import VenueRules

Item = TypeVar("Item")

REPEATED_MAX: Final = 2
"""Items of the page before that a page with the lie begins with."""


class Queries:
    """Answers what changes nothing."""

    def __init__(self, recorder: Recorder, rules: VenueRules, rng: Rng, faults: Faults) -> None:
        """Keep what it works with."""
        self._recorder = recorder
        self._truth = recorder.truth
        self._rules = rules
        self._rng = rng
        self._faults = faults

    # --- How old the answer is ---------------------------------------------------------------------------------------

    def _seen_until_ns(self, about: str) -> int | None:
        """Draw up to which true time whoever answers has seen the venue; None: to this moment."""
        now_ns = self._recorder.now_ns
        strike = self._faults.strike(FaultKind.STALE_LIST, now_ns, about)
        if strike is None or not self._rules.read_lag_ns:
            return None
        return now_ns - strike.share_of(self._rules.read_lag_ns)

    def _is_seen(self, order: Order, seen_until_ns: int | None) -> bool:
        if seen_until_ns is None or order.placed_at_ns <= seen_until_ns:
            return True
        # The lag is declared in the venue's own time, which may have jumped since: then the order shows.
        venue_now_ns = self._truth.venue_time_ns(self._recorder.now_ns)
        return order.placed_venue_ns <= venue_now_ns - self._rules.read_lag_ns

    # --- Orders ------------------------------------------------------------------------------------------------------

    def order(self, query: OrderQuery) -> OrderFound | OrderAbsent | RemoteRefused:
        """Find an order by our client id."""
        if query.account_id not in self._truth.accounts:
            return RemoteRefused(code=UNKNOWN_ACCOUNT)
        seen_until_ns = self._seen_until_ns(f"OrderQuery {query.venue_client_id}")
        now_ns = self._recorder.now_ns
        # Whatever comes after this answer is judged by a time that is not before it.
        self._truth.stamp_ns(now_ns)
        found = self._truth.find(query.account_id, query.venue_client_id)
        if (
            found is None
            or found.symbol != query.symbol
            or found.is_forgotten
            or not self._is_seen(found, seen_until_ns)
        ):
            return OrderAbsent(venue_time_ns=self._truth.venue_time_ns(now_ns))
        return OrderFound(order=listed(found, seen_until_ns))

    def open_orders(self, query: OpenOrdersQuery) -> VenueOrders | CannotTell | RemoteRefused:
        """List open orders, oldest first."""
        account = self._truth.accounts.get(query.account_id)
        if account is None:
            return RemoteRefused(code=UNKNOWN_ACCOUNT)
        after = _number(query.after)
        if after is None:
            return CannotTell(why="no such page")
        seen_until_ns = self._seen_until_ns("OpenOrdersQuery")
        orders = [order for order in account.open_orders.values() if self._is_seen(order, seen_until_ns)]
        if seen_until_ns is not None:
            orders += [
                order for order in account.ended if order.placed_at_ns <= seen_until_ns < (order.ended_at_ns or 0)
            ]
        orders.sort(key=_placed)
        page, has_more = self._page(orders, _first_after(orders, after), "OpenOrdersQuery")
        return VenueOrders(
            orders=tuple(listed(order, seen_until_ns) for order in page),
            next_after=str(page[-1].placed) if has_more and page else None,
        )

    # --- Fills and money ---------------------------------------------------------------------------------------------

    def fills(self, query: FillsQuery) -> VenueFills | CannotTell | RemoteRefused:
        """Read trades after a cursor, oldest first."""
        if query.account_id not in self._truth.accounts:
            return RemoteRefused(code=UNKNOWN_ACCOUNT)
        after = _number(query.cursor)
        if after is None:
            return CannotTell(why="no such cursor")
        seen_until_ns = self._seen_until_ns(f"FillsQuery {query.venue_client_id or ''}")
        known = self._trades(query.account_id, query.venue_client_id)
        # A page may begin a little before the cursor, never far.
        nearby = islice(known, max(0, bisect_right(known, after, key=_cursor) - REPEATED_MAX), None)
        # And it is never longer than the longest: what is behind that only tells that there is more.
        enough = REPEATED_MAX + max(self._rules.page_sizes) + 1
        trades = list(islice((trade for trade in nearby if _shows(trade, seen_until_ns)), enough))
        start = next((at for at, trade in enumerate(trades) if trade.cursor > after), len(trades))
        page, has_more = self._page(trades, start, "FillsQuery")
        return VenueFills(
            fills=tuple(reported(trade, self._rules.venue) for trade in page),
            cursor=cursor_text(page[-1].cursor) if page and page[-1].cursor > after else query.cursor,
            has_more=has_more,
        )

    def _trades(self, account_id: AccountId, client_id: str | None) -> Sequence[Trade]:
        if client_id is None:
            return self._truth.trades_of[account_id]
        orders = self._truth.by_client_id.get((account_id, client_id), [])
        return [trade for order in orders for trade in order.trades]

    def account(self, query: AccountQuery) -> VenueAccount | RemoteRefused:
        """Show balances and positions as they are."""
        account = self._truth.accounts.get(query.account_id)
        if account is None:
            return RemoteRefused(code=UNKNOWN_ACCOUNT)
        return VenueAccount(
            balances=account.balances(),
            positions=account.positions(),
            cursor=cursor_text(account.last_cursor) if account.last_cursor else None,
            venue_time_ns=self._truth.venue_time_ns(self._recorder.now_ns),
        )

    # --- Pages -------------------------------------------------------------------------------------------------------

    def _page(self, items: Sequence[Item], start: int, about: str) -> tuple[Sequence[Item], bool]:
        """Cut a page out of items; return (it, whether there are more behind it)."""
        sizes = self._rules.page_sizes
        size = sizes[self._rng.randrange(len(sizes))]
        strike = self._faults.strike(FaultKind.PARTIAL_PAGE, self._recorder.now_ns, about)
        end = start + size
        if strike is not None:
            end = start + strike.share_of(size) if size > 1 else start + 1
            start = max(0, start - strike.share_of(REPEATED_MAX))
        if start < len(items):
            cut = self._faults.strike(FaultKind.TRUNCATED_PAGE, self._recorder.now_ns, about)
            if cut is not None:
                return items[start : min(end, start + cut.share_of(len(items) - start) - 1)], False
        return items[start:end], end < len(items)


def _cursor(trade: Trade) -> int:
    return trade.cursor


def _placed(order: Order) -> int:
    return order.placed


def _first_after(orders: Sequence[Order], after: int) -> int:
    return next((at for at, order in enumerate(orders) if order.placed > after), len(orders))


def _shows(trade: Trade, seen_until_ns: int | None) -> bool:
    if trade.is_hidden or was_void(trade, None):
        return False
    return seen_until_ns is None or trade.at_ns <= seen_until_ns


def _number(text: str | None) -> int | None:
    """Read a cursor; 0 for none, None for nonsense."""
    if text is None or text == "":
        return 0
    return int(text) if text.isascii() and text.isdigit() else None
