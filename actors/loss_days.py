"""What an account, or a user, has lost since the day began. Pure: valuations in, losses and rows out.

The day is the user's own, by market time. It begins with what the scope was last worth on the day before: what happens
before the first valuation of a day, while the engine was down too, is a loss of that day. Transfers and corrections are
no profit and no loss: they move what the day began with. While assets have no price that had one before, the equity is
not known and nothing is concluded from it.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from engine.domain.identifiers import UserId
from engine.domain.kinds import Scope
from engine.domain.values import ZERO, add, subtract
from engine.messages.rows_losses import RiskDayRow

NS_PER_S: Final = 1_000_000_000
WRITE_MARK_EVERY_NS: Final = 60_000_000_000
"""Market time between two writes of a rising high-water mark."""


class Valuation(msgspec.Struct, frozen=True):
    """What a scope is worth."""

    equity: Decimal
    moved: Decimal
    """What transfers and corrections have added since the cell started."""
    unpriced: frozenset[str]
    at_ns: int
    """Market time."""


class LossDay:
    """The running day of one scope."""

    __slots__ = (
        "_is_news",
        "_last",
        "_moved",
        "_scope",
        "_scope_id",
        "_user_id",
        "_written_ns",
        "_zone",
        "change",
        "row",
    )

    def __init__(
        self,
        user_id: UserId,
        scope: Scope,
        scope_id: UUID,
        zone: ZoneInfo,
        row: RiskDayRow | None,
        last: tuple[int, Decimal] | None = None,
    ) -> None:
        """Go on with the day that is stored, if one is; `last`: market time and equity of the newest valuation."""
        self._user_id = user_id
        self._scope = scope
        self._scope_id = scope_id
        self._zone = zone
        self._moved = ZERO
        self._last = last
        self._is_news = False
        self._written_ns = 0 if row is None else row.updated_at
        self.row = row
        self.change: Decimal | None = None
        """Equity less what the loss is measured from; None before the first valuation of this life."""

    def take(self, value: Valuation) -> bool:
        """Take in a valuation; False if nothing follows from it because prices are missing."""
        if self.row is None:
            self._begin(value, self._opening(value), high=value.equity)
            return True
        self._follow_transfers(self.row, value)
        known = frozenset(self.row.unpriced)
        if value.unpriced - known:
            return False
        if value.unpriced != known:
            # What has a price now was worth nothing before: no profit.
            base = subtract(value.equity, self.change or ZERO)
            self._replace(self.row, start_equity=base, base_equity=base, unpriced=tuple(sorted(value.unpriced)))
            self._last = None
        if self._day(value.at_ns) > self.row.day:
            self._begin(value, self._opening(value), high=max(self.row.high_water_mark, value.equity))
            return True
        self._last = (value.at_ns, value.equity)
        self.change = subtract(value.equity, self.row.base_equity)
        if value.equity > self.row.high_water_mark:
            is_due = value.at_ns - self._written_ns >= WRITE_MARK_EVERY_NS
            self._replace(self.row, is_news=is_due, high_water_mark=value.equity)
        return True

    def measure_anew(self) -> None:
        """Measure the loss from now on: a person has seen it and resumed."""
        if self.row is not None and self.change is not None:
            self._replace(self.row, base_equity=add(self.row.base_equity, self.change))
            self.change = ZERO

    def news(self, at_ns: int) -> RiskDayRow | None:
        """Return the row if it has to be stored now."""
        if self.row is None or not self._is_news:
            return None
        self._is_news, self._written_ns = False, at_ns
        self.row = msgspec.structs.replace(self.row, updated_at=at_ns)
        return self.row

    def _follow_transfers(self, row: RiskDayRow, value: Valuation) -> None:
        moved = subtract(value.moved, self._moved)
        self._moved = value.moved
        if moved:
            self._replace(
                row,
                start_equity=add(row.start_equity, moved),
                base_equity=add(row.base_equity, moved),
                high_water_mark=add(row.high_water_mark, moved),
            )
        if self._last is not None:
            self._last = (self._last[0], add(self._last[1], moved))

    def _opening(self, value: Valuation) -> Decimal:
        """Return what a day began with whose first valuation this is."""
        if self._last is None:
            return value.equity
        at_ns, equity = self._last
        before = date.fromisoformat(self._day(value.at_ns)) - timedelta(days=1)
        # Nobody knows what something was worth at midnight that was last valued days ago.
        return equity if self._day(at_ns) == before.isoformat() else value.equity

    def _begin(self, value: Valuation, opening: Decimal, high: Decimal) -> None:
        self._moved = value.moved
        self._last = (value.at_ns, value.equity)
        self.change = subtract(value.equity, opening)
        self._is_news = True
        self.row = RiskDayRow(
            user_id=self._user_id,
            scope=self._scope.value,
            scope_id=self._scope_id,
            day=self._day(value.at_ns),
            start_equity=opening,
            base_equity=opening,
            high_water_mark=high,
            unpriced=tuple(sorted(value.unpriced)),
            updated_at=value.at_ns,
        )

    def _replace(self, row: RiskDayRow, *, is_news: bool = True, **changes: object) -> None:
        self.row = msgspec.structs.replace(row, **changes)
        self._is_news = self._is_news or is_news

    def _day(self, at_ns: int) -> str:
        return datetime.fromtimestamp(at_ns // NS_PER_S, self._zone).date().isoformat()
