"""An order that is read back answers later facts as if there had been no restart."""

from decimal import Decimal

import msgspec

from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder, new_order
from actors.order_loading import fact_of_trade, restored_order
from engine.domain.kinds import DoneReason, Liquidity
from engine.domain.order_facts import CumulativeFact, FillFact, Outcome, StatusFact
from engine.messages.archive import OrderLoad
from engine.messages.rows import TradeRow
from engine.messages.rows_trades import TradeEvidenceRow
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_intent

D = Decimal


def a_fact(trade: str, quantity: str) -> FillFact:
    return FillFact(
        trade_id=trade, price=D(60_000), quantity=D(quantity), fee=D(1), fee_asset="USDT",
        liquidity=Liquidity.TAKER, executed_at_ns=START_NS,
    )  # fmt: skip


class Table:
    """The rows that an order's batches have written."""

    def __init__(self) -> None:
        self.live = new_order(an_intent(), fence=1, send_by_ns=None, now_ns=START_NS)
        self.live.state.apply_submitted()
        self.ids = Ids(VirtualClock(), seeded_rng(1))
        self.trades: dict[object, TradeRow] = {}
        self.evidence: list[TradeEvidenceRow] = []

    def learn(self, outcome: Outcome) -> None:
        batch = FactBatch(user_id=USER, account_id=ACCOUNT, venue="binance", ids=self.ids, now_ns=START_NS)
        batch.learn(self.live, self.live.seen(), outcome)
        self.trades |= {row.id: row for row in batch.trades}
        self.evidence += [row for row in batch.rows() if isinstance(row, TradeEvidenceRow)]

    def read_back(self) -> LiveOrder:
        row = self.live.refresh(START_NS)
        return restored_order(OrderLoad(row=row, trades=tuple(self.trades.values()), evidence=tuple(self.evidence)))


def test_contradictions_and_replacements_come_back_as_they_were() -> None:
    table = Table()
    state = table.live.state
    table.learn(state.apply_fill(a_fact("t1", "0.02")))
    table.learn(state.apply_fill(a_fact("t1", "0.03")))
    table.learn(state.apply_cumulative(CumulativeFact(
        quantity=D("0.08"), average_price=D(61_000), fee=D(2), fee_asset="USDT", at_ns=START_NS,
    )))  # fmt: skip
    table.learn(state.apply_fill(a_fact("t2", "0.01")))
    again = table.read_back()
    assert (again.state.trades, again.state.evidence) == (state.trades, state.evidence)
    assert (again.state.inferred, again.state.filled_quantity) == (state.inferred, D("0.08"))
    assert {trade_id: row.id for trade_id, row in again.trades.items()} == {
        trade_id: row.id for trade_id, row in table.live.trades.items()
    }
    assert not again.state.apply_fill(a_fact("t1", "0.02")).changed
    assert again.refresh(START_NS) == table.live.row


def test_an_inferred_trade_bears_its_order_in_the_table_only() -> None:
    table = Table()
    fact = CumulativeFact(quantity=D("0.1"), average_price=D(1), fee=D(0), fee_asset="USDT", at_ns=START_NS)
    outcome = table.live.state.apply_cumulative(fact)
    table.learn(outcome)
    (row,) = table.trades.values()
    assert row.external_trade_id == f"inferred:0.1:0.1:1:{START_NS}:{row.order_id}"
    assert fact_of_trade(row) == outcome.book[0]


def test_a_trade_that_the_venue_took_back_stays_taken_back() -> None:
    table = Table()
    table.learn(table.live.state.apply_fill(a_fact("t1", "0.02")))
    (row,) = table.trades.values()
    table.trades[row.id] = msgspec.structs.replace(row, voided_by=row.id)
    again = table.read_back()
    assert (again.state.filled_quantity, again.state.total_quantity, again.trades) == (D(0), D("0.02"), {})


def test_a_refused_order_that_lives_still_counts() -> None:
    table = Table()
    table.live.state.apply_done(DoneReason.REJECTED)
    table.live.state.apply_status(StatusFact(venue_time_ns=START_NS, external_order_id="x"))
    again = table.read_back()
    assert again.state.is_phantom
    assert again.changed() == table.live.changed()
