from decimal import Decimal

import msgspec
import orjson
import pytest

from engine.messages import (
    rows,
    rows_agents,
    rows_executors,
    rows_halts,
    rows_losses,
    rows_market,
    rows_paper,
    rows_people,
    rows_trades,
)
from engine.messages.rows import AgentStatusRow, BalanceRow, OrderRow, Row, TradeRow
from engine.messages.rows_market import OhlcvRow
from storage.tables import FACTS, encode_rows, newest_per_key, table_of
from tests.support.fact_stores import PostgresBench
from tests.support.units import AT_NS, UnitMaker

MAKE = UnitMaker()
ACCOUNT = MAKE.account(MAKE.id())


def _row_classes(module: object) -> set[type[Row]]:
    return {
        value for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Row) and value is not Row
    }  # fmt: skip


PAPER = sorted(_row_classes(rows_paper), key=lambda kind: kind.__name__)


def test_every_row_of_the_schema_can_be_written() -> None:
    modules = (rows, rows_agents, rows_executors, rows_halts, rows_losses, rows_people, rows_market, rows_trades)
    assert set(FACTS) == set().union(*map(_row_classes, modules))


@pytest.mark.asyncio
async def test_the_schema_takes_every_statement(postgres_bench: PostgresBench) -> None:
    """PostgreSQL plans each of them: every column is there and takes the type of its cast."""
    for row_class in (*FACTS, *PAPER):
        await postgres_bench.watcher.execute(table_of(row_class).statement("$1::text"), "[]")


def test_a_later_class_may_point_to_an_earlier_one() -> None:
    order = [table_of(row_class).name for row_class in FACTS]
    chain = ["users", "trading_accounts", "trading_agents", "orders", "trades", "ledger_entries", "ledger_lines"]
    assert [order.index(name) for name in chain] == sorted(order.index(name) for name in chain)


def test_the_newest_state_of_a_key_is_kept() -> None:
    order = MAKE.order(ACCOUNT)
    later = msgspec.structs.replace(order, status="open")
    other = MAKE.order(ACCOUNT)
    assert newest_per_key(table_of(OrderRow), [order, other, later]) == [later, other]


def test_the_first_of_what_is_kept_is_kept() -> None:
    bar = OhlcvRow(
        id=MAKE.id(), symbol="BTC/USDT", exchange="binance", timeframe="1m", open_time=AT_NS, close_time=AT_NS,
        open_price=Decimal(1), high_price=Decimal(1), low_price=Decimal(1), close_price=Decimal(1), volume=Decimal(1),
        quote_volume=Decimal(1), trades_count=1, created_at=AT_NS,
    )  # fmt: skip
    again = msgspec.structs.replace(bar, volume=Decimal(2))
    assert newest_per_key(table_of(OhlcvRow), [bar, again]) == [bar]


def test_nothing_that_must_be_new_is_dropped() -> None:
    trade = MAKE.trade(MAKE.order(ACCOUNT))
    assert newest_per_key(table_of(TradeRow), [trade, trade]) == [trade, trade]


def test_only_rows_with_an_owner_beside_the_key_are_guarded() -> None:
    guarded = {
        table_of(kind).name for kind in (OrderRow, BalanceRow, TradeRow, AgentStatusRow) if table_of(kind).is_guarded
    }
    assert guarded == {"orders", "trading_agents"}


def test_rows_are_encoded_as_lists_of_plain_values() -> None:
    order = MAKE.order(ACCOUNT, quantity=Decimal("0.10"))
    [encoded] = orjson.loads(encode_rows([order]))
    by_column = dict(zip(OrderRow.__struct_fields__, encoded, strict=True))
    assert by_column["id"] == str(order.id)
    assert by_column["quantity"] == "0.10"
    assert by_column["created_at"] == AT_NS
    assert by_column["request"] == {"symbol": "BTCUSDT"}
    assert by_column["stop_price"] is None


def test_half_a_character_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode_rows([MAKE.order(ACCOUNT, denial_value="\ud800")])
