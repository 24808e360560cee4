"""One run, step by step, against a venue that answers by script and pages as it likes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from actors import reconcile_run
from engine.domain.kinds import DoneReason
from engine.messages.cell import ReconcileAccount, ReconcileAnswer
from engine.messages.orders import SubmitOrder
from engine.messages.rows import DiscrepancyRow, OrderRow, ReconciliationRow, TradeRow, WatermarkRow
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueBalance,
    VenueFills,
    VenueOrders,
)
from tests.actors.conftest import MakeScripted
from tests.support.cell_builders import ACCOUNT, START_NS, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done

D = Decimal


class Pages:
    """Answers questions for fills and open orders page by page."""

    def __init__(self, rig: ScriptedRig, fills: Sequence[Any] = (), orders: Sequence[Any] = (), size: int = 2) -> None:
        self.fills, self.orders, self.size = list(fills), list(orders), size
        rig.script.fills = self.fills_page
        rig.script.open_orders = self.orders_page

    def fills_page(self, query: FillsQuery) -> VenueFills:
        later = [fill for fill in self.fills if int(fill.cursor) > int(query.cursor or 0)]
        page = later[: self.size]
        cursor = page[-1].cursor if page else query.cursor
        return VenueFills(fills=tuple(page), cursor=cursor, has_more=len(later) > self.size)

    def orders_page(self, query: OpenOrdersQuery) -> VenueOrders:
        start = int(query.after or 0)
        end = start + self.size
        after = str(end) if end < len(self.orders) else None
        return VenueOrders(orders=tuple(self.orders[start:end]), next_after=after)


async def compare(rig: ScriptedRig, *, deep: bool = False) -> ReconcileAnswer:
    return await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT, deep=deep))  # type: ignore[no-any-return]


async def some_orders(rig: ScriptedRig, *numbers: int) -> list[Any]:
    intents = [an_intent(number) for number in numbers]
    for intent in intents:
        rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open(intent.correlation_id)))
        await rig.settle()
        await rig.hear(accepted(intent))
    return intents


def queries(rig: ScriptedRig, kind: type[Any]) -> list[Any]:
    return [query for query in rig.script.queries if isinstance(query, kind)]


def watermarks(rig: ScriptedRig) -> list[str | None]:
    return [row.cursor for row in rig.rows(WatermarkRow) if row.kind == "fills"]


@pytest.mark.asyncio
async def test_fills_come_page_by_page_each_durable_before_the_next(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    (intent,) = await some_orders(rig, 1)
    Pages(rig, [a_fill(intent, number, quantity="0.01") for number in range(1, 6)], [as_listed(intent)])
    answer = await compare(rig)
    assert (answer.outcome, answer.late_fills, answer.pages) == ("done", 5, 4)
    assert [query.cursor for query in queries(rig, FillsQuery)][-3:] == [None, "2", "4"]
    assert watermarks(rig) == ["5"]
    assert len(rig.rows(TradeRow)) == 5


@pytest.mark.asyncio
async def test_what_was_booked_before_a_read_failed_stays_with_its_watermark(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    (intent,) = await some_orders(rig, 1)
    pages = Pages(rig, [a_fill(intent, number, quantity="0.01") for number in range(1, 6)])

    def broken(query: FillsQuery) -> Any:
        return CannotTell(why="half") if query.cursor == "4" else pages.fills_page(query)

    rig.script.fills = broken
    answer = await compare(rig)
    assert (answer.outcome, answer.late_fills, answer.cannot_tell) == ("failed", 4, 1)
    assert watermarks(rig) == ["4"]


@pytest.mark.asyncio
async def test_orders_of_all_pages_count_as_listed(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intents = await some_orders(rig, 1, 2, 3)
    Pages(rig, orders=[as_listed(intent) for intent in intents])
    answer = await compare(rig)
    assert (answer.outcome, answer.matched) == ("done", 3)
    assert queries(rig, OrderQuery) == []


@pytest.mark.asyncio
async def test_a_list_that_never_ends_is_no_list_and_nobody_is_asked_because_of_it(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    (intent,) = await some_orders(rig, 1)
    rig.script.open_orders = VenueOrders(orders=(), next_after="1")
    answer = await compare(rig)
    assert answer.outcome == "partial"
    assert rig.rows(ReconciliationRow)[-1].detail["wrong"] == {"cursor_stands_still": 1}
    assert queries(rig, OrderQuery) == []
    assert rig.order(intent.order_id).status == "open"


def usdt(total: str) -> VenueAccount:
    return VenueAccount(
        balances=(VenueBalance(asset="USDT", free=D(total), locked=D(0)),),
        positions=(),
        cursor=None,
        venue_time_ns=START_NS,
    )


@pytest.mark.asyncio
async def test_balances_without_a_cursor_count_when_they_stand_still(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    (intent,) = await some_orders(rig, 1)
    shown = [usdt("1000000"), usdt("999999"), usdt("999999")]
    rig.script.account = lambda _: shown.pop(0)
    late = VenueFills(fills=(a_fill(intent, 1, quantity="0.01", fee="1"),), cursor="1")
    rig.script.fills = lambda _: late if len(shown) < 2 else VenueFills(fills=(), cursor=None)
    rig.script.queries.clear()
    answer = await compare(rig)
    kinds = [type(query) for query in rig.script.queries][:6]
    assert kinds == [AccountQuery, FillsQuery, AccountQuery, FillsQuery, AccountQuery, OpenOrdersQuery]
    assert (answer.outcome, answer.late_fills) == ("done", 1)
    assert [row.kind for row in rig.rows(DiscrepancyRow)] == ["position"], "the script shows none"


@pytest.mark.asyncio
async def test_what_is_locked_may_move_with_the_price_while_numbers_are_read(make_scripted: MakeScripted) -> None:
    # A venue of margins reckons what is locked from the price of the moment; the sum moves with fills only.
    rig = await make_scripted()
    margins = iter(range(100))

    def margined(_query: AccountQuery) -> VenueAccount:
        locked = D(next(margins))
        return VenueAccount(
            balances=(VenueBalance(asset="USDT", free=D(1_000_000) - locked, locked=locked),),
            positions=(),
            cursor=None,
            venue_time_ns=START_NS,
        )

    rig.script.account = margined
    answer = await compare(rig)
    assert (answer.outcome, answer.reason) == ("done", "")


@pytest.mark.asyncio
async def test_balances_that_never_stand_still_are_not_compared(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    numbers = iter(range(100))
    rig.script.account = lambda _: usdt(str(next(numbers)))
    answer = await compare(rig)
    assert (answer.outcome, answer.reason) == ("partial", "fills came in between")
    assert rig.rows(DiscrepancyRow) == []


@pytest.mark.asyncio
async def test_a_deep_run_asks_for_open_and_for_closed_orders(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    first, second, closed = await some_orders(rig, 1, 2, 3)
    await rig.hear(done(closed, DoneReason.CANCELLED, "0"))
    listed = [as_listed(first), as_listed(second)]
    Pages(rig, orders=listed)
    found = {order.venue_client_id: OrderFound(order=order) for order in listed}
    rig.script.orders = {**found, as_listed(closed).venue_client_id: OrderAbsent(venue_time_ns=START_NS)}
    answer = await compare(rig, deep=True)
    asked = [query.venue_client_id for query in queries(rig, OrderQuery)]
    assert asked == [as_listed(each).venue_client_id for each in (first, second, closed)]
    assert (answer.outcome, answer.depth, answer.absent, answer.matched) == ("done", "deep", 1, 4)
    assert {row.status for row in rig.rows(OrderRow)} == {"open", "cancelled"}, "absence of old news proves nothing"


@pytest.mark.asyncio
async def test_a_deep_run_stops_asking_a_venue_that_does_not_answer(
    make_scripted: MakeScripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_run, "UNANSWERED_MAX", 2)
    rig = await make_scripted()
    intents = await some_orders(rig, 1, 2, 3, 4)
    Pages(rig, orders=[as_listed(each) for each in intents], size=10)
    answer = await compare(rig, deep=True)
    assert (answer.outcome, answer.cannot_tell) == ("partial", 2)
    assert len(queries(rig, OrderQuery)) == 2


@pytest.mark.asyncio
async def test_deep_runs_take_turns_through_very_many_orders(
    make_scripted: MakeScripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_run, "ASKED_MAX", 2)
    rig = await make_scripted()
    intents = await some_orders(rig, 1, 2, 3)
    listed = [as_listed(each) for each in intents]
    Pages(rig, orders=listed, size=10)
    rig.script.orders = {order.venue_client_id: OrderFound(order=order) for order in listed}
    for _ in range(3):
        await compare(rig, deep=True)
    asked = [query.venue_client_id for query in queries(rig, OrderQuery)]
    names = [order.venue_client_id for order in listed]
    assert asked == [*names, *names[:2]]


@pytest.mark.parametrize(("cursor", "waits"), [("1", False), ("2", True), (None, True)])
@pytest.mark.asyncio
async def test_books_are_opened_when_the_venue_must_have_shown_every_fill(
    make_scripted: MakeScripted, cursor: str | None, waits: bool
) -> None:
    rig = await make_scripted(opening_lag_ns=3_000_000_000, reconcile=False)
    (intent,) = await some_orders(rig, 1)
    pages = Pages(rig, [a_fill(intent, 1, quantity="0.01", fee="0")])
    rig.script.account = VenueAccount(balances=(), positions=(), cursor=cursor, venue_time_ns=START_NS + 10)
    rig.script.open_orders = VenueOrders(orders=(as_listed(intent),))
    await rig.start_reconciler()
    assert any(row.kind == "opened" for row in rig.rows(WatermarkRow)) is not waits
    pages.fills.append(a_fill(intent, 2, quantity="0.02", fee="0"))
    await rig.pass_wall(4)
    assert any(row.kind == "opened" for row in rig.rows(WatermarkRow))
    assert len(rig.rows(TradeRow)) == (2 if waits else 1)


@pytest.mark.asyncio
async def test_books_are_not_opened_for_a_while_with_a_history_that_is_too_short(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(opening_lag_ns=0, reconcile=False, reconcile_every_ns=30_000_000_000)
    (intent,) = await some_orders(rig, 1)
    Pages(rig, [a_fill(intent, 1, quantity="0.01", fee="0")])
    rig.script.account = VenueAccount(balances=(), positions=(), cursor="2", venue_time_ns=START_NS + 10)
    rig.script.open_orders = VenueOrders(orders=(as_listed(intent),))
    await rig.start_reconciler()
    await rig.pass_wall(20)
    assert not any(row.kind == "opened" for row in rig.rows(WatermarkRow))
    await rig.pass_wall(120)
    assert any(row.kind == "opened" for row in rig.rows(WatermarkRow))
