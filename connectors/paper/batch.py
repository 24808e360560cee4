"""What belongs together in one commit: changed rows, and what may be said once they are durable."""

from typing import Any

from connectors.paper.accounts import Balance, Holding
from connectors.paper.order import PaperOrder, row_of
from engine.domain.identifiers import AccountId, OrderId, Venue
from engine.messages.base import Message
from engine.messages.rows import Row
from engine.messages.rows_paper import PaperAccountRow, PaperMarkRow, PaperTradeRow


class Batch:
    """Changes since the last commit. Rows are made when it is closed, so that each state is written once."""

    __slots__ = ("accounts", "balances", "cancels", "events", "holdings", "is_marked", "orders", "replies", "trades")

    def __init__(self) -> None:
        self.accounts: list[PaperAccountRow] = []
        self.orders: dict[PaperOrder, None] = {}
        self.balances: dict[Balance, None] = {}
        self.holdings: dict[Holding, None] = {}
        self.trades: list[PaperTradeRow] = []
        self.events: list[tuple[AccountId, Message]] = []
        """(account, answer or event), in the order in which they happened."""
        self.cancels: list[tuple[AccountId, OrderId]] = []
        """Cancels whose answer is among the events."""
        self.replies: list[tuple[Any, object]] = []
        """(future, value) of asks that wait for the commit."""
        self.is_marked = False
        """The replay position is due even if nothing else has changed."""

    def needs_commit(self) -> bool:
        """Whether there is anything to make durable."""
        return bool(self.orders or self.is_marked or self.balances or self.accounts)

    def rows(self, venue: Venue, mark: PaperMarkRow) -> list[Row]:
        """Return the rows; what others refer to comes first."""
        rows: list[Row] = [*self.accounts]
        rows += [balance.row() for balance in self.balances]
        rows += [holding.row() for holding in self.holdings]
        rows += [row_of(order, venue) for order in self.orders]
        rows += self.trades
        rows.append(mark)
        return rows
