"""A batch is worth a commit only if it holds rows, and refers only to what comes before."""

from connectors.paper.batch import Batch
from engine.messages.rows_paper import PaperMarkRow
from tests.connectors.paper.support import PERPETUAL, VENUE, Desk

MARK = PaperMarkRow(venue=VENUE, session="", frame=0, last_order_id=0, last_trade_id=0, updated_at=0)


def test_events_alone_need_no_commit() -> None:
    batch = Batch()
    assert not batch.needs_commit()
    desk = Desk()
    assert desk.exchange.batch.needs_commit()  # It has opened an account.
    batch.is_marked = True
    assert batch.needs_commit()
    assert batch.rows(MARK) == [MARK]


def test_rows_come_in_the_order_in_which_they_refer_to_each_other() -> None:
    desk = Desk(PERPETUAL)
    desk.quote("100", "101")
    desk.send("buy 1")
    desk.send("sell 0.5")
    rows = desk.exchange.batch.rows(MARK)
    assert [row.__table__ for row in rows] == [
        "paper.accounts", "paper.balances", "paper.orders", "paper.positions", "paper.orders", "paper.trades",
        "paper.trades", "paper.position",
    ]  # fmt: skip
