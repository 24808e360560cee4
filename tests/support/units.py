"""Builders of units, rows and events: name only the fields that matter to the test."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, UnitId, UserId
from engine.messages.rows import AgentRow, OrderRequestRow, OrderRow, PositionRow, Row, TradeRow
from engine.messages.rows_people import AccountRow, UserRow
from engine.messages.rows_trades import LotRow
from engine.messages.writing import JournalEvent, WriteUnit
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng

AT_NS = 1_723_186_800_123_456_000
"""2024-08-09T07:00:00.123456Z"""


class UnitMaker:
    """Makes ids, rows and units of one test."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = VirtualClock(AT_NS)
        self.ids = Ids(self.clock, seeded_rng(seed))

    def id(self) -> UUID:
        return self.ids.uuid()

    def user(self, **changes: Any) -> UserRow:
        user_id = self.id()
        fields: dict[str, Any] = {
            "id": user_id, "email": f"{user_id}@example.org", "password_hash": None, "full_name": None,
            "role": "trader", "is_active": True, "time_zone": "UTC", "created_at": AT_NS, "updated_at": AT_NS,
        }  # fmt: skip
        return UserRow(**(fields | changes))

    def account(self, user_id: UUID, **changes: Any) -> AccountRow:
        account_id = self.id()
        fields: dict[str, Any] = {
            "id": account_id, "user_id": user_id, "name": str(account_id), "exchange": "binance",
            "account_id": str(account_id), "account_type": "spot", "mode": "paper", "is_active": True,
            "starting_balances": {"USDT": "1000"}, "config_hash": None, "created_at": AT_NS,
        }  # fmt: skip
        return AccountRow(**(fields | changes))

    def agent(self, account: AccountRow, **changes: Any) -> AgentRow:
        agent_id = self.id()
        fields: dict[str, Any] = {
            "id": agent_id, "user_id": account.user_id, "account_id": account.id, "strategy_id": None,
            "name": str(agent_id), "agent_type": "trend_follower", "symbols": ("BTC/USDT",),
            "configuration": {"fast": 10}, "allocation": None, "status": "inactive", "config_hash": None,
            "created_at": AT_NS, "updated_at": AT_NS,
        }  # fmt: skip
        return AgentRow(**(fields | changes))

    def order(self, account: AccountRow, **changes: Any) -> OrderRow:
        order_id = changes.get("id") or self.id()
        fields: dict[str, Any] = {
            "id": order_id, "user_id": account.user_id, "account_id": account.id, "external_order_id": None,
            "client_order_id": str(order_id), "venue_client_id": f"cv-{order_id.hex}", "intent_key": f"test:{order_id}",
            "symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": Decimal("0.010"),
            "price": Decimal("60000.10"), "stop_price": None, "time_in_force": "GTC", "post_only": False,
            "reduce_only": False, "position_side": "net", "status": "pending", "status_detail": "submitting",
            "lifecycle": "submitting", "done_reason": None, "filled_quantity": Decimal(0), "average_price": None,
            "fees": Decimal(0), "fee_asset": None, "exchange": "binance", "origin": "api", "agent_id": None,
            "strategy_id": None, "executor_id": None, "signal_id": None, "correlation_id": order_id, "fence": 1,
            "send_by": AT_NS, "request": {"symbol": "BTCUSDT"}, "created_at": AT_NS, "updated_at": AT_NS,
        }  # fmt: skip
        return OrderRow(**(fields | changes))

    def trade(self, order: OrderRow, **changes: Any) -> TradeRow:
        trade_id = self.id()
        fields: dict[str, Any] = {
            "id": trade_id, "order_id": order.id, "user_id": order.user_id, "account_id": order.account_id,
            "external_trade_id": str(trade_id), "symbol": order.symbol, "side": order.side, "quantity": order.quantity,
            "price": Decimal(60000), "fees": Decimal(0), "fee_asset": None, "liquidity": "taker", "inferred": False,
            "realized_pnl": Decimal(0), "exchange": order.exchange, "correlation_id": order.correlation_id,
            "executed_at": AT_NS, "created_at": AT_NS,
        }  # fmt: skip
        return TradeRow(**(fields | changes))

    def lot(self, trade: TradeRow, **changes: Any) -> LotRow:
        fields: dict[str, Any] = {
            "id": trade.id, "user_id": trade.user_id, "account_id": trade.account_id, "symbol": trade.symbol,
            "position_side": "net", "trade_id": trade.id, "side": trade.side, "quantity": trade.quantity,
            "remaining": trade.quantity, "price": trade.price, "realized_pnl": Decimal(0),
            "opened_at": trade.executed_at, "closed_at": None, "updated_at": AT_NS,
        }  # fmt: skip
        return LotRow(**(fields | changes))

    def position(self, account: AccountRow, **changes: Any) -> PositionRow:
        fields: dict[str, Any] = {
            "id": self.id(), "user_id": account.user_id, "account_id": account.id, "symbol": "BTC/USDT",
            "position_side": "net", "size": Decimal(1), "average_price": Decimal(60_000), "mark_price": None,
            "market_value": None, "unrealized_pnl": None, "realized_pnl": Decimal(0), "fees_paid": Decimal(0),
            "exchange": account.exchange, "updated_at": AT_NS,
        }  # fmt: skip
        return PositionRow(**(fields | changes))

    def request(self, order: OrderRow, **changes: Any) -> OrderRequestRow:
        fields: dict[str, Any] = {
            "id": self.id(), "user_id": order.user_id, "account_id": order.account_id, "order_id": order.id,
            "kind": "cancel", "state": "requested", "reason": None, "answer_code": None,
            "correlation_id": order.correlation_id, "created_at": AT_NS, "updated_at": AT_NS,
        }  # fmt: skip
        return OrderRequestRow(**(fields | changes))

    def event(self, data: Row | dict[str, Any], channel: str = "orders", **changes: Any) -> JournalEvent:
        fields: dict[str, Any] = {"channel": channel, "type": "OrderSubmitting", "data": data, "at_ns": AT_NS}
        return JournalEvent(**(fields | changes))

    def unit(
        self,
        user_id: UUID,
        rows: tuple[Row, ...] = (),
        events: tuple[JournalEvent, ...] = (),
        *,
        n: int | None = None,
        fence: int | None = None,
    ) -> WriteUnit:
        return WriteUnit(id=UnitId(self.id()), n=n, user_id=UserId(user_id), fence=fence, rows=rows, events=events)


class TestCell:
    """A user with an account, and units of its cell in order."""

    __test__ = False

    def __init__(self, make: UnitMaker) -> None:
        self.make = make
        self.user = make.user()
        self.account = make.account(self.user.id)
        self.user_id = UserId(self.user.id)
        self.account_id = AccountId(self.account.id)
        self.fence = 0
        self.n = 0

    def birth(self) -> WriteUnit:
        """Return the unit that creates the user and account; it belongs to no cell."""
        return self.make.unit(self.user.id, (self.user, self.account))

    def begin(self, fence: int) -> None:
        """Count from 1 under a new fence."""
        self.fence, self.n = fence, 0

    def unit(self, *rows: Row, events: tuple[JournalEvent, ...] = ()) -> WriteUnit:
        """Return the next unit of the cell."""
        self.n += 1
        return self.make.unit(self.user.id, rows, events, n=self.n, fence=self.fence)

    def order_unit(self, **changes: Any) -> WriteUnit:
        """Return the next unit with a new order and its event."""
        order = self.make.order(self.account, **changes)
        return self.unit(order, events=(self.make.event(order),))

    def again(self, order: OrderRow, **changes: Any) -> WriteUnit:
        """Return the next unit with a new state of an order."""
        changed = msgspec.structs.replace(order, **changes)
        return self.unit(changed, events=(self.make.event(changed, type="OrderAccepted"),))
