"""What only a store behind a socket can get wrong: lost answers, dead connections, other processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain.errors import ConfigError, DependencyAway
from engine.messages.rows import AgentRow, AgentStatusRow, EquityPointRow, OrderRow
from engine.messages.writing import WriteUnit
from storage.commit_plan import PLACE_OF
from storage.pool import Connection
from storage.postgres_facts import PostgresFactStore
from storage.roles import DatabaseRole
from storage.tables import MONTHS
from tests.support.fact_stores import PostgresBench, a_cell
from tests.support.pg_proxy import Fault, Proxy, proxied
from tests.support.postgres import PostgresDatabase
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def cell(postgres_bench: PostgresBench, make: UnitMaker) -> TestCell:
    return await a_cell(postgres_bench, make)


@pytest_asyncio.fixture
async def frail(pg_database: PostgresDatabase, cell: TestCell) -> AsyncIterator[tuple[PostgresFactStore, Proxy]]:
    """Give a store behind a proxy; its statements are prepared already."""
    async with proxied(pg_database.socket_directory, pg_database.name) as (proxy, endpoints):
        store = PostgresFactStore(endpoints, command_timeout_s=0.5)
        await store.commit([cell.order_unit()])
        yield store, proxy
        await store.close()


@pytest.mark.parametrize("fault", [Fault.LOSE_STATEMENT, Fault.LOSE_ANSWER, Fault.SILENCE])
async def test_a_batch_whose_fate_is_unknown_is_settled_by_repeating_it(
    frail: tuple[PostgresFactStore, Proxy], postgres_bench: PostgresBench, cell: TestCell, fault: Fault
) -> None:
    store, proxy = frail
    units = [cell.order_unit() for _ in range(3)]
    proxy.fault = fault
    with pytest.raises(DependencyAway):
        await store.commit(units)
    assert proxy.struck == 1
    stored = len(await postgres_bench.journal(cell.user_id)) - 1
    assert stored == (0 if fault is Fault.LOSE_STATEMENT else 3)
    results = await store.commit(units)
    assert [result.answer.first_seq for result in results if result.answer] == [2, 3, 4]
    assert [event.seq for result in results for event in result.events] == [2, 3, 4]
    later = await store.commit([cell.order_unit()])
    assert later[0].events[0].prev == 4
    assert [event.seq for event in await postgres_bench.journal(cell.user_id)] == [1, 2, 3, 4, 5]


async def test_a_repeat_waits_for_the_transaction_that_may_still_commit(
    postgres_bench: PostgresBench, cell: TestCell
) -> None:
    unit = cell.order_unit()
    old = await postgres_bench.database.connect()
    transaction = old.transaction()
    await transaction.start()
    await old.execute("insert into write_units (id, user_id, n, fence) values ($1, $2, 1, 1)", unit.id, cell.user_id)
    commit = asyncio.ensure_future(postgres_bench.commit(unit))
    await asyncio.sleep(0.05)
    assert not commit.done()
    await transaction.rollback()
    [result] = await commit
    assert result.events[0].seq == 1
    await old.close()


async def test_a_repeat_believes_the_transaction_that_did_commit(postgres_bench: PostgresBench, cell: TestCell) -> None:
    unit = cell.order_unit()
    old = await postgres_bench.database.connect()
    transaction = old.transaction()
    await transaction.start()
    await old.execute("insert into write_units (id, user_id, n, fence) values ($1, $2, 1, 1)", unit.id, cell.user_id)
    commit = asyncio.ensure_future(postgres_bench.commit(unit, cell.order_unit()))
    await asyncio.sleep(0.05)
    await transaction.commit()
    first, second = await commit
    assert first.answer is not None
    assert first.answer.first_seq is None
    assert [event.seq for event in second.events] == [1]
    await old.close()


async def test_a_connection_that_was_ended_is_replaced(postgres_bench: PostgresBench, cell: TestCell) -> None:
    async def process(connection: Connection) -> int:
        return int(await connection.fetchval("select pg_backend_pid()"))

    pid = await postgres_bench.store.run(process)
    await postgres_bench.watcher.fetchval("select pg_terminate_backend($1, 5000)", pid)
    unit = cell.order_unit()
    # Whoever has heard of the end already connects anew without a word.
    with contextlib.suppress(DependencyAway):
        await postgres_bench.commit(unit)
    [result] = await postgres_bench.commit(unit)
    assert result.events[0].seq == 1


async def test_a_statement_that_takes_too_long_uses_no_number(
    pg_database: PostgresDatabase, postgres_bench: PostgresBench, cell: TestCell
) -> None:
    store = PostgresFactStore(pg_database.endpoints, settings={"lock_timeout": "100ms"})
    await store.commit([cell.order_unit()])
    blocker = await pg_database.connect()
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("select from stream_heads where user_id = $1 for update", cell.user_id)
    unit = cell.order_unit()
    with pytest.raises(DependencyAway, match="LockNotAvailable"):
        await store.commit([unit])
    await transaction.rollback()
    [result] = await store.commit([unit])
    assert result.events[0].seq == 2
    await blocker.close()
    await store.close()


async def test_a_server_that_only_reads_counts_as_away(postgres_bench: PostgresBench, cell: TestCell) -> None:
    async def only_read(connection: Connection) -> None:
        await connection.execute("set default_transaction_read_only = on")

    await postgres_bench.store.run(only_read)
    unit = cell.order_unit()
    with pytest.raises(DependencyAway, match="25006"):
        await postgres_bench.commit(unit)
    [result] = await postgres_bench.commit(unit)
    assert result.refused is None


async def test_numbers_moved_by_another_process_are_followed(
    pg_database: PostgresDatabase, postgres_bench: PostgresBench, cell: TestCell, make: UnitMaker
) -> None:
    other = PostgresFactStore(pg_database.endpoints)
    seen = []
    for store in (postgres_bench.store, other, postgres_bench.store, other):
        unit = make.unit(cell.user_id, events=(make.event({"a": 1}, "control"), make.event({"a": 2})))
        [result] = await store.commit([unit])
        seen += [(event.channel, event.seq, event.prev) for event in result.events]
    assert [seq for _, seq, _ in seen] == list(range(1, 9))
    assert [(seq, prev) for channel, seq, prev in seen if channel == "orders"] == [(2, 0), (4, 2), (6, 4), (8, 6)]
    await other.close()


async def test_two_processes_at_once_leave_no_hole(
    pg_database: PostgresDatabase, postgres_bench: PostgresBench, make: UnitMaker
) -> None:
    cells = [await a_cell(postgres_bench, make) for _ in range(3)]
    stores = [PostgresFactStore(pg_database.endpoints) for _ in range(3)]

    async def write(store: PostgresFactStore) -> None:
        for turn in range(15):
            units = [make.unit(cell.user_id, events=(make.event({"turn": turn}),)) for cell in cells]
            # A unit whose row is refused takes its events with it.
            units.append(
                make.unit(cells[0].user_id, (make.order(cells[0].account, side="up"),), (make.event({"a": 1}),))
            )
            assert [result.refused for result in await store.commit(units)] == [None, None, None, "bad_data"]

    await asyncio.gather(*map(write, stores))
    for cell in cells:
        events = await postgres_bench.journal(cell.user_id)
        assert [event.seq for event in events] == list(range(1, 46))
        assert [event.prev for event in events] == list(range(45))
    for store in stores:
        await store.close()


async def test_a_database_that_forbids_temporary_functions_is_named(pg_database: PostgresDatabase) -> None:
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    await admin.execute(f"revoke temporary on database {pg_database.name} from public")
    with pytest.raises(ConfigError, match="GRANT TEMPORARY"):
        await PostgresFactStore(pg_database.endpoints).open()
    await admin.close()


async def test_heads_agree_with_the_journal(postgres_bench: PostgresBench, cell: TestCell, make: UnitMaker) -> None:
    order = make.order(cell.account)
    await postgres_bench.commit(
        cell.unit(events=(make.event(order), make.event(order, "trades"))), cell.unit(events=(make.event(order),))
    )
    heads = await postgres_bench.watcher.fetch("select channel, seq from stream_heads where user_id = $1", cell.user_id)
    assert {row["channel"]: row["seq"] for row in heads} == {"": 3, "orders": 3, "trades": 2}


async def test_units_know_their_numbers(postgres_bench: PostgresBench, cell: TestCell) -> None:
    unit = cell.order_unit()
    await postgres_bench.commit(unit)
    row = await postgres_bench.watcher.fetchrow(
        "select user_id, n, fence, first_seq, last_seq from write_units where id = $1", unit.id
    )
    assert tuple(row) == (cell.user_id, 1, 1, 1, 1)


async def test_a_lease_that_has_expired_fences(postgres_bench: PostgresBench, cell: TestCell) -> None:
    await postgres_bench.watcher.execute(
        "update cell_leases set expires_at = clock_timestamp() - interval '1 ms' where user_id = $1", cell.user_id
    )
    assert [result.refused for result in await postgres_bench.commit(cell.order_unit())] == ["fenced"]


async def test_rows_go_into_the_partition_of_their_month(
    postgres_bench: PostgresBench, cell: TestCell, make: UnitMaker
) -> None:
    def point(at_ns: int) -> EquityPointRow:
        amounts = dict.fromkeys(("equity", "cash", "realized_pnl", "unrealized_pnl", "fees"), make.order(
            cell.account).quantity)  # fmt: skip
        return EquityPointRow(account_id=cell.account_id, user_id=cell.user_id, at=at_ns, **amounts)

    month_ns = 31 * 86_400 * 10**9
    results = await postgres_bench.commit(cell.unit(point(AT_NS), point(AT_NS + month_ns)), cell.unit(point(0)))
    assert [result.refused for result in results] == [None, None]
    rows = await postgres_bench.watcher.fetch("select tableoid::regclass::text as name from equity_points order by at")
    assert [row["name"] for row in rows] == [
        "equity_points_default",
        "equity_points_y2024m08",
        "equity_points_y2024m09",
    ]


async def test_every_partitioned_table_is_known(postgres_bench: PostgresBench) -> None:
    rows = await postgres_bench.watcher.fetch(
        "select relname from pg_class where relkind = 'p' and relnamespace = 'public'::regnamespace"
    )
    assert {row["relname"] for row in rows} == set(MONTHS)


async def test_two_classes_of_one_table_keep_the_order_of_their_units(
    postgres_bench: PostgresBench, cell: TestCell, make: UnitMaker
) -> None:
    assert PLACE_OF[AgentRow] < PLACE_OF[AgentStatusRow]
    agent = make.agent(cell.account, status="inactive")
    status = AgentStatusRow(id=agent.id, user_id=cell.user_id, status="active", status_reason=None, updated_at=AT_NS)
    await postgres_bench.commit(cell.unit(agent), cell.unit(status), cell.unit(agent))
    stored = await postgres_bench.stored(AgentRow, agent.id)
    assert stored is not None
    assert stored["status"] == "inactive"


Step = tuple[int, str]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(data=st.data())
async def test_any_mixture_of_units_leaves_a_journal_without_holes(
    postgres_bench: PostgresBench, data: st.DataObject
) -> None:
    make = UnitMaker(seed=data.draw(st.integers(0, 10**9)))
    cells = [await a_cell(postgres_bench, make) for _ in range(2)]
    accepted: dict[int, int] = {0: 0, 1: 0}
    for batch in data.draw(st.lists(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["good", "bad", "old"])),
                                             min_size=1, max_size=5), max_size=4)):  # fmt: skip
        units = [_unit_of(cells[index], kind) for index, kind in batch]
        results = await postgres_bench.commit(*units)
        assert [result.unit for result in results] == units
        repeated = await postgres_bench.commit(*[r.unit for r in results if r.answer is not None])
        assert [r.answer for r in repeated] == [r.answer for r in results if r.answer is not None]
        for (index, _), result in zip(batch, results, strict=True):
            accepted[index] += len(result.events)
    for index, cell in enumerate(cells):
        events = await postgres_bench.journal(cell.user_id)
        assert [event.seq for event in events] == list(range(1, accepted[index] + 1))


def _unit_of(cell: TestCell, kind: str) -> WriteUnit:
    if kind == "good":
        return cell.order_unit()
    if kind == "bad":
        return cell.order_unit(side="up")
    order: OrderRow = cell.make.order(cell.account)
    return cell.make.unit(cell.user_id, (order,), (cell.make.event(order),), fence=cell.fence + 1)
