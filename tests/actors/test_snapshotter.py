from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from actors.snapshotter import Snapshotter
from engine.domain.identifiers import AccountId, UserId
from engine.messages.portfolio import AccountMarked
from engine.messages.rows import EquityPointRow, PortfolioSnapshotRow
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from storage.memory import MemoryFactStore
from storage.writer import StorageWriter
from tests.support.cell_builders import START_NS, USER, an_id

D = Decimal
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


class Desk:
    def __init__(self) -> None:
        self.wall = VirtualClock(START_NS)
        self.ids = Ids(self.wall, seeded_rng(1))
        self.system = ActorSystem(clock=self.wall, ids=self.ids)
        self.bus = Bus()
        self.store = MemoryFactStore()

    async def start(self, **settings: Any) -> "Desk":
        self.writer = await self.system.start(StorageWriter, store=self.store, clock=self.wall, bus=self.bus)
        self.snapshotter = await self.system.start(
            Snapshotter, wall=self.wall, ids=self.ids, bus=self.bus, writer=self.writer, **settings
        )
        return self

    async def mark(self, equity: str, at_s: float = 0, account: int = 2, user: UserId = USER) -> None:
        self.bus.publish(
            AccountMarked(
                user_id=user,
                account_id=AccountId(an_id(account)),
                equity=D(equity),
                cash=D(equity),
                realized_pnl=D(5),
                unrealized_pnl=D(2),
                fees=D(1),
                positions=1,
                at_ns=START_NS + int(at_s * SECOND_NS),
            ),
            key=user,
        )
        await self.system.idle()

    def points(self) -> list[Decimal]:
        return [row.equity for row in self.store.rows(EquityPointRow)]  # type: ignore[attr-defined]

    def days(self) -> Mapping[str, Any]:
        return {row.snapshot_date: row for row in self.store.rows(PortfolioSnapshotRow)}  # type: ignore[attr-defined]


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.system.stop_all()


@pytest.mark.asyncio
async def test_a_point_is_kept_every_ten_seconds_of_wall_time(desk: Desk) -> None:
    await desk.start()
    await desk.mark("100", at_s=0)
    await desk.mark("101", at_s=5)
    desk.wall.advance(10 * SECOND_NS)
    await desk.mark("102", at_s=10)
    assert desk.points() == [D(100), D(102)]


@pytest.mark.asyncio
async def test_in_a_fast_replay_a_point_is_kept_every_market_minute(desk: Desk) -> None:
    await desk.start()
    for second in range(0, 180, 5):
        await desk.mark(str(100 + second), at_s=second)
    assert desk.points() == [D(100), D(160), D(220)]


@pytest.mark.asyncio
async def test_a_day_sums_the_users_accounts(desk: Desk) -> None:
    await desk.start()
    await desk.mark("100", account=2)
    await desk.mark("50", account=4)
    (day,) = desk.days().values()
    assert (day.snapshot_date, day.total_value, day.total_pnl, day.positions_count) == (
        "2024-01-01", D(150), D(12), 2,
    )  # fmt: skip
    assert day.daily_pnl is None


@pytest.mark.asyncio
async def test_the_next_day_counts_from_the_end_of_the_last(desk: Desk) -> None:
    await desk.start()
    await desk.mark("100")
    await desk.mark("130", at_s=3_600)
    await desk.mark("125", at_s=86_400)
    days = desk.days()
    assert [day.total_value for day in days.values()] == [D(130), D(125)]
    assert days["2024-01-02"].daily_pnl == D(-5)
    assert len({day.id for day in days.values()}) == 2


@pytest.mark.asyncio
async def test_a_day_ends_at_the_users_midnight(desk: Desk) -> None:
    await desk.start(time_zones={USER: "Asia/Tokyo"})
    await desk.mark("100")
    await desk.mark("100", at_s=15 * 3_600)
    assert list(desk.days()) == ["2024-01-01", "2024-01-02"]


@pytest.mark.asyncio
async def test_a_restart_goes_on_with_the_same_day(desk: Desk) -> None:
    last = PortfolioSnapshotRow(
        id=an_id(9), user_id=USER, total_value=D(110), total_pnl=D(0), daily_pnl=D(10), positions_count=0,
        snapshot_date="2024-01-01", created_at=START_NS,
    )  # fmt: skip
    await desk.start(last_days={USER: last})
    await desk.mark("120")
    (day,) = desk.days().values()
    assert (day.id, day.daily_pnl) == (an_id(9), D(20))


@pytest.mark.asyncio
async def test_users_are_kept_apart(desk: Desk) -> None:
    await desk.start()
    await desk.mark("100")
    await desk.mark("7", account=8, user=UserId(an_id(70)))
    assert {(row.user_id, row.equity) for row in desk.store.rows(EquityPointRow)} == {  # type: ignore[attr-defined]
        (USER, D(100)),
        (an_id(70), D(7)),
    }
    assert [event.type for event in desk.store.journal[USER]] == ["PortfolioValued"]
