"""Who has read all events knows what the rows say; what changes without one is found."""

from decimal import Decimal

import msgspec
import pytest

from engine.messages.rows import Row
from engine.messages.writing import CommittedEvent
from engine.simulation.auditor_books import Books
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_journal import JournalReader
from engine.simulation.auditor_orders import Orders
from tests.support.cell_builders import ACCOUNT, START_NS, USER
from tests.support.histories import a_balance, a_cancel, a_position, an_order_row, working

ORDER, BALANCE, POSITION = working(an_order_row()), a_balance("USDT", "5"), a_position("2")


def told(reader: JournalReader, channel: str, kind: str, row: Row) -> None:
    data = msgspec.json.encode(row)
    reader.read(
        CommittedEvent(
            user_id=USER, channel=channel, type=kind, at_ns=START_NS, account_id=ACCOUNT, correlation_id=None,
            data=data, seq=1, prev=0,
        )
    )  # fmt: skip


def a_reader() -> JournalReader:
    findings = Findings()
    orders = Orders(findings)
    books = Books(findings, orders)
    orders.rows[ORDER.id] = ORDER
    books.balance(BALANCE)
    books.position(POSITION)
    return JournalReader(orders, books)


def test_events_that_say_what_the_rows_say_are_right() -> None:
    reader = a_reader()
    told(reader, "orders", "OrderAccepted", ORDER)
    told(reader, "orders", "CancelRequested", a_cancel(ORDER))
    told(reader, "orders", "OrderAmendRequested", a_cancel(ORDER))
    told(reader, "balances", "BalanceChanged", BALANCE)
    told(reader, "positions", "PositionChanged", POSITION)
    assert list(reader.differences()) == []


def test_what_no_event_tells_is_found() -> None:
    assert [invariant for invariant, _ in a_reader().differences()] == ["I21"] * 3


@pytest.mark.parametrize("field", ["status", "filled_quantity", "quantity"])
def test_an_order_that_changes_in_silence_is_found(field: str) -> None:
    reader = a_reader()
    before = {"status": "pending", "filled_quantity": Decimal("0.01"), "quantity": Decimal(7)}
    told(reader, "orders", "OrderAccepted", msgspec.structs.replace(ORDER, **{field: before[field]}))
    told(reader, "balances", "BalanceChanged", BALANCE)
    told(reader, "positions", "PositionChanged", a_position("3"))
    lines = [detail for _, detail in reader.differences()]
    assert len(lines) == 2
    assert str(before[field]) in lines[0]
