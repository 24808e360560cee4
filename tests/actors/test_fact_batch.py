from decimal import Decimal

import pytest

from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder, new_order
from engine.domain.kinds import DoneReason, Liquidity
from engine.domain.order_facts import UNCHANGED, FillFact
from engine.messages.rows import OrderRow
from engine.messages.rows_people import RiskAlertRow
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id, an_intent

D = Decimal


@pytest.fixture
def batch() -> FactBatch:
    ids = Ids(VirtualClock(), seeded_rng(1))
    return FactBatch(user_id=USER, account_id=ACCOUNT, venue="binance", ids=ids, now_ns=START_NS)


def an_order() -> LiveOrder:
    live = new_order(an_intent(), fence=1, send_by_ns=None, now_ns=START_NS)
    live.state.apply_submitted()
    return live


def fill(trade: int, quantity: str) -> FillFact:
    return FillFact(
        trade_id=f"t{trade}", price=D(60_000), quantity=D(quantity), fee=D(1), fee_asset="USDT",
        liquidity=Liquidity.TAKER, executed_at_ns=START_NS,
    )  # fmt: skip


def learn(batch: FactBatch, live: LiveOrder, fact: FillFact) -> None:
    seen = live.seen()
    outcome = live.state.apply_fill(fact)
    batch.learn(live, seen, outcome)


def test_an_order_that_changes_twice_has_one_row_and_two_events(batch: FactBatch) -> None:
    live = an_order()
    learn(batch, live, fill(1, "0.04"))
    learn(batch, live, fill(2, "0.06"))
    (row,) = batch.rows()
    assert isinstance(row, OrderRow)
    assert row.filled_quantity == D("0.1")
    assert [(event.type, event.data.filled_quantity) for event in batch.events] == [
        ("OrderPartiallyFilled", D("0.04")),
        ("OrderFilled", D("0.1")),
    ]
    assert [each.quantity for each in batch.fills] == [each.quantity for each in batch.trades] == [D("0.04"), D("0.06")]


def test_what_changes_nothing_leaves_nothing(batch: FactBatch) -> None:
    live = an_order()
    batch.learn(live, live.seen(), UNCHANGED)
    assert not batch
    assert batch.rows() == ()


def test_every_event_of_an_order_names_its_correlation(batch: FactBatch) -> None:
    live = an_order()
    batch.created(live, "OrderSubmitting")
    learn(batch, live, fill(1, "0.1"))
    assert {event.correlation_id for event in batch.events} == {an_id(10_100)}
    assert batch.trades[0].correlation_id == an_id(10_100)


def test_an_alarm_is_a_row_and_an_event(batch: FactBatch) -> None:
    live = an_order()
    live.state.apply_done(DoneReason.REJECTED)
    learn(batch, live, fill(1, "0.1"))
    alerts = [row for row in batch.rows() if isinstance(row, RiskAlertRow)]
    assert [(alert.alert_type, alert.severity) for alert in alerts] == [("late_fill", "high")]
    assert [event.channel for event in batch.events] == ["orders", "alerts"]
