"""A venue that says only what the test tells it to, and keeps what it was asked to do."""

from decimal import Decimal
from typing import Any

from engine.domain.identifiers import venue_client_id
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.messages.orders import OrderIntent
from engine.messages.rows import Row
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderQuery,
    VenueAccepted,
    VenueAccount,
    VenueAmend,
    VenueBalance,
    VenueCancel,
    VenueFill,
    VenueFills,
    VenueOrder,
    VenueOrderDone,
    VenueOrders,
    VenueSubmit,
)
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.ref import Ref
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, START_NS

D = Decimal


class Script:
    """What the venue was asked, and what it answers."""

    def __init__(self) -> None:
        self.submits: list[VenueSubmit] = []
        self.cancels: list[VenueCancel] = []
        self.amends: list[VenueAmend] = []
        self.queries: list[Any] = []
        self.account: Any = VenueAccount(
            balances=(VenueBalance(asset="USDT", free=D(1_000_000), locked=D(0)),),
            positions=(),
            cursor=None,
            venue_time_ns=START_NS,
        )
        self.fills: Any = VenueFills(fills=(), cursor=None)
        self.open_orders: Any = VenueOrders(orders=())
        self.orders: dict[str, Any] = {}
        """Client id -> answer to a question about it; `CannotTell` for the others."""


class ScriptedVenue(AsyncioActor):
    """Speaks the connector protocol by script."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    @handles(VenueSubmit)
    def on_submit(self, message: VenueSubmit) -> None:
        self._script.submits.append(message)

    @handles(VenueCancel)
    def on_cancel(self, message: VenueCancel) -> None:
        self._script.cancels.append(message)

    @handles(VenueAmend)
    def on_amend(self, message: VenueAmend) -> None:
        self._script.amends.append(message)

    @handles(AccountQuery)
    def on_account(self, query: AccountQuery) -> Any:
        self._script.queries.append(query)
        return _answer(self._script.account, query)

    @handles(FillsQuery)
    def on_fills(self, query: FillsQuery) -> Any:
        self._script.queries.append(query)
        return _answer(self._script.fills, query)

    @handles(OpenOrdersQuery)
    def on_open_orders(self, query: OpenOrdersQuery) -> Any:
        self._script.queries.append(query)
        return _answer(self._script.open_orders, query)

    @handles(OrderQuery)
    def on_order(self, query: OrderQuery) -> Any:
        self._script.queries.append(query)
        return _answer(self._script.orders.get(query.venue_client_id, CannotTell(why="no script")), query)


def _answer(script: Any, query: Any) -> Any:
    return script(query) if callable(script) else script


class ScriptedRig(CellRig):
    """A cell whose venue follows a script."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.script = Script()

    async def _start_below(self) -> None:
        await super()._start_below()
        self.scripted = await self.system.start(ScriptedVenue, self.script, name="scripted")

    def connector(self) -> Ref[Any]:
        """Let the cell speak to the script."""
        return self.scripted

    def say(self, message: Any) -> None:
        """Let the venue say something, without anybody having handled it yet."""
        self.bus.publish(message, key=ACCOUNT)

    def units_with(self, kind: type[Row]) -> int:
        """Count the committed units that hold a row of a kind."""
        units = [result.unit for result in self.store._committed.values()]
        return sum(any(isinstance(row, kind) for row in unit.rows) for unit in units)

    async def hear(self, message: Any) -> None:
        """Let the venue say something and everything happen that follows."""
        self.say(message)
        await self.settle()


def accepted(intent: OrderIntent, at_ns: int = START_NS) -> VenueAccepted:
    """Return the acknowledgement of an order."""
    return VenueAccepted(
        order_id=intent.order_id, account_id=ACCOUNT, external_order_id=f"x{intent.order_id.int}", venue_time_ns=at_ns
    )


def a_fill(
    intent: OrderIntent, trade: int, *, quantity: str = "0.1", price: str = "60000", fee: str = "1", **changes: Any
) -> VenueFill:
    """Return a fill of an order; `trade` makes its id and cursor."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "venue": intent.venue,
        "symbol": intent.symbol,
        "side": intent.side,
        "venue_client_id": venue_client_id(intent.order_id, intent.venue),
        "external_order_id": f"x{intent.order_id.int}",
        "external_trade_id": f"t{trade}",
        "price": D(price),
        "quantity": D(quantity),
        "fee": D(fee),
        "fee_asset": "USDT",
        "liquidity": Liquidity.TAKER,
        "executed_at_ns": START_NS + trade,
        "cursor": str(trade),
    }
    return VenueFill(**fields | changes)


def done(
    intent: OrderIntent, reason: DoneReason = DoneReason.FILLED, filled: str = "0.1", at_ns: int = START_NS + 1
) -> VenueOrderDone:
    """Return the end of an order."""
    return VenueOrderDone(
        account_id=ACCOUNT,
        venue_client_id=venue_client_id(intent.order_id, intent.venue),
        external_order_id=f"x{intent.order_id.int}",
        symbol=intent.symbol,
        reason=reason,
        filled_quantity=D(filled),
        venue_time_ns=at_ns,
    )


def as_listed(intent: OrderIntent, **changes: Any) -> VenueOrder:
    """Return an order as the venue lists it: open, nothing filled."""
    fields: dict[str, Any] = {
        "venue_client_id": venue_client_id(intent.order_id, intent.venue),
        "external_order_id": f"x{intent.order_id.int}",
        "symbol": intent.symbol,
        "side": intent.side,
        "type": intent.type,
        "quantity": intent.quantity,
        "price": intent.price,
        "stop_price": intent.stop_price,
        "time_in_force": intent.time_in_force,
        "filled_quantity": D(0),
        "is_open": True,
        "done_reason": None,
        "venue_time_ns": START_NS,
    }
    return VenueOrder(**fields | changes)


def somebody_elses_order(**changes: Any) -> VenueOrder:
    """Return an open order that was not placed by us."""
    fields: dict[str, Any] = {
        "venue_client_id": "web-1",
        "external_order_id": "x-web-1",
        "symbol": "BTC/USDT:USDT",
        "side": Side.SELL,
        "type": OrderType.LIMIT,
        "quantity": D("0.5"),
        "price": D(70_000),
        "stop_price": None,
        "time_in_force": TimeInForce.GTC,
        "filled_quantity": D(0),
        "is_open": True,
        "done_reason": None,
        "venue_time_ns": START_NS,
    }
    return VenueOrder(**fields | changes)
