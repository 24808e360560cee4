"""Each read gives what its port promises: which rows, in which order, under which names."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from engine.domain.errors import BadInput, DependencyAway
from engine.domain.identifiers import AccountId, AgentId, OrderId, UserId
from engine.messages import rows, rows_people
from engine.messages.read_ports import LedgerFilter, OrderFilter, PageRequest, SignalFilter, StoredAnswer, TradeFilter
from engine.messages.render import render_row
from storage.pool import open_pool
from storage.reads import PostgresReads
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase, PostgresServer, start_server
from tests.support.reading import ANN, ANN_ID, START_NS, S, World, a_trade, an_order, items, opened_world, values
from tests.support.rows import write_rows

ACCOUNT = AccountId(ANN.account)


@pytest_asyncio.fixture
async def world(pg_database: PostgresDatabase) -> AsyncIterator[World]:
    async with opened_world(pg_database) as opened:
        yield opened


def rendered(*shown: rows.Row, without: str = "") -> list[dict[str, Any]]:
    """Return rows as the journal shows them."""
    found = [json.loads(render_row(row)) for row in shown]
    return [{column: value for column, value in row.items() if column != without} for row in found]


@pytest.mark.asyncio
async def test_an_order_is_shown_whole_alone_and_without_its_request_in_a_list(world: World) -> None:
    order = an_order(1, request={"symbol": "BTCUSDT", "price": "100"}, price="0.000000000000000001")
    await write_rows(world.daemon, order)
    one = await world.reads.order(ANN_ID, OrderId(order.id))
    assert one is not None
    assert [json.loads(one)] == rendered(order)
    listed = await world.reads.orders(ANN_ID, OrderFilter(client_order_id="mine-1"))
    assert items(listed) == rendered(order, without="request")
    assert json.loads(listed.body) == {"items": items(listed), "next_cursor": None}
    assert await world.reads.order(ANN_ID, OrderId(ANN.id(99))) is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("where", "found"),
    [
        (OrderFilter(account_id=AccountId(ANN.id(99))), []),
        (OrderFilter(symbol="ETH/USDT"), [2]),
        (OrderFilter(agent_id=AgentId(ANN.id(3))), [3]),
        (OrderFilter(status=("filled", "cancelled")), [4]),
        (OrderFilter(client_order_id="mine-3"), [3]),
        (OrderFilter(since_ns=START_NS + 2 * S, until_ns=START_NS + 4 * S), [3, 2]),
        (OrderFilter(account_id=ACCOUNT, symbol="BTC/USDT", status=("open",), since_ns=START_NS), [3, 1]),
    ],
)
async def test_a_filter_of_orders_matches_all_that_it_names(world: World, where: OrderFilter, found: list[int]) -> None:
    await write_rows(
        world.daemon, an_order(1), an_order(2, symbol="ETH/USDT"), an_order(3, agent_id=ANN.id(3), origin="agent"),
        an_order(4, status="filled", lifecycle="done", done_reason="filled"),
    )  # fmt: skip
    assert [name for name in values(await world.reads.orders(ANN_ID, where), "client_order_id") if "mine" in name] == [
        f"mine-{number}" for number in found
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("where", "found"),
    [
        (TradeFilter(), ["t-3", "t-2", "t-1"]),
        (TradeFilter(order_id=OrderId(ANN.id(1_002))), ["t-3"]),
        (TradeFilter(symbol="ETH/USDT"), ["t-3"]),
        (TradeFilter(account_id=ACCOUNT, since_ns=START_NS + S, until_ns=START_NS + 3 * S), ["t-2", "t-1"]),
    ],
)
async def test_a_filter_of_trades_matches_all_that_it_names(world: World, where: TradeFilter, found: list[str]) -> None:
    first, second = an_order(1), an_order(2, symbol="ETH/USDT")
    trades = [a_trade(1, first), a_trade(2, first), a_trade(3, second, fees="-0.000000000000000001")]
    await write_rows(world.daemon, first, second, *trades)
    page = await world.reads.trades(ANN_ID, where)
    assert [name for name in values(page, "external_trade_id") if name.startswith("t-")] == found
    named = {trade.external_trade_id: trade for trade in trades}
    assert [item for item in items(page) if item["external_trade_id"] in named] == rendered(*map(named.get, found))  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_the_journal_of_an_order_is_all_that_names_it_oldest_first(world: World) -> None:
    """One correlation may span orders: a batch, a close, the orders of one signal."""
    order = an_order(1)
    sibling = an_order(2, correlation_id=order.correlation_id)
    trade = a_trade(1, order)
    cancel = rows.OrderRequestRow(
        id=ANN.id(50), user_id=ANN.user, account_id=ANN.account, order_id=order.id, kind="cancel", state="requested",
        reason=None, answer_code=None, correlation_id=order.correlation_id, created_at=START_NS, updated_at=START_NS,
    )  # fmt: skip
    alarm = rows_people.RiskAlertRow(
        id=ANN.id(51), user_id=ANN.user, alert_type="overfill", severity="critical", message="m",
        data={"order_id": str(order.id)}, created_at=START_NS,
    )  # fmt: skip
    entry = rows.PositionRow(
        id=ANN.id(52), user_id=ANN.user, account_id=ANN.account, symbol="BTC/USDT", position_side="net",
        size=Decimal(1), average_price=Decimal(1), mark_price=None, market_value=None, unrealized_pnl=None,
        realized_pnl=Decimal(0), fees_paid=Decimal(0), exchange="simulated", updated_at=START_NS,
    )  # fmt: skip
    await write_rows(world.daemon, order, sibling, trade)
    told: list[tuple[str, rows.Row]] = [
        ("orders", order), ("orders", sibling), ("orders", cancel), ("trades", trade), ("trades", a_trade(2, sibling)),
        ("positions", entry), ("alerts", alarm), ("orders", msgspec.structs.replace(order, status="filled")),
    ]  # fmt: skip
    for seq, (channel, row) in enumerate(told, 2):
        await world.daemon.execute(
            "insert into events (user_id, seq, channel, prev_seq, unit_id, type, payload, correlation_id, at) "
            "values ($1, $2::bigint, $3, $2 - 1, $4, 'Happened', $5, $6, $7)",
            ANN.user, seq, channel, order.id, render_row(row).decode(), order.correlation_id, START_NS + seq * S,
        )  # fmt: skip
    page = await world.reads.order_events(ANN_ID, OrderId(order.id))
    assert values(page, "seq") == [None, None, 2, 4, 5, 8, 9]
    assert items(page)[2] == {
        "seq": 2, "prev": 1, "channel": "orders", "type": "Happened", "at": "2026-01-15T12:00:02.000000Z",
        "data": rendered(order)[0],
    }  # fmt: skip
    assert items(page)[4]["data"] == rendered(trade)[0]
    assert items(await world.reads.order_events(ANN_ID, OrderId(ANN.id(99)))) == []
    await world.daemon.execute(
        "insert into ledger_entries (user_id, account_id, kind, trade_id, order_id, correlation_id, at) "
        "values ($1, $2, 'fill', $3, $4, $5, $6)",
        ANN.user, ANN.account, trade.id, order.id, order.correlation_id, START_NS + S,
    )  # fmt: skip
    booked = items(await world.reads.order_events(ANN_ID, OrderId(order.id)))[-1]
    assert (booked["channel"], booked["seq"], booked["data"]["trade_id"]) == ("ledger", None, str(trade.id))
    assert booked["data"]["correlation_id"] == str(order.correlation_id)


async def tell(world: World, seq: int, channel: str, kind: str, row: rows.Row, led: UUID, cause: UUID | None) -> None:
    await world.daemon.execute(
        "insert into events (user_id, seq, channel, prev_seq, unit_id, type, payload, correlation_id, causation_id, at)"
        " values ($1, $2::bigint, $3, $2 - 1, $4, $5, $6, $7, $8, $9)",
        ANN.user, seq, channel, ANN.id(70), kind, render_row(row).decode(), led, cause, START_NS + seq * S,
    )  # fmt: skip


def a_signal(number: int, correlation_id: UUID, symbol: str = "BTC/USDT") -> rows.SignalRow:
    return rows.SignalRow(
        id=ANN.id(number), user_id=ANN.user, strategy_id=None, agent_id=ANN.id(3), symbol=symbol, action="buy",
        strength=Decimal(1), price=Decimal(1), confidence=Decimal(1), reasoning=None, metadata=None,
        correlation_id=correlation_id, created_at=START_NS,
    )  # fmt: skip


@pytest.mark.asyncio
async def test_the_story_of_an_order_goes_from_its_signal_over_decision_and_verdict_to_the_ledger(world: World) -> None:
    signal = a_signal(71, ANN.id(80))
    order = an_order(
        1, signal_id=signal.id, origin="agent", correlation_id=ANN.id(80), send_by=START_NS, intent_key="agent:1:7:a",
        request={"quantity": "2", "price": "9.5"}, price=Decimal(10),
    )  # fmt: skip
    trade = a_trade(1, order)
    await write_rows(world.daemon, order, trade)
    await tell(world, 2, "orders", "OrderSubmitting", order, ANN.id(80), None)
    await tell(world, 3, "signals", "SignalGenerated", signal, ANN.id(80), None)
    await tell(world, 4, "trades", "TradeBooked", trade, ANN.id(80), None)
    await world.daemon.execute(
        "insert into ledger_entries (user_id, account_id, kind, trade_id, order_id, at) "
        "values ($1, $2, 'fill', $3, $4, $5)",
        ANN.user, ANN.account, trade.id, order.id, START_NS,
    )  # fmt: skip
    story = items(await world.reads.order_events(ANN_ID, OrderId(order.id)))
    assert [(each["channel"], each["type"], each["seq"]) for each in story] == [
        ("signals", "SignalGenerated", 3), ("decisions", "IntentDecided", None), ("risk", "IntentPassed", None),
        ("orders", "OrderSubmitting", 2), ("trades", "TradeBooked", 4), ("ledger", "LedgerEntryBooked", None),
    ]  # fmt: skip
    decided, verdict = story[1]["data"], story[2]["data"]
    assert (decided["intent_key"], decided["origin"], decided["signal_id"]) == (
        "agent:1:7:a", "agent", str(signal.id),
    )  # fmt: skip
    assert (decided["quantity"], decided["price"]) == ("2", "9.5"), "as it was decided, not as it was amended"
    assert (verdict["code"], verdict["count"], verdict["correlation_id"]) == (None, 0, str(ANN.id(80)))


@pytest.mark.asyncio
async def test_a_denial_that_takes_repeats_tells_of_each_and_of_the_signal_behind_it(world: World) -> None:
    first, second, elsewhere = a_signal(71, ANN.id(80)), a_signal(72, ANN.id(81)), a_signal(73, ANN.id(81), "ETH/USDT")
    denied: dict[str, Any] = {
        "status": "rejected", "status_detail": "denied", "lifecycle": "done", "done_reason": "denied", "send_by": None,
        "denial_code": "order_notional", "denial_limit": "5", "denial_value": "6",
    }  # fmt: skip
    order = an_order(
        1, signal_id=first.id, origin="agent", correlation_id=ANN.id(80), denial_count=2, last_intent_key="k2", **denied
    )
    await write_rows(world.daemon, order)
    await tell(world, 2, "signals", "SignalGenerated", first, ANN.id(80), None)
    await tell(world, 3, "orders", "OrderDenied", order, ANN.id(80), ANN.id(80))
    await tell(world, 4, "signals", "SignalGenerated", second, ANN.id(81), None)
    await tell(world, 5, "signals", "SignalGenerated", elsewhere, ANN.id(81), None)
    await tell(world, 6, "orders", "OrderDenied", order, ANN.id(80), ANN.id(81))
    story = items(await world.reads.order_events(ANN_ID, OrderId(order.id)))
    assert [(each["channel"], each["type"], each["seq"]) for each in story] == [
        ("signals", "SignalGenerated", 2), ("decisions", "IntentDecided", None), ("risk", "IntentDenied", None),
        ("orders", "OrderDenied", 3), ("signals", "SignalGenerated", 4), ("orders", "OrderDenied", 6),
    ]  # fmt: skip
    verdict = story[2]["data"]
    assert [verdict[name] for name in ("code", "limit", "value", "count", "last_intent_key")] == [
        "order_notional", "5", "6", 2, "k2",
    ]  # fmt: skip
    refused = an_order(2, origin="external")
    await write_rows(world.daemon, refused)
    assert items(await world.reads.order_events(ANN_ID, OrderId(refused.id))) == [], "nobody here decided on it"


@pytest.mark.asyncio
async def test_a_ledger_entry_has_its_lines_in_order(world: World) -> None:
    order = an_order(1)
    entry = rows.LedgerEntryRow(
        id=ANN.id(60), user_id=ANN.user, account_id=ANN.account, kind="fill", order_id=order.id, trade_id=None,
        memo='a "}" b', correlation_id=None, at=START_NS + S,
    )  # fmt: skip
    amounts = ("0.000000000000000001", "-0.000000000000000001", "0")
    lines = [
        rows.LedgerLineRow(
            entry_id=entry.id, line_no=number, user_id=ANN.user, account_id=ANN.account, asset="ETH",
            ledger_account=f"assets:{number}", amount=Decimal(amount),
        )
        for number, amount in enumerate(amounts)
    ]  # fmt: skip
    await write_rows(world.daemon, order, entry, *reversed(lines))
    page = await world.reads.ledger_entries(ANN_ID, LedgerFilter(order_id=OrderId(order.id), since_ns=START_NS))
    expected = [
        {"line_no": number, "ledger_account": f"assets:{number}", "asset": "ETH", "amount": amount}
        for number, amount in enumerate(amounts)
    ]
    assert items(page) == [{**rendered(entry)[0], "lines": expected}]
    assert values(await world.reads.ledger_entries(ANN_ID, LedgerFilter()), "kind") == ["fill", "opening"]
    bare = msgspec.structs.replace(entry, id=ANN.id(61), at=START_NS - S)
    await write_rows(world.daemon, bare)
    assert items(await world.reads.ledger_entries(ANN_ID, LedgerFilter(until_ns=START_NS)))[0]["lines"] == []


@pytest.mark.asyncio
async def test_signals_are_found_by_agent_symbol_and_time(world: World) -> None:
    signal = rows.SignalRow(
        id=ANN.id(70), user_id=ANN.user, strategy_id=None, agent_id=None, symbol="ETH/USDT", action="sell",
        strength=Decimal("80.5"), price=Decimal("1E-18"), confidence=Decimal("0.5"), reasoning=None,
        metadata={"fast": 1.5}, correlation_id=ANN.id(71), created_at=START_NS + 5 * S,
    )  # fmt: skip
    await write_rows(world.daemon, signal)
    for where in (SignalFilter(symbol="ETH/USDT"), SignalFilter(since_ns=START_NS + S, until_ns=START_NS + 6 * S)):
        assert items(await world.reads.signals(ANN_ID, where)) == rendered(signal)
    assert values(await world.reads.signals(ANN_ID, SignalFilter(agent_id=AgentId(ANN.id(3)))), "symbol") == [
        "BTC/USDT"
    ]
    assert values(await world.reads.signals(ANN_ID, SignalFilter()), "symbol") == ["ETH/USDT", "BTC/USDT"]


@pytest.mark.asyncio
async def test_positions_are_those_with_a_size_by_symbol(world: World) -> None:
    await world.daemon.execute(
        "insert into positions (id, user_id, account_id, symbol, size, average_price, exchange) values "
        "($1, $2, $3, 'AAA/USDT', -1, 5, 'v'), (gen_random_uuid(), $2, $3, 'ZZZ/USDT', 0, 0, 'v')",
        ANN.id(80), ANN.user, ANN.account,
    )  # fmt: skip
    assert values(await world.reads.positions(ANN_ID), "symbol") == ["AAA/USDT", "BTC/USDT"]
    everything = await world.reads.positions(ANN_ID, ACCOUNT, flat=True)
    assert values(everything, "symbol") == ["AAA/USDT", "BTC/USDT", "ZZZ/USDT"]
    assert values(await world.reads.positions(ANN_ID, symbol="AAA/USDT"), "size") == ["-1"]
    one = await world.reads.position(ANN_ID, ANN.id(80))
    assert one is not None
    assert json.loads(one) == items(everything)[0]
    assert await world.reads.position(ANN_ID, ANN.id(99)) is None


@pytest.mark.asyncio
async def test_accounts_and_balances_are_shown_without_what_only_the_engine_needs(world: World) -> None:
    account = json.loads(await world.reads.account(ANN_ID, ACCOUNT) or b"")
    assert [account] == items(await world.reads.accounts(ANN_ID))
    assert set(account) == set(rows_people.AccountRow.__struct_fields__) - {"config_hash"}
    assert values(await world.reads.balances(ANN_ID, ACCOUNT), "free") == ["5"]
    assert items(await world.reads.balances(ANN_ID, AccountId(ANN.id(99)))) == []


@pytest.mark.asyncio
async def test_an_agent_shows_its_state_alone_and_is_gone_when_deleted(world: World) -> None:
    agent_id = AgentId(ANN.id(3))
    await write_rows(
        world.daemon,
        rows.AgentStateRow(
            id=agent_id, user_id=ANN.user, state={"ema": "1.5"}, input_position=7, last_decision_at=START_NS + 1_000,
            updated_at=START_NS,
        ),
    )  # fmt: skip
    one = json.loads(await world.reads.agent(ANN_ID, agent_id) or b"")
    assert (one["state"], one["input_position"]) == ({"ema": "1.5"}, 7)
    listed = items(await world.reads.agents(ANN_ID))
    assert listed[0]["last_decision_at"] == "2026-01-15T12:00:00.000001Z"
    assert set(listed[0]) == set(rows.AgentRow.__struct_fields__) - {"config_hash"} | {
        "status_reason", "last_decision_at",
    }  # fmt: skip
    await world.daemon.execute("update trading_agents set deleted_at = now()")
    assert await world.reads.agent(ANN_ID, agent_id) is None
    assert items(await world.reads.agents(ANN_ID)) == []


@pytest.mark.asyncio
async def test_limits_alerts_and_states_are_shown_whole(world: World) -> None:
    assert values(await world.reads.limits(ANN_ID), "limit_value") == ["100"]
    assert values(await world.reads.alerts(ANN_ID), "acknowledged") == [False]
    assert values(await world.reads.trading_states(ANN_ID), "scope_id") == [str(ANN.user)]
    assert values(await world.reads.audit(ANN_ID), "action") == ["login"]
    assert values(await world.reads.snapshots(ANN_ID), "snapshot_date") == ["2026-01-15"]
    assert values(await world.reads.reconciliations(ANN_ID, ACCOUNT), "trigger") == ["start"]
    assert values(await world.reads.discrepancies(ANN_ID, ACCOUNT), "ours") == [None]


@pytest.mark.asyncio
async def test_a_stored_answer_is_given_until_it_expires(world: World) -> None:
    row = rows_people.IdempotencyRow(
        user_id=ANN.user, key="mine", request_hash="h" * 64, status_code=201, object_type="order", object_id="7",
        answer={"ids": [1, "2"]}, created_at=START_NS, expires_at=4_000_000_000 * S,
    )  # fmt: skip
    await write_rows(world.daemon, row, msgspec.structs.replace(row, key="empty", answer=None))
    assert await world.reads.stored_answer(ANN_ID, "mine") == StoredAnswer(
        request_hash="h" * 64, status_code=201, object_type="order", object_id="7", answer={"ids": [1, "2"]}
    )
    empty = await world.reads.stored_answer(ANN_ID, "empty")
    assert empty is not None
    assert empty.answer is None
    await world.daemon.execute("update idempotency_keys set expires_at = now() where key = 'mine'")
    assert await world.reads.stored_answer(ANN_ID, "mine") is None


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["a\0", "\ud800"])
async def test_text_that_the_database_cannot_hold_is_refused(world: World, text: str) -> None:
    with pytest.raises(BadInput, match="filter"):
        await world.reads.orders(ANN_ID, OrderFilter(symbol=text))
    with pytest.raises(BadInput, match="filter"):
        await world.reads.orders(ANN_ID, OrderFilter(status=(text,)))
    with pytest.raises(BadInput, match="filter"):
        await world.reads.positions(ANN_ID, symbol=text)
    with pytest.raises(BadInput, match="filter"):
        await world.reads.stored_answer(ANN_ID, text)
    with pytest.raises(BadInput, match="filter"):
        await world.reads.tickers(text)
    with pytest.raises(BadInput, match="filter"):
        await world.reads.events_since(ANN_ID, (text,), 0)


@pytest.mark.asyncio
async def test_a_hostile_filter_is_only_a_text(world: World) -> None:
    hostile = "x' or true --"
    assert items(await world.reads.orders(ANN_ID, OrderFilter(symbol=hostile, client_order_id=hostile))) == []
    assert await world.reads.snapshot(ANN_ID, (hostile,)) is not None


@pytest.mark.asyncio
async def test_a_stopped_server_is_away_and_reads_go_on_when_it_is_back(
    pg_server: PostgresServer, tmp_path: Path
) -> None:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    pool = await open_pool(server.endpoints(), DatabaseRole.API, size=1)
    reads = PostgresReads(pool)
    who = UserId(ANN.user)
    assert items(await reads.orders(who, OrderFilter())) == []
    await server.stop()
    with pytest.raises(DependencyAway):
        await reads.orders(who, OrderFilter(), PageRequest())
    with pytest.raises(DependencyAway):
        await reads.exchanges()
    server = await start_server(tmp_path)
    assert items(await reads.orders(who, OrderFilter())) == []
    pool.terminate()
    await server.stop()
