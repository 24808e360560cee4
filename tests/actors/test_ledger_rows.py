from decimal import Decimal

from actors.ledger_rows import LedgerRows
from engine.domain.balances import Balance
from engine.domain.journal import opening_balance
from engine.domain.position import Position
from engine.messages.rows import BalanceRow, LedgerEntryRow, LedgerLineRow
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.domain import a_perpetual

D = Decimal


def rows() -> LedgerRows:
    return LedgerRows(
        user_id=USER,
        account_id=ACCOUNT,
        venue="binance",
        ids=Ids(VirtualClock(), seeded_rng(1)),
        balances=[
            BalanceRow(
                id=an_id(50),
                user_id=USER,
                account_id=ACCOUNT,
                asset="USDT",
                free=D(0),
                locked=D(0),
                total=D(0),
                usd_value=None,
                exchange="binance",
                updated_at=START_NS,
            )
        ],
    )


def test_an_entry_is_a_head_and_numbered_lines_that_sum_to_zero() -> None:
    head, *lines = rows().entry(opening_balance("USDT", D(5)), at_ns=START_NS, correlation_id=None, memo="why")
    assert isinstance(head, LedgerEntryRow)
    assert (head.kind, head.memo, head.at) == ("opening", "why", START_NS)
    assert [line.line_no for line in lines if isinstance(line, LedgerLineRow)] == [0, 1]
    assert sum(line.amount for line in lines if isinstance(line, LedgerLineRow)) == 0


def test_a_position_keeps_its_id_and_is_valued_at_the_mark() -> None:
    made = rows()
    position = Position.restored(a_perpetual(), size=D("-0.1"), average_price=D(60_000))
    first, second = made.position(position, None, 1), made.position(position, D(59_000), 2)
    assert first.id == second.id
    assert (first.market_value, first.unrealized_pnl) == (None, None)
    assert (second.market_value, second.unrealized_pnl) == (D(-5_900), D(100))


def test_a_balance_keeps_the_id_of_its_row() -> None:
    balance = Balance("USDT", D(3), D(2), D(5))
    row = rows().balance(balance, D(5), START_NS)
    assert (row.id, row.free, row.locked, row.total) == (an_id(50), D(3), D(2), D(5))
