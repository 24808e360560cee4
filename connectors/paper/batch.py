"""What belongs together in one commit: changed rows, and what may be said once they are durable."""

from connectors.paper.accounts import Balance, Holding
from connectors.paper.order import PaperOrder
from engine.domain.identifiers import AccountId, OrderId
from engine.messages.base import Message
from engine.messages.rows import Row
from engine.messages.rows_paper import PaperAccountRow, PaperMarkRow, PaperTradeRow
from engine.messages.venues import VenueAmend


class Batch:
    """Changes since the last commit. Rows are made when it is closed, so that each state is written once."""

    __slots__ = ("accounts", "amends", "cancels", "changed", "events", "is_marked", "trades")

    def __init__(self) -> None:
        self.accounts: list[PaperAccountRow] = []
        """New accounts."""
        self.changed: dict[Balance | Holding | PaperOrder, None] = {}
        """What has changed, in the order of its first change."""
        self.trades: list[PaperTradeRow] = []
        self.events: list[tuple[AccountId, Message]] = []
        """(account, answer or event), in the order in which they happened."""
        self.cancels: list[tuple[AccountId, OrderId]] = []
        """Cancels whose answer is among the events."""
        self.amends: list[VenueAmend] = []
        """Amends whose answer is among the events."""
        self.is_marked = False
        """The replay position is due even if nothing else has changed."""

    def needs_commit(self) -> bool:
        """Whether there is anything to make durable."""
        return bool(self.changed or self.is_marked or self.accounts)

    def rows(self, mark: PaperMarkRow) -> list[Row]:
        """Return the rows; what others refer to comes first."""
        rows: list[Row] = [*self.accounts]
        rows += [item.row() for item in self.changed]
        rows += self.trades
        rows.append(mark)
        return rows
