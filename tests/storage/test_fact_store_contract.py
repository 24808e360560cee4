"""What every store of facts keeps, whatever it is made of."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import orjson
import pytest

from engine.messages.rows import (
    AgentRow,
    AgentStateRow,
    AgentStatusRow,
    LedgerEntryRow,
    LedgerLineRow,
    OrderRow,
    Row,
    TradeRow,
)
from engine.messages.rows_paper import PaperBalanceRow
from engine.messages.rows_people import AccountRow, UserRow
from tests.support.fact_stores import Bench, a_cell
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio


async def test_a_unit_stores_its_rows_and_events(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    unit = cell.order_unit()
    [result] = await bench.commit(unit)
    assert result.refused is None
    assert result.answer is not None
    assert (result.answer.first_seq, result.answer.last_seq) == (1, 1)
    stored = await bench.stored(OrderRow, unit.rows[0].id)  # type: ignore[attr-defined]
    assert stored is not None
    assert stored["quantity"] == Decimal("0.010")
    assert stored["created_at"] == AT_NS
    [event] = await bench.journal(cell.user_id)
    assert (event.seq, event.prev, event.channel, event.type) == (1, 0, "orders", "OrderSubmitting")
    assert orjson.loads(event.data)["created_at"] == "2024-08-09T07:00:00.123456Z"
    assert result.events == (msgspec.structs.replace(event, data=result.events[0].data),)


async def test_an_empty_unit_commits(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    [result] = await bench.commit(cell.unit())
    assert result.answer is not None
    assert result.answer.first_seq is None
    assert await bench.journal(cell.user_id) == []


async def test_no_units_are_no_work(bench: Bench) -> None:
    assert await bench.commit() == []


async def test_numbers_have_no_holes_and_prev_follows_the_channel(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    order = make.order(cell.account)
    channels = [["orders", "trades"], ["positions"], ["orders"], ["trades", "trades", "orders"]]
    units = [cell.unit(events=tuple(make.event(order, channel) for channel in each)) for each in channels]
    results = [*await bench.commit(*units[:2]), *await bench.commit(*units[2:])]
    events = [event for result in results for event in result.events]
    assert [(event.channel, event.seq, event.prev) for event in events] == [
        ("orders", 1, 0), ("trades", 2, 0), ("positions", 3, 0), ("orders", 4, 1), ("trades", 5, 2), ("trades", 6, 5),
        ("orders", 7, 4),
    ]  # fmt: skip
    assert [event.seq for event in await bench.journal(cell.user_id)] == [1, 2, 3, 4, 5, 6, 7]


async def test_each_user_counts_alone(bench: Bench, make: UnitMaker) -> None:
    one, two = await a_cell(bench, make), await a_cell(bench, make)
    results = await bench.commit(one.order_unit(), two.order_unit(), one.order_unit(), two.order_unit())
    assert [result.events[0].seq for result in results] == [1, 1, 2, 2]


async def test_the_newest_state_of_a_row_wins_within_a_batch(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    first = cell.order_unit()
    order = first.rows[0]
    assert isinstance(order, OrderRow)
    second = cell.again(order, status="open", lifecycle="working", status_detail=None, external_order_id="7")
    await bench.commit(first, second)
    stored = await bench.stored(OrderRow, order.id)
    assert stored is not None
    assert (stored["status"], stored["external_order_id"]) == ("open", "7")


async def test_a_later_state_replaces_the_row_but_not_its_birth(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    first = cell.order_unit()
    order = first.rows[0]
    assert isinstance(order, OrderRow)
    await bench.commit(first)
    await bench.commit(cell.again(order, status="open", lifecycle="working", created_at=AT_NS + 5_000_000_000))
    stored = await bench.stored(OrderRow, order.id)
    assert stored is not None
    assert (stored["status"], stored["created_at"]) == ("open", AT_NS)


async def test_a_repeated_batch_changes_nothing_and_answers_the_same(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    order_unit = cell.order_unit()
    order = order_unit.rows[0]
    assert isinstance(order, OrderRow)
    trade_unit = cell.unit(make.trade(order), events=(make.event(order, "trades"), make.event(order)))
    first = await bench.commit(order_unit, trade_unit)
    again = await bench.commit(order_unit, trade_unit)
    assert [result.answer for result in again] == [result.answer for result in first]
    # Byte for byte: a client that replays reads what it would have read then.
    assert [[(e.seq, e.prev, e.type, e.data) for e in r.events] for r in again] == [
        [(e.seq, e.prev, e.type, e.data) for e in r.events] for r in first
    ]
    assert len(await bench.journal(cell.user_id)) == 3


async def test_a_batch_may_hold_new_units_behind_committed_ones(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    known, new = cell.order_unit(), cell.order_unit()
    await bench.commit(known)
    results = await bench.commit(known, new)
    assert [result.events[0].seq for result in results] == [1, 2]
    assert len(await bench.journal(cell.user_id)) == 2


BadRow = Callable[[UnitMaker, TestCell, OrderRow, TradeRow], Row]

BAD_ROWS: dict[str, BadRow] = {
    "a number that is none": lambda make, cell, *_: make.order(cell.account, quantity=Decimal("NaN")),
    "a number without end": lambda make, cell, *_: make.order(cell.account, price=Decimal("Infinity")),
    "a text with U+0000": lambda make, cell, *_: make.order(cell.account, denial_value="a\0b"),
    "a json text with U+0000": lambda make, cell, *_: make.order(cell.account, request={"a": ["\0"]}),
    "half a character": lambda make, cell, *_: make.order(cell.account, denial_value="\ud800"),
    "what is no json": lambda make, cell, *_: make.order(cell.account, request={"a": object()}),
    "a repeated intent": lambda make, cell, order, _: make.order(cell.account, intent_key=order.intent_key),
    "a repeated client id": lambda make, cell, order, _: make.order(
        cell.account, client_order_id=order.client_order_id
    ),
    "a repeated trade": lambda make, _, order, trade: make.trade(order, external_trade_id=trade.external_trade_id),
    "a trade that is there": lambda make, _, order, trade: make.trade(order, id=trade.id),
    "an agent that is not there": lambda make, cell, *_: AgentStatusRow(
        id=make.id(), user_id=cell.user_id, status="active", status_reason=None, updated_at=AT_NS
    ),
    "a table of the venue": lambda _, cell, *__: PaperBalanceRow(
        account_id=cell.account_id, asset="BTC", free=Decimal(1), locked=Decimal(0)
    ),
}


@pytest.mark.parametrize("what", BAD_ROWS)
async def test_bad_data_is_refused_alone(bench: Bench, make: UnitMaker, what: str) -> None:
    bad_cell, good_cell = await a_cell(bench, make), await a_cell(bench, make)
    first = bad_cell.order_unit()
    order = first.rows[0]
    assert isinstance(order, OrderRow)
    trade = make.trade(order)
    await bench.commit(first, bad_cell.unit(trade))
    good_row = make.order(bad_cell.account)
    units = [
        good_cell.order_unit(),
        bad_cell.order_unit(),
        bad_cell.unit(good_row, BAD_ROWS[what](make, bad_cell, order, trade), events=(make.event(good_row),)),
        good_cell.order_unit(),
        bad_cell.order_unit(),
    ]
    results = await bench.commit(*units)
    assert [result.refused for result in results] == [None, None, "bad_data", None, "bad_data"]
    assert all(result.detail for result in results if result.refused)
    assert await bench.stored(OrderRow, good_row.id) is None
    assert [event.seq for event in await bench.journal(bad_cell.user_id)] == [1, 2]
    assert [event.seq for event in await bench.journal(good_cell.user_id)] == [1, 2]


async def test_what_is_behind_bad_data_is_refused_in_another_transaction_too(
    bench: Bench, make: UnitMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.commit_plan.ROWS_MAX", 1)  # Each unit in a transaction of its own.
    cell, other = await a_cell(bench, make), await a_cell(bench, make)
    bad = cell.unit(make.order(cell.account, price=Decimal("NaN")))
    results = await bench.commit(cell.order_unit(), bad, other.order_unit(), cell.order_unit())
    assert [result.refused for result in results] == [None, "bad_data", None, "bad_data"]
    assert len(await bench.journal(cell.user_id)) == 1


async def test_a_bad_unit_on_its_own_leaves_nothing(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    order = make.order(cell.account)
    unit = cell.unit(order, make.order(cell.account, price=Decimal("NaN")), events=(make.event(order),))
    [result] = await bench.commit(unit)
    assert (result.refused, result.answer) == ("bad_data", None)
    assert await bench.stored(OrderRow, order.id) is None
    assert await bench.journal(cell.user_id) == []


@pytest.mark.parametrize(
    "data",
    [{"a": object()}, {"a": ["b\0"]}, {"\0": 1}, {"a": "\\\0"}],
    ids=["no json", "in a value", "in a key", "behind a backslash"],
)
async def test_a_bad_event_is_bad_data(bench: Bench, make: UnitMaker, data: dict[str, object]) -> None:
    cell = await a_cell(bench, make)
    results = await bench.commit(cell.order_unit(), cell.unit(events=(make.event(data),)), make.unit(cell.user_id))
    assert [result.refused for result in results] == [None, "bad_data", None]


async def test_a_backslash_before_u0000_is_only_text(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    [result] = await bench.commit(cell.unit(events=(make.event({"a": "\\u0000 \\\\u0000"}),)))
    assert result.refused is None


async def test_an_entry_that_does_not_balance_is_bad_data(bench: Bench, make: UnitMaker) -> None:
    cell, other = await a_cell(bench, make), await a_cell(bench, make)
    entry = LedgerEntryRow(
        id=make.id(), user_id=cell.user_id, account_id=cell.account_id, kind="opening", order_id=None, trade_id=None,
        memo=None, correlation_id=None, at=AT_NS,
    )  # fmt: skip
    lines = tuple(
        LedgerLineRow(
            entry_id=entry.id, line_no=number, user_id=cell.user_id, account_id=cell.account_id, ledger_account=name,
            asset="BTC", amount=amount,
        )
        for number, (name, amount) in enumerate([("assets:free", Decimal(1)), ("equity:opening", Decimal("-0.99"))])
    )  # fmt: skip
    results = await bench.commit(cell.unit(entry, *lines), other.order_unit())
    assert [result.refused for result in results] == ["bad_data", None]
    assert await bench.stored(LedgerEntryRow, entry.id) is None


async def test_a_unit_under_an_older_fence_is_refused(bench: Bench, make: UnitMaker) -> None:
    cell, other = await a_cell(bench, make), await a_cell(bench, make)
    old = cell.order_unit()
    cell.begin(await bench.take_lease(cell.user_id))
    results = await bench.commit(old, other.order_unit(), cell.order_unit())
    assert [result.refused for result in results] == ["fenced", None, None]
    assert [event.seq for event in await bench.journal(cell.user_id)] == [1]


async def test_a_unit_without_any_lease_is_refused(bench: Bench, make: UnitMaker) -> None:
    cell = TestCell(make)
    await bench.commit(cell.birth())
    cell.begin(1)
    assert [result.refused for result in await bench.commit(cell.order_unit())] == ["fenced"]


async def test_units_without_a_cell_need_no_lease(bench: Bench, make: UnitMaker) -> None:
    user = make.user()
    [result] = await bench.commit(make.unit(user.id, (user,), (make.event({"a": 1}, "control"),)))
    assert result.refused is None
    assert [event.channel for event in result.events] == ["control"]


async def test_a_number_is_used_once_per_fence(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    await bench.commit(cell.order_unit())
    cell.n = 0
    assert [result.refused for result in await bench.commit(cell.order_unit())] == ["bad_data"]


async def test_a_row_never_changes_hands(bench: Bench, make: UnitMaker) -> None:
    mine, yours = await a_cell(bench, make), await a_cell(bench, make)
    first = mine.order_unit()
    await bench.commit(first)
    order = first.rows[0]
    assert isinstance(order, OrderRow)
    stolen = make.order(yours.account, id=order.id)
    assert [result.refused for result in await bench.commit(yours.unit(stolen))] == ["bad_data"]
    stored = await bench.stored(OrderRow, order.id)
    assert stored is not None
    assert stored["user_id"] == mine.user_id


async def test_state_and_status_of_an_agent_change_apart(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    agent = make.agent(cell.account)
    state = AgentStateRow(
        id=agent.id, user_id=cell.user_id, state={"ema": "1.5"}, input_position=7, last_decision_at=AT_NS,
        updated_at=AT_NS,
    )  # fmt: skip
    status = AgentStatusRow(id=agent.id, user_id=cell.user_id, status="active", status_reason=None, updated_at=AT_NS)
    renamed = msgspec.structs.replace(agent, name="renamed", status="paused")
    results = await bench.commit(cell.unit(agent), cell.unit(status), cell.unit(state), cell.unit(renamed))
    assert [result.refused for result in results] == [None] * 4
    stored = await bench.stored(AgentRow, agent.id)
    assert stored is not None
    assert (stored["name"], stored["status"], stored["input_position"]) == ("renamed", "paused", 7)


async def test_decimals_and_times_come_back_exactly(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    order = make.order(
        cell.account, quantity=Decimal("1E-18"), price=Decimal("12345678901234567890.123456789012345678"),
        stop_price=Decimal("1E+3"), updated_at=AT_NS + 999_000,
    )  # fmt: skip
    await bench.commit(cell.unit(order))
    stored = await bench.stored(OrderRow, order.id)
    assert stored is not None
    assert stored["quantity"] == order.quantity
    assert stored["price"] == order.price
    assert stored["stop_price"] == order.stop_price
    assert stored["updated_at"] == order.updated_at


async def test_a_batch_of_many_units_keeps_their_order(bench: Bench, make: UnitMaker) -> None:
    cell = await a_cell(bench, make)
    units = [cell.order_unit() for _ in range(1_200)]
    results = await bench.commit(*units)
    assert [result.unit.id for result in results] == [unit.id for unit in units]
    assert [result.events[0].seq for result in results] == list(range(1, 1_201))


async def test_a_new_user_and_all_that_is_theirs_fit_one_unit(bench: Bench, make: UnitMaker) -> None:
    user = make.user()
    account = make.account(user.id)
    order = make.order(account)
    unit = make.unit(user.id, (make.trade(order), order, make.agent(account), account, user))
    assert [result.refused for result in await bench.commit(unit)] == [None]
    assert await bench.stored(UserRow, user.id) is not None
    assert await bench.stored(AccountRow, account.id) is not None
