"""The shapes of Binance's private payloads, as far as they are read; unknown fields are ignored.

Amounts are text on the wire and become exact decimals. Times are milliseconds. A required field that is missing makes
the whole payload unreadable: what an order stands at is never guessed.
Source: Binance spot, "User Data Stream" and "Trading endpoints"; USD-M futures, "User Data Streams", "Trade" and
"Algo" endpoints.
"""

from decimal import Decimal

import msgspec

from engine.domain.values import ZERO

# --- Streams ----------------------------------------------------------------------------------------------------------


class StreamProbe(msgspec.Struct, gc=False):
    """Any private frame: enough to tell what it is and where its payload lies."""

    e: str | None = None
    event: msgspec.Raw = msgspec.Raw()
    """WebSocket API: the payload, beside `subscriptionId`."""
    data: msgspec.Raw = msgspec.Raw()
    """Combined streams: the payload, beside `stream`."""
    id: str | int | None = None
    """An answer to a request of ours."""


class Kind(msgspec.Struct, gc=False):
    """The type of an event."""

    e: str


class Failure(msgspec.Struct, gc=False):
    """What went wrong, in Binance's words."""

    code: int
    msg: str = ""


class WsAnswer(msgspec.Struct, gc=False):
    """An answer of the WebSocket API."""

    id: str | int | None
    status: int
    error: Failure | None = None


class ExecutionReport(msgspec.Struct, gc=False, rename={
    "client_id": "c", "original_client_id": "C", "symbol": "s", "side": "S", "type": "o", "tif": "f", "quantity": "q",
    "price": "p", "stop_price": "P", "execution": "x", "status": "X", "reject_reason": "r", "order_id": "i",
    "last_quantity": "l", "filled": "z", "last_price": "L", "fee": "n", "fee_asset": "N", "at_ms": "T",
    "trade_id": "t", "execution_id": "I", "is_maker": "m", "spent": "Z",
}):  # fmt: skip
    """`executionReport` of spot."""

    client_id: str
    symbol: str
    side: str
    type: str
    tif: str
    quantity: Decimal
    price: Decimal
    execution: str
    status: str
    order_id: int
    last_quantity: Decimal
    filled: Decimal
    last_price: Decimal
    at_ms: int
    stop_price: Decimal = ZERO
    original_client_id: str = ""
    """Of the order that a cancel or a replacement was about; then `client_id` is the request's own."""
    reject_reason: str = "NONE"
    fee: Decimal | None = None
    fee_asset: str | None = None
    trade_id: int = -1
    execution_id: int = 0
    is_maker: bool = False
    spent: Decimal = ZERO


class FuturesOrder(msgspec.Struct, gc=False, rename={
    "symbol": "s", "client_id": "c", "side": "S", "type": "o", "original_type": "ot", "tif": "f", "quantity": "q",
    "price": "p", "average_price": "ap", "stop_price": "sp", "execution": "x", "status": "X", "order_id": "i",
    "last_quantity": "l", "filled": "z", "last_price": "L", "fee": "n", "fee_asset": "N", "at_ms": "T",
    "trade_id": "t", "is_maker": "m", "reduce_only": "R", "position_side": "ps",
}):  # fmt: skip
    """The order inside `ORDER_TRADE_UPDATE`."""

    symbol: str
    client_id: str
    side: str
    type: str
    tif: str
    quantity: Decimal
    price: Decimal
    execution: str
    status: str
    order_id: int
    last_quantity: Decimal
    filled: Decimal
    last_price: Decimal
    at_ms: int
    original_type: str = ""
    average_price: Decimal = ZERO
    stop_price: Decimal = ZERO
    fee: Decimal | None = None
    fee_asset: str | None = None
    trade_id: int = 0
    is_maker: bool = False
    reduce_only: bool = False
    position_side: str = "BOTH"


class OrderTradeUpdate(msgspec.Struct, gc=False, rename={"order": "o"}):
    """`ORDER_TRADE_UPDATE` of USD-M."""

    order: FuturesOrder


class AlgoState(msgspec.Struct, gc=False, rename={
    "client_id": "caid", "algo_id": "aid", "type": "o", "symbol": "s", "side": "S", "position_side": "ps", "tif": "f",
    "quantity": "q", "status": "X", "order_id": "ai", "stop_price": "tp", "price": "p", "reduce_only": "R",
    "filled": "aq", "reject_reason": "rm",
}):  # fmt: skip
    """The order inside `ALGO_UPDATE`."""

    client_id: str
    algo_id: int
    type: str
    symbol: str
    side: str
    tif: str
    quantity: Decimal
    status: str
    stop_price: Decimal = ZERO
    price: Decimal = ZERO
    position_side: str = "BOTH"
    order_id: str = ""
    """Of the order that it has become; empty until then."""
    reduce_only: bool = False
    filled: Decimal = ZERO
    reject_reason: str = ""


class AlgoUpdate(msgspec.Struct, gc=False, rename={"at_ms": "T", "order": "o"}):
    """`ALGO_UPDATE` of USD-M: a conditional order before, and while, it becomes an ordinary one."""

    at_ms: int
    order: AlgoState


# --- REST -------------------------------------------------------------------------------------------------------------


class SpotOrder(msgspec.Struct, gc=False, rename="camel"):
    """An order of GET order, openOrders, and (less some times) of POST and DELETE order."""

    symbol: str
    order_id: int
    client_order_id: str
    orig_qty: Decimal
    executed_qty: Decimal
    status: str
    type: str
    side: str
    time_in_force: str
    price: Decimal
    cummulative_quote_qty: Decimal = ZERO
    stop_price: Decimal = ZERO
    update_time: int = 0
    transact_time: int = 0
    time: int = 0
    orig_client_order_id: str = ""
    """DELETE order: our id; `client_order_id` is the cancel's own there."""


class SpotReplaced(msgspec.Struct, gc=False, rename="camel"):
    """POST order/cancelReplace, where both halves were done."""

    cancel_result: str
    new_order_result: str
    new_order_response: SpotOrder


class UsdmOrder(msgspec.Struct, gc=False, rename="camel"):
    """An order of /fapi/v1/order, by whatever method, and of openOrders."""

    symbol: str
    order_id: int
    client_order_id: str
    orig_qty: Decimal
    executed_qty: Decimal
    status: str
    type: str
    side: str
    time_in_force: str
    price: Decimal
    update_time: int
    orig_type: str = ""
    avg_price: Decimal = ZERO
    stop_price: Decimal = ZERO
    reduce_only: bool = False
    position_side: str = "BOTH"
    close_position: bool = False


class AlgoOrder(msgspec.Struct, gc=False, rename="camel"):
    """An order of /fapi/v1/algoOrder and openAlgoOrders."""

    algo_id: int
    client_algo_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: Decimal
    algo_status: str
    trigger_price: Decimal
    price: Decimal
    create_time: int
    update_time: int
    position_side: str = "BOTH"
    reduce_only: bool = False
    close_position: bool = False
    actual_order_id: str = ""


class AlgoCancelled(msgspec.Struct, gc=False, rename="camel"):
    """DELETE /fapi/v1/algoOrder: either the whole order, or only that it was done."""

    algo_id: int
    client_algo_id: str
    code: str = "200"


class SpotTrade(msgspec.Struct, gc=False, rename="camel"):
    """GET /api/v3/myTrades."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


class UsdmTrade(msgspec.Struct, gc=False, rename="camel"):
    """GET /fapi/v1/userTrades."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    side: str
    maker: bool
    position_side: str = "BOTH"


class SpotBalance(msgspec.Struct, gc=False):
    """An asset of GET /api/v3/account."""

    asset: str
    free: Decimal
    locked: Decimal


class SpotAccount(msgspec.Struct, gc=False, rename="camel"):
    """GET /api/v3/account."""

    can_trade: bool
    balances: tuple[SpotBalance, ...]
    update_time: int = 0
    account_type: str = "SPOT"
    uid: int = 0


class UsdmAsset(msgspec.Struct, gc=False, rename="camel"):
    """An asset of GET /fapi/v3/account; the wallet holds no unrealized profit."""

    asset: str
    wallet_balance: Decimal
    initial_margin: Decimal


class UsdmPosition(msgspec.Struct, gc=False, rename="camel"):
    """GET /fapi/v3/positionRisk."""

    symbol: str
    position_side: str
    position_amt: Decimal
    entry_price: Decimal
    update_time: int = 0


class UsdmAccount(msgspec.Struct, gc=False, rename="camel"):
    """GET /fapi/v3/account."""

    assets: tuple[UsdmAsset, ...]


class UsdmConfig(msgspec.Struct, gc=False, rename="camel"):
    """GET /fapi/v1/accountConfig."""

    can_trade: bool
    dual_side_position: bool = False
    multi_assets_margin: bool = False


class SymbolConfig(msgspec.Struct, gc=False, rename="camel"):
    """GET /fapi/v1/symbolConfig."""

    symbol: str
    margin_type: str
    leverage: int


class ListenKey(msgspec.Struct, gc=False, rename="camel"):
    """POST /fapi/v1/listenKey."""

    listen_key: str


class ServerTime(msgspec.Struct, gc=False, rename="camel"):
    """GET time."""

    server_time: int


class Income(msgspec.Struct, gc=False, rename="camel"):
    """GET /fapi/v1/income: tells in which symbols an account has traded."""

    symbol: str
    time: int
