"""An auditor of executors: no place twice, no more than planned, nothing unguarded in silence, no loose ends."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.messages.rows import OrderRow, Row, TradeRow
from engine.messages.rows_executors import ExecutorRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.rows_trades import TradeChangeRow
from engine.runtime.clock import VirtualClock
from engine.simulation.auditor_executors import GUARD_NS, Executors
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_orders import Orders
from engine.simulation.probes import (
    EXECUTOR_ALARM,
    EXECUTOR_CRASH,
    EXECUTOR_DONE,
    EXECUTOR_FLAT,
    EXECUTOR_HALTED,
    Probes,
)
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.domain import a_spot
from tests.support.histories import VENUE, a_trade_row, an_order_row, done, working

D = Decimal
ID = an_id(77)
BRACKET = {"side": "buy", "quantity": "1", "entry_price": "60000", "stop_price": "50000", "take_price": None}


class Books:
    """What an auditor of executors hears, unit by unit."""

    def __init__(self, kind: str = "bracket", configuration: dict[str, Any] = BRACKET) -> None:
        self.clock = VirtualClock(START_NS)
        self.findings = Findings()
        self.findings.use(self.clock)
        self.orders = Orders(self.findings)
        self.probes = Probes()
        self.executors = Executors(self.findings, self.orders, self.probes)
        self.theirs: dict[str, Any] = {}
        truth = SimpleNamespace(find=lambda _, client_id: self.theirs.get(client_id))
        self.executors.use({"BTC/USDT": a_spot()}, {VENUE: SimpleNamespace(truth=truth)})
        self.plan = ExecutorRow(
            id=ID, user_id=USER, account_id=ACCOUNT, kind=kind, symbol="BTC/USDT", side="buy",
            configuration=configuration, status="active", intent_key="plan", realized_pnl=D(0), correlation_id=ID,
            created_at=START_NS, updated_at=START_NS,
        )  # fmt: skip
        self.number = 0
        self.commit(self.plan)

    @property
    def broken(self) -> list[str]:
        return [each.invariant for each in self.findings.found]

    def commit(self, *rows: Row, fence: int = 1) -> None:
        for row in rows:
            if isinstance(row, OrderRow):
                self.orders.order(row, SimpleNamespace(fence=row.fence))  # type: ignore[arg-type]
                self.executors.order(row)
            elif isinstance(row, TradeRow):
                self.orders.trade(row)
                self.executors.trade(row)
            elif isinstance(row, TradeChangeRow):
                self.orders.change(row)
                self.executors.change(row)
            elif isinstance(row, RiskAlertRow):
                self.executors.alert(row)
            elif isinstance(row, ExecutorRow):
                self.executors.row(row)
        self.executors.end_of_unit(USER, fence)

    def order(self, slot: str, generation: int = 1, **changes: Any) -> OrderRow:
        """Make the order of a place."""
        self.number += 1
        key = f"executor:{ID}:{slot}:{generation}"
        fields: dict[str, Any] = {"executor_id": ID, "intent_key": key, "quantity": "1"} | changes
        return an_order_row(self.number, **fields)

    def placed(self, slot: str, generation: int = 1, **changes: Any) -> OrderRow:
        order = self.order(slot, generation, **changes)
        self.commit(order)
        return order

    def filled(self, order: OrderRow, quantity: str | None = None, reason: str = "filled") -> OrderRow:
        amount = str(order.quantity) if quantity is None else quantity
        ended = done(order, reason, amount)
        self.commit(ended, a_trade_row(order, self.number, quantity=amount))
        return ended

    def ends(self, status: str = "done", **changes: Any) -> None:
        fields = {"status": status, "slots": {}} | changes
        self.commit(msgspec.structs.replace(self.plan, **fields))


def an_alert(kind: str, executor_id: UUID = ID) -> RiskAlertRow:
    return RiskAlertRow(
        id=an_id(5), user_id=USER, alert_type=kind, severity="critical", message=kind,
        data={"executor_id": str(executor_id)}, created_at=START_NS,
    )  # fmt: skip


def a_void(number: int) -> TradeChangeRow:
    trade_id = an_id(5_000 + number)
    return TradeChangeRow(id=trade_id, user_id=USER, voided_by=trade_id, realized_pnl=D(0))


def test_a_bracket_as_it_should_be() -> None:
    books = Books()
    books.filled(books.placed("entry"))
    stop = books.placed("stop", side="sell")
    books.commit(working(stop))
    books.clock.advance_to(START_NS + 10 * GUARD_NS)
    books.filled(stop)
    books.ends(status_reason="stopped", slots={"entry": {"filled": "1"}, "stop": {"filled": "1"}})
    assert books.broken == []
    assert list(books.executors.unsettled()) == []


def test_a_second_order_in_a_slot_is_found_while_the_first_lives() -> None:
    books = Books()
    first = books.placed("entry", quantity="0.1")
    books.placed("entry", 2, quantity="0.1")
    assert books.broken == ["E1"]
    books.commit(done(first, "cancelled"))
    assert books.broken == ["E1"]


@pytest.mark.parametrize("generations", [(1, 1), (2, 1)])
def test_a_place_that_comes_again_is_found(generations: tuple[int, int]) -> None:
    books = Books()
    for generation in generations:
        books.commit(done(books.placed("entry", generation, intent_key=f"executor:{ID}:entry:{generation}"), "denied"))
    assert "E1" in books.broken


@pytest.mark.parametrize(
    "changes",
    [{"intent_key": f"executor:{an_id(78)}:entry:1"}, {"executor_id": an_id(78)}],
    ids=["key of another", "no executor"],
)
def test_an_order_of_the_wrong_plan_is_found(changes: dict[str, Any]) -> None:
    books = Books()
    books.placed("entry", **changes)
    assert books.broken[0] == "E1"


@pytest.mark.parametrize("field", ["configuration", "status"])
def test_a_plan_that_changes_or_comes_back_is_found(field: str) -> None:
    books = Books()
    books.ends()
    later = {"configuration": BRACKET | {"quantity": "2"}, "status": "active"}
    books.commit(msgspec.structs.replace(books.plan, **{"status": "done", field: later[field]}))
    assert books.broken == ["E1"]


def test_more_than_the_plan_says_is_found() -> None:
    books = Books()
    books.filled(books.placed("entry", quantity="0.6"), "0.6")
    books.placed("entry", 2, quantity="0.5")
    assert books.broken == ["E2"]


def test_what_was_cancelled_may_be_ordered_again_but_not_what_had_filled() -> None:
    books = Books()
    first = books.placed("entry", quantity="1")
    books.filled(first, "0.4", "cancelled")
    books.filled(books.placed("entry", 2, quantity="0.6"))
    assert books.broken == []
    books.commit(done(first, "cancelled", "0.5"), a_trade_row(first, 9, quantity="0.1"))
    assert books.broken == ["E2"]


def test_what_a_venue_trades_against_its_word_is_not_the_executors() -> None:
    books = Books()
    entry = books.placed("entry")
    trade = SimpleNamespace(quantity=D("1.2"), at_ns=START_NS)
    books.theirs[entry.venue_client_id] = SimpleNamespace(
        trades=[trade], executed=D("1.2"), quantity=D(1), ended_at_ns=START_NS
    )
    books.filled(entry, "1.2")
    assert books.broken == []


def test_an_exit_of_more_than_has_entered_is_found_but_not_of_what_was_taken_back() -> None:
    books = Books()
    entry = books.placed("entry")
    books.filled(entry)
    stop = books.placed("stop", side="sell")
    books.commit(done(entry, "filled", "0"), a_void(1))
    assert books.broken == []
    books.filled(stop)
    books.placed("take", side="sell", quantity="0.1")
    assert books.broken == ["E2"]


def test_a_grid_may_have_ordered_anew_what_is_taken_back_of_a_closing_order_later() -> None:
    books = Books("grid", {"side": "buy", "quantity": "1"})
    books.filled(books.placed("open:1"))
    books.filled(closing := books.placed("close:1", side="sell"))
    books.placed("open:1", 2)
    books.commit(done(closing, "filled", "0"), a_void(2))
    assert books.broken == []


def test_an_unguarded_position_without_an_alarm_is_found_in_time() -> None:
    books = Books()
    books.filled(books.placed("entry"))
    books.clock.advance_to(START_NS + GUARD_NS)
    books.commit()
    assert books.broken == []
    books.clock.advance_to(START_NS + GUARD_NS + 1)
    books.commit()
    assert books.broken == ["E3"]


@pytest.mark.parametrize("what", ["alarm", "new process", "excuse"])
def test_who_rings_or_cannot_ring_is_excused(what: str) -> None:
    books = Books()
    books.filled(books.placed("entry"))
    books.clock.advance_to(START_NS + GUARD_NS)
    if what == "alarm":
        books.commit(an_alert("position_unprotected"))
    elif what == "excuse":
        books.executors.excuse(START_NS + GUARD_NS)
    books.clock.advance_to(START_NS + 2 * GUARD_NS)
    books.commit(fence=2 if what == "new process" else 1)
    assert books.broken == []


def test_an_alarm_that_is_over_excuses_no_longer() -> None:
    books = Books()
    books.filled(books.placed("entry"))
    books.commit(an_alert("position_unprotected"), an_alert("position_protected"))
    books.clock.advance_to(START_NS + GUARD_NS + 1)
    books.commit()
    assert books.broken == ["E3"]


def test_an_end_with_a_living_order_is_found_and_one_that_orders_later() -> None:
    books = Books()
    books.placed("entry")
    books.ends("cancelled")
    assert books.broken == ["E4"]
    books = Books()
    books.ends("cancelled")
    books.placed("entry")
    assert "E4" in books.broken


@pytest.mark.parametrize(
    ("reason", "slots"),
    [
        ("stopped", {"entry": {"filled": "1"}}),
        ("not_entered", {"entry": {"filled": "1"}}),
        ("rest_too_small_to_close", {"entry": {"filled": "0.9"}}),
    ],
)
def test_an_end_that_says_what_is_not_so_is_found(reason: str, slots: dict[str, Any]) -> None:
    books = Books()
    books.filled(books.placed("entry"))
    books.ends(status_reason=reason, slots=slots)
    assert books.broken == ["E4"]


def test_a_plan_that_says_it_is_filled_has_filled() -> None:
    books = Books("twap", {"side": "buy", "quantity": "1"})
    books.filled(books.placed("slice:0", quantity="0.5"), "0.5")
    books.ends(status_reason="filled", slots={"slice:0": {"filled": "0.5"}})
    assert books.broken == ["E4"]


def test_what_is_rare_is_counted() -> None:
    books = Books()
    books.executors.died()
    books.commit(an_alert("position_unprotected"))
    books.commit(msgspec.structs.replace(books.plan, status="paused", status_reason="halted: test"))
    books.commit(msgspec.structs.replace(books.plan, status="paused", status_reason="look"))
    books.filled(books.placed("entry"))
    books.filled(books.placed("flatten", side="sell"))
    books.ends(slots={"entry": {"filled": "1"}, "flatten": {"filled": "1"}})
    books.executors.died()
    reached = (EXECUTOR_ALARM, EXECUTOR_CRASH, EXECUTOR_DONE, EXECUTOR_FLAT, EXECUTOR_HALTED)
    assert books.probes.counts == dict.fromkeys(reached, 1)


def test_a_plan_that_has_not_ended_is_not_settled() -> None:
    ((invariant, detail),) = Books().executors.unsettled()
    assert invariant == "E4"
    assert "still active" in detail
