"""What the paper venue answers to questions, from memory and from its store.

Every answer is about committed facts: what has gathered is committed first. While the store is away, or another
process runs the venue, the answer is `CannotTell`.
"""

from itertools import islice
from typing import Final

from connectors.paper.capabilities import capabilities
from connectors.paper.commits import CommittingVenue
from connectors.paper.order import venue_order_of, venue_order_of_row
from connectors.paper.rules import UNKNOWN_ACCOUNT
from engine.domain.errors import BadInput, DependencyAway
from engine.domain.identifiers import AccountId
from engine.domain.kinds import Liquidity, Side
from engine.messages.rows_paper import PaperTradeRow
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueFill,
    VenueFills,
    VenueOrders,
)
from engine.runtime.actor import handles

FILLS_PER_READ: Final = 1_000
"""Fills of one page."""
ORDERS_PER_PAGE: Final = 1_000
"""Open orders of one page."""


class AnsweringVenue(CommittingVenue):
    """The asks of the connector protocol."""

    @handles(OpenAccount)
    async def on_open_account(self, message: OpenAccount) -> AccountOpened:
        """Introduce an account; its balances are seeded the first time.

        Raises:
            BadInput: The kind or a balance is wrong; nothing has changed.
            DependencyAway: The store is away. Ask again: the account is opened once.
        """
        await self._require_store()
        created = self._exchange.open_account(message, self._clock.now_ns())
        await self._require_store()
        return AccountOpened(account_id=message.account_id, created=created, capabilities=capabilities(self._venue))

    async def _require_store(self) -> None:
        if self._epoch is None:
            # The cells of the other process have just come here, or so it seems: then the venue is free as well.
            await self._claim()
        await self._commit()
        if self._why_away is not None:
            raise DependencyAway("paper venue", why=self._why_away)

    async def _why_not(self, account_id: AccountId) -> CannotTell | None:
        """Commit what has gathered; return why no answer is possible, None if one is."""
        await self._commit()
        if self._why_away is not None:
            return CannotTell(why=self._why_away)
        return None if account_id in self._exchange.accounts else CannotTell(why=UNKNOWN_ACCOUNT)

    @handles(OpenOrdersQuery)
    async def on_open_orders(self, query: OpenOrdersQuery) -> VenueOrders | CannotTell:
        """List the open orders, oldest first, a page at a time.

        Raises:
            BadInput: The place to go on from is none of ours.
        """
        after = _number_of(query.after)
        why_not = await self._why_not(query.account_id)
        if why_not is not None:
            return why_not
        account = self._exchange.accounts[query.account_id]
        later = (order for order in account.open_orders.values() if order.number > after)
        page = tuple(islice(later, ORDERS_PER_PAGE))
        has_more = next(later, None) is not None
        return VenueOrders(
            orders=tuple(map(venue_order_of, page)), next_after=page[-1].external_id if has_more else None
        )

    @handles(OrderQuery)
    async def on_order(self, query: OrderQuery) -> OrderFound | OrderAbsent | CannotTell:
        """Find one order, open or done; absent is as of wall time, which `valid_until_ns` is measured by."""
        why_not = await self._why_not(query.account_id)
        if why_not is not None:
            return why_not
        now_ns = self._wall.now_ns()
        order = self._exchange.accounts[query.account_id].open_orders.get(query.venue_client_id)
        if order is not None:
            return OrderFound(order=venue_order_of(order))
        try:
            row = await self._store.order(query.account_id, query.venue_client_id)
        except DependencyAway as error:
            return CannotTell(why=str(error))
        return OrderAbsent(venue_time_ns=now_ns) if row is None else OrderFound(order=venue_order_of_row(row))

    @handles(FillsQuery)
    async def on_fills(self, query: FillsQuery) -> VenueFills | CannotTell:
        """Read the fills of an account or of one order after a cursor, oldest first, a page at a time.

        Raises:
            BadInput: The cursor is none of ours.
        """
        cursor = _number_of(query.cursor)
        why_not = await self._why_not(query.account_id)
        if why_not is not None:
            return why_not
        try:
            rows = await self._store.fills(query.account_id, cursor, FILLS_PER_READ, query.venue_client_id)
        except DependencyAway as error:
            return CannotTell(why=str(error))
        return VenueFills(
            fills=tuple(map(_fill_of, rows)),
            cursor=str(rows[-1].cursor) if rows else query.cursor,
            has_more=len(rows) == FILLS_PER_READ,
        )

    @handles(AccountQuery)
    async def on_account(self, query: AccountQuery) -> VenueAccount | CannotTell:
        """Show balances and positions, and the venue's last cursor: fills up to it are in these numbers."""
        why_not = await self._why_not(query.account_id)
        if why_not is not None:
            return why_not
        account = self._exchange.accounts[query.account_id]
        cursor = self._exchange.last_trade_id
        return VenueAccount(
            balances=account.venue_balances(),
            positions=account.venue_positions(),
            cursor=str(cursor) if cursor else None,
            venue_time_ns=self._exchange.advance(self._clock.now_ns()),
        )


def _number_of(cursor: str | None) -> int:
    if cursor is None or cursor == "":
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise BadInput("cursor", expected="a cursor of this venue: digits", was=cursor)
    return int(cursor)


def _fill_of(row: PaperTradeRow) -> VenueFill:
    return VenueFill(
        account_id=AccountId(row.account_id),
        venue=row.venue,
        symbol=row.symbol,
        side=Side(row.side),
        venue_client_id=row.venue_client_id,
        external_order_id=row.external_order_id,
        external_trade_id=row.external_trade_id,
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        liquidity=Liquidity(row.liquidity),
        executed_at_ns=row.executed_at,
        cursor=str(row.cursor),
    )
