import pytest

from engine.messages.rows import Row
from engine.messages.rows_market import BookSnapshotRow
from storage.months import FIRST_DAY, LAST_DAY, NS_PER_DAY, Months
from tests.support.fact_stores import PostgresBench
from tests.support.units import AT_NS, UnitMaker

pytestmark = pytest.mark.asyncio


def a_book(make: UnitMaker, at_ns: int) -> Row:
    return BookSnapshotRow(
        id=make.id(), symbol="BTC/USDT", exchange="binance", bids=[], asks=[], timestamp=at_ns, created_at=at_ns
    )


async def partitions(bench: PostgresBench) -> set[str]:
    rows = await bench.watcher.fetch(
        "select relname from pg_class where relname like 'order_book_snapshots_y%' and relkind = 'r'"
    )
    return {row["relname"] for row in rows}


async def test_a_month_is_made_once(postgres_bench: PostgresBench, make: UnitMaker) -> None:
    months = Months()
    await months.ensure(postgres_bench.watcher, [a_book(make, AT_NS), a_book(make, AT_NS + NS_PER_DAY)])
    assert await partitions(postgres_bench) == {"order_book_snapshots_y2024m08"}
    # A connection that is closed proves that nobody asks again.
    await months.ensure(None, [a_book(make, AT_NS + NS_PER_DAY)])  # type: ignore[arg-type]


async def test_the_last_moment_of_a_month_is_in_it(postgres_bench: PostgresBench, make: UnitMaker) -> None:
    first_of_september_ns = 1_725_148_800 * 10**9
    await Months().ensure(
        postgres_bench.watcher, [a_book(make, first_of_september_ns - 1), a_book(make, first_of_september_ns)]
    )
    assert await partitions(postgres_bench) == {"order_book_snapshots_y2024m08", "order_book_snapshots_y2024m09"}


@pytest.mark.parametrize("day", [0, FIRST_DAY - 1, LAST_DAY + 1, 10**7])
async def test_a_time_out_of_all_reason_makes_no_partition(
    postgres_bench: PostgresBench, make: UnitMaker, day: int
) -> None:
    await Months().ensure(postgres_bench.watcher, [a_book(make, day * NS_PER_DAY)])
    assert await partitions(postgres_bench) == set()


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
async def test_the_outermost_days_make_theirs(postgres_bench: PostgresBench, make: UnitMaker, day: int) -> None:
    await Months().ensure(postgres_bench.watcher, [a_book(make, day * NS_PER_DAY)])
    assert len(await partitions(postgres_bench)) == 1
