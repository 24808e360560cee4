"""Made-up histories for an auditor: rows of one account, units that hold them, and the ground that it stands on."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import msgspec

from engine.domain.identifiers import CorrelationId, UnitId, UserId
from engine.domain.instrument import Instrument
from engine.messages.ports import UnitResult
from engine.messages.rows import (
    BalanceRow,
    LedgerEntryRow,
    LedgerLineRow,
    OrderRequestRow,
    OrderRow,
    PositionRow,
    Row,
    TradeRow,
)
from engine.messages.writing import CommittedEvent, WriteAnswer, WriteUnit
from engine.runtime.clock import VirtualClock
from engine.simulation.auditor import Auditor
from engine.simulation.ports import Ground
from storage.memory_tables import MemoryTables
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id, decimals
from tests.support.domain import a_spot

D = Decimal
VENUE = "binance"


class History:
    """One user's commits, one after the other."""

    def __init__(
        self,
        rows: Iterable[Row] = (),
        venues: dict[str, Any] | None = None,
        instruments: tuple[Instrument, ...] | None = None,
    ) -> None:
        self.auditor = Auditor()
        self.clock = VirtualClock(START_NS)
        tables = MemoryTables(is_strict=False)
        tables.write(tuple(rows))
        ground = SimpleNamespace(
            clock=self.clock,
            tables=tables,
            venues=venues or {},
            instruments=instruments or (a_spot(),),
            doors=None,
        )
        self.auditor.begin(cast("Ground", ground))
        self.n = 0
        self.seq = 0
        self.heads: dict[str, int] = {}

    @property
    def broken(self) -> list[str]:
        """Ids of the invariants that were broken, in order."""
        return [each.invariant for each in self.auditor.violations]

    def commit(self, *rows: Row, **changes: Any) -> None:
        """Commit a unit with these rows; `fence`, `n`, `process`, `user_id`, `events`, `unit_id` may be named."""
        process = changes.pop("process", "a1")
        self.auditor.on_commit(process, [self.result(*rows, **changes)])

    def result(self, *rows: Row, **changes: Any) -> UnitResult:
        """Make the result of a unit that was committed."""
        events: Sequence[CommittedEvent] = changes.pop("events", ())
        self.n = changes.get("n", self.n + 1)
        unit = WriteUnit(
            id=UnitId(changes.get("unit_id", an_id(900_000 + self.n + 1_000 * changes.get("fence", 1)))),
            n=self.n,
            user_id=UserId(changes.get("user_id", USER)),
            fence=changes.get("fence", 1),
            rows=rows,
        )
        first = events[0].seq if events else None
        last = events[-1].seq if events else None
        answer = WriteAnswer(unit_id=unit.id, first_seq=first, last_seq=last)
        return UnitResult(unit=unit, answer=answer, events=tuple(events))

    def event(self, channel: str = "orders", **changes: Any) -> CommittedEvent:
        """Make the next event of the journal."""
        self.seq += 1
        fields: dict[str, Any] = {"seq": self.seq, "prev": self.heads.get(channel, 0)} | changes
        self.heads[channel] = fields["seq"]
        return CommittedEvent(
            user_id=USER,
            channel=channel,
            type="Tested",
            at_ns=START_NS,
            account_id=ACCOUNT,
            correlation_id=None,
            data=b"{}",
            **fields,
        )

    def fill(self, order: OrderRow, quantity: str = "0.1", price: str = "60000", number: int = 1) -> tuple[Row, ...]:
        """Return the rows of a buy with a fee of 1 USDT as the engine writes them, but for balances and positions."""
        trade = a_trade_row(order, number, quantity=quantity, price=price)
        return (trade, *entry_of(trade, number))


def an_order_row(number: int = 100, **changes: Any) -> OrderRow:
    """Return a buy of 0.1 BTC for 60,000 that is on its way."""
    fields: dict[str, Any] = {
        "id": an_id(number), "user_id": USER, "account_id": ACCOUNT, "external_order_id": None,
        "client_order_id": f"mine-{number}", "venue_client_id": f"cv-{number}", "intent_key": f"key-{number}",
        "symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": "0.1", "price": "60000", "stop_price": None,
        "time_in_force": "GTC", "post_only": False, "reduce_only": False, "position_side": "net", "status": "pending",
        "status_detail": "submitting", "lifecycle": "submitting", "done_reason": None, "filled_quantity": "0",
        "average_price": None, "fees": "0", "fee_asset": None, "exchange": VENUE, "origin": "api", "agent_id": None,
        "strategy_id": None, "executor_id": None, "signal_id": None, "correlation_id": CorrelationId(an_id(number)),
        "fence": 1, "send_by": START_NS + 5_000_000_000, "created_at": START_NS, "updated_at": START_NS,
    }  # fmt: skip
    return OrderRow(**decimals(OrderRow, fields | changes))


def working(order: OrderRow, filled: str = "0") -> OrderRow:
    """Return the order as it rests at the venue."""
    status = "partial" if D(filled) else "open"
    return msgspec.structs.replace(
        order, lifecycle="working", status=status, status_detail=None, filled_quantity=D(filled)
    )


def done(order: OrderRow, reason: str, filled: str = "0") -> OrderRow:
    """Return the order as it ended."""
    status = "rejected" if reason in ("denied", "never_existed") else reason
    return msgspec.structs.replace(
        order, lifecycle="done", done_reason=reason, status=status, status_detail=None, filled_quantity=D(filled)
    )


def a_trade_row(order: OrderRow, number: int = 1, **changes: Any) -> TradeRow:
    """Return a trade of an order with a fee of 1 USDT."""
    fields: dict[str, Any] = {
        "id": an_id(5_000 + number), "order_id": order.id, "user_id": USER, "account_id": ACCOUNT,
        "external_trade_id": f"t{number}", "symbol": order.symbol, "side": order.side, "quantity": "0.1",
        "price": "60000", "fees": "1", "fee_asset": "USDT", "liquidity": "taker", "inferred": False,
        "realized_pnl": "0", "exchange": VENUE, "correlation_id": None, "executed_at": START_NS,
        "created_at": START_NS,
    }  # fmt: skip
    return TradeRow(**decimals(TradeRow, fields | changes))


def entry_of(trade: TradeRow, number: int = 1, *, kind: str = "fill", sign: int = 1) -> tuple[Row, ...]:
    """Return the entry of a spot buy, or its reversal."""
    head = LedgerEntryRow(
        id=an_id(6_000 + number),
        user_id=USER,
        account_id=ACCOUNT,
        kind=kind,
        order_id=trade.order_id,
        trade_id=trade.id,
        memo=None,
        correlation_id=None,
        at=START_NS,
    )
    base, quote = trade.quantity * sign, -trade.quantity * trade.price * sign
    return (
        head,
        *lines_of(
            head.id,
            ("assets:cash", "BTC", base),
            ("trading:BTC/USDT", "BTC", -base),
            ("assets:cash", "USDT", quote),
            ("trading:BTC/USDT", "USDT", -quote),
            ("expenses:fees", "USDT", trade.fees * sign),
            ("assets:cash", "USDT", -trade.fees * sign),
        ),
    )


def opening(asset: str, amount: str, number: int = 1) -> tuple[Row, ...]:
    """Return an opening balance, and the balance after it."""
    head = LedgerEntryRow(
        id=an_id(7_000 + number),
        user_id=USER,
        account_id=ACCOUNT,
        kind="opening",
        order_id=None,
        trade_id=None,
        memo=None,
        correlation_id=None,
        at=START_NS,
    )
    lines = lines_of(head.id, ("assets:cash", asset, D(amount)), ("equity:opening", asset, -D(amount)))
    return (head, *lines, a_balance(asset, amount))


def lines_of(entry_id: UUID, *lines: tuple[str, str, Decimal]) -> tuple[Row, ...]:
    """Return the lines of an entry: ledger account, asset, amount."""
    return tuple(
        LedgerLineRow(
            entry_id=entry_id,
            line_no=place,
            user_id=USER,
            account_id=ACCOUNT,
            ledger_account=account,
            asset=asset,
            amount=amount,
        )
        for place, (account, asset, amount) in enumerate(lines)
    )


def a_balance(asset: str, total: str, locked: str = "0") -> BalanceRow:
    """Return a balance."""
    return BalanceRow(
        id=an_id(8_000 + len(asset)),
        user_id=USER,
        account_id=ACCOUNT,
        asset=asset,
        free=D(total) - D(locked),
        locked=D(locked),
        total=D(total),
        usd_value=None,
        exchange=VENUE,
        updated_at=START_NS,
    )


def a_position(size: str, symbol: str = "BTC/USDT") -> PositionRow:
    """Return a position."""
    return PositionRow(
        id=an_id(8_500),
        user_id=USER,
        account_id=ACCOUNT,
        symbol=symbol,
        position_side="net",
        size=D(size),
        average_price=D(60000),
        mark_price=None,
        market_value=None,
        unrealized_pnl=None,
        realized_pnl=D(0),
        fees_paid=D(0),
        exchange=VENUE,
        updated_at=START_NS,
    )


def a_cancel(order: OrderRow, state: str = "requested", number: int = 1) -> OrderRequestRow:
    """Return a cancel request of an order."""
    return OrderRequestRow(
        id=an_id(9_000 + number),
        user_id=USER,
        account_id=ACCOUNT,
        order_id=order.id,
        kind="cancel",
        state=state,
        reason=None,
        answer_code=None,
        correlation_id=order.correlation_id,
        created_at=START_NS,
        updated_at=START_NS,
    )
