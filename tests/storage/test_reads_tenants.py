"""No method of the reads shows one user what belongs to another."""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.identifiers import AccountId, AgentId, ExecutorId, OrderId, UserId
from engine.messages.read_ports import (
    JournalHead,
    LedgerFilter,
    OrderFilter,
    Page,
    Reads,
    SignalFilter,
    Snapshot,
    TradeFilter,
)
from storage.reads import PostgresReads
from tests.support.postgres import PostgresDatabase
from tests.support.reading import ANN, ANN_ID, BOB, BOB_ID, World, an_order, opened_world
from tests.support.rows import write_rows
from tests.support.tenants import Tenant

PUBLIC = {"pairs", "tickers", "ohlcv", "books", "exchanges"}
CHANNELS = ("orders", "trades", "positions", "balances", "portfolio", "signals", "agents", "risk", "alerts", "control")

Ask = Callable[[PostgresReads, UserId, Tenant], Awaitable[Any]]
ASKS: dict[str, Ask] = {
    "orders": lambda reads, who, of: reads.orders(who, OrderFilter(account_id=AccountId(of.account))),
    "order": lambda reads, who, of: reads.order(who, OrderId(of.order)),
    "order_events": lambda reads, who, of: reads.order_events(who, OrderId(of.order)),
    "trades": lambda reads, who, of: reads.trades(who, TradeFilter(order_id=OrderId(of.order))),
    "ledger_entries": lambda reads, who, of: reads.ledger_entries(who, LedgerFilter(account_id=AccountId(of.account))),
    "signals": lambda reads, who, of: reads.signals(who, SignalFilter(agent_id=AgentId(of.id(3)))),
    "accounts": lambda reads, who, _: reads.accounts(who),
    "account": lambda reads, who, of: reads.account(who, AccountId(of.account)),
    "positions": lambda reads, who, of: reads.positions(who, AccountId(of.account), flat=True),
    "position": lambda reads, who, of: reads.position(who, of.id(77)),
    "balances": lambda reads, who, of: reads.balances(who, AccountId(of.account)),
    "portfolio": lambda reads, who, _: reads.portfolio(who),
    "equity_points": lambda reads, who, of: reads.equity_points(who, AccountId(of.account)),
    "snapshots": lambda reads, who, _: reads.snapshots(who),
    "reconciliations": lambda reads, who, of: reads.reconciliations(who, AccountId(of.account)),
    "discrepancies": lambda reads, who, of: reads.discrepancies(who, AccountId(of.account)),
    "discrepancy": lambda reads, who, of: reads.discrepancy(who, AccountId(of.account), of.id(78)),
    "agents": lambda reads, who, _: reads.agents(who),
    "agent": lambda reads, who, of: reads.agent(who, AgentId(of.id(3))),
    "executors": lambda reads, who, _: reads.executors(who),
    "executor": lambda reads, who, of: reads.executor(who, ExecutorId(of.id(76))),
    "halts": lambda reads, who, _: reads.halts(who),
    "halt": lambda reads, who, of: reads.halt(who, of.id(75)),
    "limits": lambda reads, who, _: reads.limits(who),
    "alerts": lambda reads, who, _: reads.alerts(who),
    "trading_states": lambda reads, who, _: reads.trading_states(who),
    "audit": lambda reads, who, _: reads.audit(who),
    "stored_answer": lambda reads, who, of: reads.stored_answer(who, f"key of {of.number}"),
    "journal_head": lambda reads, who, _: reads.journal_head(who),
    "events_since": lambda reads, who, _: reads.events_since(who, CHANNELS, 0),
    "snapshot": lambda reads, who, _: reads.snapshot(who, CHANNELS),
}
"""Each method: what `who` asks about what belongs to `of`."""


@pytest_asyncio.fixture
async def world(pg_database: PostgresDatabase) -> AsyncIterator[World]:
    async with opened_world(pg_database) as opened:
        for tenant in (ANN, BOB):
            await own_more(opened, tenant)
        yield opened


async def own_more(world: World, tenant: Tenant) -> None:
    """Name the rows that a method asks for by name, and let the one event be of the one order."""
    statements = {
        "update executors set id = $2 where user_id = $1": tenant.id(76),
        "update halts set id = $2 where user_id = $1": tenant.id(75),
        "update positions set id = $2 where user_id = $1": tenant.id(77),
        "update discrepancies set id = $2 where user_id = $1": tenant.id(78),
        "update idempotency_keys set key = $2, expires_at = now() + interval '1 hour' where user_id = $1": (
            f"key of {tenant.number}"
        ),
        "update orders set correlation_id = $2 where user_id = $1": tenant.id(5),
        "insert into events (user_id, seq, channel, prev_seq, unit_id, type, correlation_id, payload, at) "
        "select $1, 2, 'orders', 1, id, 'OrderFilled', correlation_id, jsonb_build_object('id', id), now() "
        "from orders where user_id = $1 and correlation_id = $2": tenant.id(5),
    }
    for statement, value in statements.items():
        await world.daemon.execute(statement, tenant.user, value)


def text_of(answer: Any) -> str:
    """Return everything in an answer as text, ids in their usual form."""
    if isinstance(answer, Page):
        return answer.items.decode()
    if isinstance(answer, Snapshot):
        return json.dumps({channel: text.decode() for channel, text in answer.data.items()})
    return answer.decode() if isinstance(answer, bytes) else repr(answer)


def mentions(answer: Any, tenant: Tenant) -> bool:
    """Say whether an answer holds an id of the tenant: of its user, or of any row made for it."""
    prefix = str(UUID(int=tenant.number << 64))[:18]
    return prefix in text_of(answer) or f"key of {tenant.number}" in text_of(answer)


def test_every_method_is_asked_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Reads, inspect.isfunction) if not name.startswith("_")}
    assert methods == set(ASKS) | PUBLIC


@pytest.mark.asyncio
@pytest.mark.parametrize("name", sorted(set(ASKS) - {"journal_head", "stored_answer"}))
async def test_a_user_sees_its_own_rows_and_none_of_another(world: World, name: str) -> None:
    ask = ASKS[name]
    assert mentions(await ask(world.reads, ANN_ID, ANN), ANN)
    answers = [await ask(world.reads, ANN_ID, ANN), await ask(world.reads, ANN_ID, BOB)]
    assert [mentions(answer, BOB) for answer in answers] == [False, False]
    assert mentions(await ask(world.reads, BOB_ID, BOB), BOB)


@pytest.mark.asyncio
async def test_a_stored_answer_belongs_to_its_user(world: World) -> None:
    assert await world.reads.stored_answer(ANN_ID, "key of 1") is not None
    assert await world.reads.stored_answer(ANN_ID, "key of 2") is None


@pytest.mark.asyncio
async def test_a_journal_has_its_own_numbers(world: World) -> None:
    await world.daemon.execute("update stream_heads set seq = 99 where user_id = $1", BOB.user)
    assert await world.reads.journal_head(ANN_ID) == JournalHead(oldest=1, last=1)
    assert (await world.reads.journal_head(BOB_ID)).last == 99
    assert (await world.reads.snapshot(ANN_ID, ())).seq == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("name", sorted(ASKS))
async def test_a_user_without_rows_gets_an_empty_answer(world: World, name: str) -> None:
    answer = await ASKS[name](world.reads, UserId(UUID(int=7 << 64)), ANN)
    assert not mentions(answer, ANN)
    assert not mentions(answer, BOB)


@pytest.mark.asyncio
async def test_the_policies_hold_even_if_a_statement_asks_for_another(world: World) -> None:
    """The user of the statement and of the transaction are one argument; here they differ on purpose."""
    await write_rows(world.daemon, an_order(1, BOB))
    sql = world.reads._sql["orders"]
    world.reads._sql = {"orders": sql.replace("t.user_id = $1", "($1::uuid IS NOT NULL)")}
    page = await world.reads.orders(ANN_ID, OrderFilter())
    assert mentions(page, ANN)
    assert not mentions(page, BOB)
