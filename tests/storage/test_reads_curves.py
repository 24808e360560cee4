"""What an account is worth: the newest value, the sum, and a curve of a bounded number of points."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.messages.render import rfc3339
from tests.support.postgres import PostgresDatabase
from tests.support.reading import ANN, ANN_ID, START_NS, S, World, items, opened_world, values

SECOND = AccountId(ANN.id(11))
MINUTE = 60 * S


@pytest_asyncio.fixture
async def world(pg_database: PostgresDatabase) -> AsyncIterator[World]:
    async with opened_world(pg_database) as opened:
        await opened.daemon.execute("delete from equity_points")
        await opened.daemon.execute(
            "insert into trading_accounts (id, user_id, name, exchange, account_id) values ($1, $2, 'b', 'v', 'b')",
            SECOND,
            ANN.user,
        )
        yield opened


async def draw(world: World, account_id: AccountId, moments: list[int], *, base: int = 0) -> None:
    """Insert a point per moment; `equity` counts them."""
    await world.daemon.executemany(
        """
        insert into equity_points (account_id, user_id, at, equity, cash, realized_pnl, unrealized_pnl, fees)
        values ($1, $2, $3, $4::bigint + 0.000000000000000001, 1, -2, 3, 0.5)
        """,
        [(account_id, ANN.user, at_ns, base + n) for n, at_ns in enumerate(moments)],
    )


@pytest.mark.asyncio
async def test_a_curve_that_fits_is_given_whole(world: World) -> None:
    moments = [START_NS, START_NS + 1_000, START_NS + 9 * MINUTE]  # Two of them fall into one span.
    await draw(world, AccountId(ANN.account), moments)
    page = await world.reads.equity_points(ANN_ID, limit=3)
    assert values(page, "at") == [rfc3339(at_ns) for at_ns in moments]
    assert items(page)[2] == {
        "account_id": str(ANN.account), "user_id": str(ANN.user), "at": "2026-01-15T12:09:00.000000Z",
        "equity": "2.000000000000000001", "cash": "1", "realized_pnl": "-2", "unrealized_pnl": "3", "fees": "0.5",
    }  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("limit", [1, 2, 7, 10, 99])
async def test_a_longer_curve_keeps_the_last_point_of_each_equal_span(world: World, limit: int) -> None:
    moments = [START_NS + n * MINUTE for n in range(100)]
    await draw(world, AccountId(ANN.account), moments)
    seen = values(await world.reads.equity_points(ANN_ID, limit=limit), "at")
    # Spans are open at their start, so that a point on a border counts to the span that it ends.
    ends = [START_NS + 99 * MINUTE * (span + 1) // limit for span in range(limit)]
    expected = [max(at_ns for at_ns in moments if at_ns <= end_ns) for end_ns in ends]
    assert seen == [rfc3339(at_ns) for at_ns in expected]
    assert seen[-1] == rfc3339(moments[-1])


@pytest.mark.asyncio
async def test_a_gap_in_a_curve_is_left_a_gap(world: World) -> None:
    moments = [START_NS + n * S for n in range(50)] + [START_NS + 3_600 * S + n * S for n in range(50)]
    await draw(world, AccountId(ANN.account), moments)
    assert values(await world.reads.equity_points(ANN_ID, limit=10), "at") == [
        rfc3339(START_NS + 49 * S), rfc3339(START_NS + 3_649 * S),
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_each_account_has_its_own_spans_and_the_answer_goes_by_time(world: World) -> None:
    await draw(world, AccountId(ANN.account), [START_NS + n * S for n in range(8)])
    await draw(world, SECOND, [START_NS + n * S + S // 2 for n in range(3)], base=100)
    page = await world.reads.equity_points(ANN_ID, limit=4)
    assert values(page, "at") == sorted(values(page, "at"))
    mine = [item["at"] for item in items(page) if item["account_id"] == str(ANN.account)]
    assert len(mine) == 4
    only_second = await world.reads.equity_points(ANN_ID, SECOND, limit=4)
    assert [float(value) for value in values(only_second, "equity")] == [100, 101, 102]


@pytest.mark.asyncio
async def test_a_range_begins_with_its_first_moment_and_ends_before_its_last(world: World) -> None:
    await draw(world, AccountId(ANN.account), [START_NS + n * S for n in range(10)])
    page = await world.reads.equity_points(ANN_ID, since_ns=START_NS + 2 * S, until_ns=START_NS + 5 * S)
    assert values(page, "at") == [rfc3339(START_NS + n * S) for n in (2, 3, 4)]
    thinned = await world.reads.equity_points(ANN_ID, None, START_NS + 2 * S, START_NS + 5 * S, limit=2)
    assert values(thinned, "at") == [rfc3339(START_NS + n * S) for n in (3, 4)]


@pytest.mark.asyncio
async def test_a_curve_over_months_is_one_curve(world: World) -> None:
    months = [f"2026-{month:02}-01" for month in range(1, 7)]
    for month in months:
        await world.daemon.execute("select ensure_month('equity_points', $1::text::date)", month)
    day = 86_400 * S
    await draw(world, AccountId(ANN.account), [START_NS + n * day for n in range(150)])
    assert len(values(await world.reads.equity_points(ANN_ID), "at")) == 150
    assert len(values(await world.reads.equity_points(ANN_ID, limit=149), "at")) == 149
    assert values(await world.reads.equity_points(ANN_ID, limit=1), "at") == [rfc3339(START_NS + 149 * day)]


@pytest.mark.asyncio
@pytest.mark.parametrize("limit", [0, 5_001])
async def test_a_number_of_points_out_of_range_is_refused(world: World, limit: int) -> None:
    with pytest.raises(BadInput, match="limit"):
        await world.reads.equity_points(ANN_ID, limit=limit)


@pytest.mark.asyncio
async def test_the_portfolio_is_the_sum_of_the_newest_values(world: World) -> None:
    await draw(world, AccountId(ANN.account), [START_NS, START_NS + S])
    await draw(world, SECOND, [START_NS + 5 * S], base=10)
    portfolio = json.loads(await world.reads.portfolio(ANN_ID))
    accounts = portfolio.pop("accounts")
    assert portfolio == {
        "equity": "11.000000000000000002", "cash": "2", "realized_pnl": "-4", "unrealized_pnl": "6", "fees": "1.0",
    }  # fmt: skip
    assert [(account["account_id"], account["at"]) for account in accounts] == [
        (str(ANN.account), rfc3339(START_NS + S)), (str(SECOND), rfc3339(START_NS + 5 * S)),
    ]  # fmt: skip
    snapshot = await world.reads.snapshot(ANN_ID, ("portfolio",))
    assert json.loads(snapshot.data["portfolio"]) == accounts


@pytest.mark.asyncio
async def test_a_portfolio_of_nothing_is_zero(world: World) -> None:
    assert json.loads(await world.reads.portfolio(ANN_ID)) == {
        "equity": "0", "cash": "0", "realized_pnl": "0", "unrealized_pnl": "0", "fees": "0", "accounts": [],
    }  # fmt: skip
