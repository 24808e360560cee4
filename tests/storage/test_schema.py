"""The schema has every table and column that was asked for, fits the rows of units, and refuses what is wrong."""

import inspect
import random
import typing
from decimal import Decimal

import asyncpg
import msgspec
import pytest

from engine.messages import rows, rows_paper, rows_trades
from engine.messages.rows import Row
from storage.pool import Connection
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.rows import write_rows
from tests.support.units import UnitMaker

REQUIRED = {
    "users": "id email password_hash full_name role is_active created_at updated_at",
    "user_sessions": "id user_id token_hash expires_at created_at",
    "user_api_keys": "id user_id exchange api_key_encrypted api_secret_encrypted passphrase_encrypted is_active "
    "created_at",
    "trading_accounts": "id user_id exchange account_id account_type is_active created_at",
    "trading_pairs": "id symbol base_asset quote_asset exchange min_order_size max_order_size tick_size step_size "
    "is_active created_at",
    "orders": "id user_id account_id external_order_id symbol side type quantity price stop_price time_in_force status "
    "filled_quantity average_price fees exchange created_at updated_at",
    "trades": "id order_id user_id external_trade_id symbol side quantity price fees exchange executed_at created_at",
    "positions": "id user_id account_id symbol size average_price market_value unrealized_pnl exchange updated_at",
    "balances": "id user_id account_id asset free locked total usd_value exchange updated_at",
    "portfolio_snapshots": "id user_id total_value total_pnl daily_pnl positions_count snapshot_date created_at",
    "trading_strategies": "id user_id name description strategy_type parameters is_active performance_metrics "
    "created_at updated_at",
    "trading_agents": "id user_id name agent_type configuration status performance last_decision_at created_at "
    "updated_at",
    "trading_signals": "id strategy_id agent_id symbol action strength price confidence reasoning metadata created_at",
    "market_data_ohlcv": "id symbol exchange timeframe open_time close_time open_price high_price low_price "
    "close_price volume quote_volume trades_count created_at",
    "price_tickers": "id symbol exchange price bid_price ask_price volume_24h change_24h updated_at",
    "order_book_snapshots": "id symbol exchange bids asks timestamp created_at",
    "risk_metrics": "id user_id portfolio_risk value_at_risk max_drawdown sharpe_ratio position_risks calculated_at "
    "created_at",
    "risk_alerts": "id user_id alert_type severity message data acknowledged created_at",
    "trading_limits": "id user_id limit_type symbol limit_value current_value is_active created_at updated_at",
    "system_logs": "id level module message data user_id created_at",
    "api_rate_limits": "id user_id endpoint requests_count window_start window_duration_seconds limit_exceeded "
    "created_at",
    "exchange_status": "id exchange status last_ping response_time_ms error_message updated_at",
}
"""The user's 22 tables."""

REQUIRED_INDEXES = {
    "idx_orders_user_status", "idx_orders_symbol_created", "idx_trades_user_executed", "idx_positions_user_symbol",
    "idx_market_data_symbol_time", "idx_signals_created", "idx_logs_level_created", "uk_position_user_symbol",
    "uk_balance_user_asset", "uk_ticker_symbol_exchange",
}  # fmt: skip

ADDED = {
    "events", "stream_heads", "write_units", "order_requests", "reconciliations", "discrepancies", "watermarks",
    "cell_leases", "rate_shares", "replay_positions", "ledger_entries", "ledger_lines", "lots", "idempotency_keys",
    "audit_log", "executors", "chain_transactions", "chain_nonces", "equity_points", "schema_files", "trading_states",
    "decisions", "transfers", "trade_evidence", "notification_routes", "backtests",
}  # fmt: skip

ROW_CLASSES = [
    member
    for module in (rows, rows_paper, rows_trades)
    for _, member in inspect.getmembers(module, inspect.isclass)
    if issubclass(member, Row) and member.__table__
]

SQL_TYPES = {"UUID": "uuid", "str": "text", "int": "bigint", "bool": "boolean", "Decimal": "numeric"}
COMPATIBLE = {
    "text": {"text", "varchar"},
    "bigint": {"int8", "int4", "int2"},
    "boolean": {"bool"},
    "numeric": {"numeric"},
    "uuid": {"uuid"},
    "timestamptz": {"timestamptz"},
    "jsonb": {"jsonb"},
    "text[]": {"_text"},
    "date": {"date"},
}


async def columns_of(connection: Connection, table: str) -> dict[str, asyncpg.Record]:
    schema, _, name = table.rpartition(".")
    found = await connection.fetch(
        """
        select column_name, udt_name, domain_name, is_nullable = 'NO' and column_default is null as is_needed
        from information_schema.columns where table_schema = $1 and table_name = $2
        """,
        schema or "public",
        name,
    )
    return {row["column_name"]: row for row in found}


@pytest.mark.asyncio
async def test_every_required_table_has_every_required_column(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect()
    missing = {}
    for table, wanted in REQUIRED.items():
        absent = set(wanted.split()) - set(await columns_of(connection, table))
        if absent:
            missing[table] = absent
    assert missing == {}
    assert len(REQUIRED) == 22


@pytest.mark.asyncio
async def test_the_additions_and_the_named_indexes_are_there(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect()
    names = {row["relname"] for row in await connection.fetch("select relname from pg_class")}
    assert (ADDED | REQUIRED_INDEXES) - names == set()


@pytest.mark.asyncio
@pytest.mark.parametrize("row_class", ROW_CLASSES, ids=lambda row_class: row_class.__name__)
async def test_a_row_fits_its_table(pg_database: PostgresDatabase, row_class: type[Row]) -> None:
    connection = await pg_database.connect()
    columns = await columns_of(connection, row_class.__table__)
    fields = typing.get_type_hints(row_class, include_extras=True)
    fields = {name: hint for name, hint in fields.items() if name in row_class.__struct_fields__}

    assert set(fields) - set(columns) == set()
    unfit = {
        name: (sql_type_of(hint), columns[name]["udt_name"])
        for name, hint in fields.items()
        if columns[name]["udt_name"] not in COMPATIBLE[sql_type_of(hint)]
    }
    assert unfit == {}
    needed = {name for name, column in columns.items() if column["is_needed"]}
    assert row_class.__mode__ == "update" or needed <= set(fields)
    assert await has_unique_key(connection, row_class)


async def has_unique_key(connection: Connection, row_class: type[Row]) -> bool:
    keys = await connection.fetch(
        """
        select array(select a.attname::text from pg_attribute a
            where a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[])) as names
        from pg_index i where i.indrelid = $1::text::regclass and i.indisunique and i.indpred is null
            and i.indexprs is null
        """,
        row_class.__table__,
    )
    return set(row_class.__key__) in [set(key["names"]) for key in keys]


def sql_type_of(hint: object) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        return str(typing.get_args(hint)[1])
    inner = [part for part in typing.get_args(hint) if part is not type(None)]
    if inner and type(None) in typing.get_args(hint):
        return sql_type_of(inner[0])
    return SQL_TYPES[typing.cast("type", hint).__name__]


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e38"])
async def test_an_amount_is_a_finite_number(pg_database: PostgresDatabase, value: str) -> None:
    connection = await pg_database.connect()
    for domain in ("amount", "positive_amount", "unsigned_amount"):
        with pytest.raises(asyncpg.CheckViolationError, match="amount_is_finite"):
            await connection.fetchval(f"select $1::text::{domain}", value)


WRONG = {
    "side": "BUY", "type": "iceberg", "time_in_force": "GTD", "position_side": "both", "status": "new",
    "lifecycle": "sent", "done_reason": "lost", "origin": "chance", "quantity": Decimal(0),
    "filled_quantity": Decimal("-0.1"), "denial_count": -1,
}  # fmt: skip


@pytest.mark.asyncio
async def test_an_order_with_a_wrong_word_or_number_is_refused(pg_database: PostgresDatabase) -> None:
    make = UnitMaker()
    user = make.user()
    account = make.account(user.id)
    order = make.order(account)
    connection = await pg_database.connect()
    await write_rows(connection, user, account, order)
    accepted = []
    for field, value in WRONG.items():
        # Both as a new row and as a new state of the one that is there.
        for order_id in (order.id, make.id()):
            try:
                await write_rows(connection, msgspec.structs.replace(order, id=order_id, **{field: value}))
            except asyncpg.CheckViolationError:
                continue
            accepted.append(field)
    assert accepted == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("lifecycle", "status", "done_reason"),
    [("done", "filled", None), ("working", "open", "filled"), ("done", "open", "filled"), ("working", "filled", None)],
)
async def test_the_facts_of_an_order_fit_each_other(
    pg_database: PostgresDatabase, lifecycle: str, status: str, done_reason: str | None
) -> None:
    make = UnitMaker()
    user = make.user()
    account = make.account(user.id)
    connection = await pg_database.connect()
    await write_rows(connection, user, account)
    with pytest.raises(asyncpg.CheckViolationError):
        await write_rows(connection, make.order(account, lifecycle=lifecycle, status=status, done_reason=done_reason))


@pytest.mark.asyncio
@pytest.mark.parametrize(("seq", "prev"), [(0, 0), (3, 3), (3, 4), (3, -1), (-1, -2)])
async def test_events_count_upwards(pg_database: PostgresDatabase, seq: int, prev: int) -> None:
    connection = await pg_database.connect()
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            """
            insert into events (user_id, seq, channel, prev_seq, unit_id, type, payload, at)
            values (gen_random_uuid(), $1, 'orders', $2, gen_random_uuid(), 'OrderFilled', '{}', now())
            """,
            seq,
            prev,
        )


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["1E-9", "1E-18", "0.000000000000000000000000000001", "1E+30", "123.4500"])
async def test_an_amount_is_kept_exactly_as_it_was(pg_database: PostgresDatabase, value: str) -> None:
    connection = await pg_database.connect()
    kept = await connection.fetchval("select $1::text::amount", value)
    assert kept == Decimal(value)
    assert Decimal(str(kept)).as_tuple().exponent == min(0, Decimal(value).as_tuple().exponent)


@pytest.mark.asyncio
async def test_nanoseconds_become_times_exact_to_the_microsecond(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect()
    source = random.Random(7)
    last_ns = 2**32 * 10**9  # In 2106.
    moments = [source.randrange(0, last_ns) for _ in range(20_000)] + [0, 999, 1_000, last_ns - 1]
    wrong = await connection.fetch(
        """
        select ns from unnest($1::bigint[]) ns
        where cival_ts(ns) <> timestamptz 'epoch' + (ns / 1000) * interval '1 microsecond'
        """,
        moments,
    )
    assert [row["ns"] for row in wrong] == []
    assert await connection.fetchval("select cival_ts(1764000000123456789)") == 1_764_000_000_123_456_000
    assert await connection.fetchval("select cival_ts(null)") is None


@pytest.mark.asyncio
async def test_the_time_function_is_inlined_into_statements(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect()
    plan = await connection.fetch("explain verbose select cival_ts(ns) from unnest(array[1::bigint]) ns")
    text = "\n".join(row[0] for row in plan)
    assert "to_timestamp" in text
    assert "cival_ts" not in text


@pytest.mark.asyncio
async def test_every_foreign_key_to_a_tenants_row_names_the_user_too(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect(DatabaseRole.ADMIN)
    open_keys = await connection.fetch(
        """
        select c.conname, c.conrelid::regclass::text as of_table, c.confrelid::regclass::text as to_table
        from pg_constraint c
        where c.contype = 'f' and c.connamespace = 'public'::regnamespace and c.confrelid <> 'users'::regclass
            and exists (select from pg_attribute a where a.attrelid = c.confrelid and a.attname = 'user_id')
            and not exists (select from pg_attribute a
                where a.attrelid = c.conrelid and a.attname = 'user_id' and a.attnum = any (c.conkey))
        """
    )
    assert [tuple(row) for row in open_keys] == []


@pytest.mark.asyncio
async def test_changing_columns_of_hot_tables_have_no_index(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect(DatabaseRole.ADMIN)
    indexed = await connection.fetch(
        """
        select c.relname, a.attname from pg_index i
        join pg_class c on c.oid = i.indrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey::int2[])
        where c.relname in ('price_tickers', 'positions', 'balances', 'stream_heads', 'cell_leases', 'watermarks',
                'replay_positions', 'rate_shares')
            and a.attname in ('price', 'updated_at', 'size', 'free', 'locked', 'total', 'seq', 'fence', 'expires_at',
                'cursor', 'frame')
        """
    )
    assert [tuple(row) for row in indexed] == []


@pytest.mark.asyncio
async def test_statement_statistics_are_on_and_readable(pg_database: PostgresDatabase) -> None:
    daemon = await pg_database.connect()
    await daemon.fetchval("select count(*) from orders")
    reader = await pg_database.connect(DatabaseRole.READER)
    texts = await reader.fetch(
        "select query from pg_stat_statements s join pg_database d on d.oid = s.dbid where datname = current_database()"
    )
    assert "select count(*) from orders" in [row["query"] for row in texts]
