"""Keeps how the accounts' values have moved: equity points, and one snapshot per user and day.

One per engine. It listens to every account's valuation and writes units outside the cells: a lost point costs a dot in
a curve.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.domain.identifiers import AccountId, UserId
from engine.domain.ports import Ids
from engine.domain.values import ZERO, add, subtract
from engine.messages.portfolio import AccountMarked
from engine.messages.rows import EquityPointRow, PortfolioSnapshotRow, Row
from engine.messages.system import Flush
from engine.messages.writing import JournalEvent, unit_without_cell
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import Clock
from engine.runtime.ref import Ref

EVERY_NS: Final = 10_000_000_000
"""Wall time between two points of an account."""
MINUTE_NS: Final = 60_000_000_000
"""Market time after which there is a point all the same, in a replay that runs faster than the world."""
GATHERED_MAX: Final = 1_000
"""Points of one unit."""
NS_PER_S: Final = 1_000_000_000


class _Account:
    """The newest valuation of one account and when a point was last made of one."""

    __slots__ = ("mark", "market_ns", "wall_ns")

    def __init__(self, mark: AccountMarked) -> None:
        self.mark = mark
        self.market_ns = -MINUTE_NS
        self.wall_ns = -EVERY_NS


class _Day:
    """The snapshot of a user's day, and the total of the day before."""

    __slots__ = ("before", "row")

    def __init__(self, row: PortfolioSnapshotRow | None) -> None:
        self.row = row
        self.before = None if row is None or row.daily_pnl is None else subtract(row.total_value, row.daily_pnl)


class Snapshotter(AsyncioActor):
    """Writes what accounts were worth."""

    def __init__(
        self,
        *,
        wall: Clock,
        ids: Ids,
        bus: Bus,
        writer: Ref[Any],
        time_zones: Mapping[UserId, str] | None = None,
        last_days: Mapping[UserId, PortfolioSnapshotRow] | None = None,
        every_ns: int = EVERY_NS,
    ) -> None:
        """Keep what it works with.

        Args:
            wall: Wall time.
            ids: Of rows and units.
            bus: Valuations of all users.
            writer: Takes units.
            time_zones: IANA zone of each user, whose days it closes; UTC for the rest.
            last_days: Newest snapshot of each user.
            every_ns: Wall time between two points of an account.
        """
        super().__init__()
        self._wall = wall
        self._ids = ids
        self._bus = bus
        self._writer = writer
        self._zones = {user: ZoneInfo(name) for user, name in (time_zones or {}).items()}
        self._every_ns = every_ns
        self._accounts: dict[UserId, dict[AccountId, _Account]] = {}
        self._days: dict[UserId, _Day] = {user: _Day(row) for user, row in (last_days or {}).items()}
        self._gathered: dict[UserId, list[EquityPointRow]] = {}
        self._subscription: Subscription | None = None

    def on_start(self) -> None:
        """Hear what accounts are worth."""
        self._subscription = self._bus.subscribe(AccountMarked, self.actor_ref.tell)

    def on_stop(self) -> None:
        """Write what has gathered."""
        if self._subscription is not None:
            self._subscription.cancel()
        self.on_flush(Flush())

    def on_failure(self, *_error: Any) -> None:
        """Hear nothing more."""
        if self._subscription is not None:
            self._subscription.cancel()

    @handles(AccountMarked)
    def on_marked(self, mark: AccountMarked) -> None:
        """Make a point of a valuation if the last one is old enough, by wall or by market time."""
        accounts = self._accounts.setdefault(mark.user_id, {})
        account = accounts.get(mark.account_id)
        if account is None:
            account = accounts[mark.account_id] = _Account(mark)
        account.mark = mark
        wall_ns = self._wall.now_ns()
        is_new_minute = mark.at_ns // MINUTE_NS != account.market_ns // MINUTE_NS
        if not is_new_minute and wall_ns - account.wall_ns < self._every_ns:
            return
        account.wall_ns, account.market_ns = wall_ns, mark.at_ns
        if not self._gathered:
            self.actor_ref.tell(Flush())
        gathered = self._gathered.setdefault(mark.user_id, [])
        gathered.append(_point(mark))
        if len(gathered) >= GATHERED_MAX:
            self.on_flush(Flush())

    @handles(Flush)
    def on_flush(self, _message: Flush) -> None:
        """Write the points that have gathered, and each user's day so far."""
        gathered, self._gathered = self._gathered, {}
        for user_id, points in gathered.items():
            day = self._day(user_id, max(point.at for point in points))
            rows: tuple[Row, ...] = (*points, day)
            event = JournalEvent(channel="portfolio", type="PortfolioValued", data=points[-1], at_ns=points[-1].at)
            self._writer.tell(unit_without_cell(self._ids, rows, (event,), user_id))

    def _day(self, user_id: UserId, at_ns: int) -> PortfolioSnapshotRow:
        """Return the snapshot of the user's day that `at_ns` falls on; its last version is the day's end."""
        date = datetime.fromtimestamp(at_ns // NS_PER_S, self._zones.get(user_id, UTC)).date().isoformat()
        day = self._days.get(user_id)
        if day is None:
            day = self._days[user_id] = _Day(None)
        if day.row is not None and day.row.snapshot_date != date:
            day.before = day.row.total_value
        is_same_day = day.row is not None and day.row.snapshot_date == date
        total, profit, positions = ZERO, ZERO, 0
        for account in self._accounts[user_id].values():
            mark = account.mark
            total = add(total, mark.equity)
            profit = add(profit, subtract(add(mark.realized_pnl, mark.unrealized_pnl), mark.fees))
            positions += mark.positions
        day.row = PortfolioSnapshotRow(
            id=day.row.id if is_same_day and day.row is not None else self._ids.uuid(),
            user_id=user_id,
            total_value=total,
            total_pnl=profit,
            daily_pnl=None if day.before is None else subtract(total, day.before),
            positions_count=positions,
            snapshot_date=date,
            created_at=at_ns,
        )
        return day.row


def _point(mark: AccountMarked) -> EquityPointRow:
    return EquityPointRow(
        account_id=mark.account_id,
        user_id=mark.user_id,
        at=mark.at_ns,
        equity=mark.equity,
        cash=mark.cash,
        realized_pnl=mark.realized_pnl,
        unrealized_pnl=mark.unrealized_pnl,
        fees=mark.fees,
    )
