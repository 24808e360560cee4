"""The shapes of Coinbase Advanced Trade's private payloads, as far as they are read; unknown fields are ignored.

Numbers are text, or empty where there are none.
Source: Coinbase Advanced Trade, "WebSocket Channels" (`user`), GET /brokerage/orders/historical/batch, /{order_id} and
/fills, GET /brokerage/accounts and /key_permissions, POST /brokerage/orders, /orders/batch_cancel, /orders/edit.
"""

from decimal import Decimal

import msgspec


class UserOrder(msgspec.Struct, gc=False):
    """An order as the `user` channel tells it: sums, no fills."""

    order_id: str
    client_order_id: str
    product_id: str
    status: str
    order_side: str
    order_type: str
    cumulative_quantity: str
    leaves_quantity: str
    avg_price: str = ""
    total_fees: str = ""
    limit_price: str = ""
    stop_price: str = ""
    time_in_force: str = ""
    post_only: bool | str = False
    product_type: str = "SPOT"


class UserEvent(msgspec.Struct, gc=False):
    """`snapshot`: open orders at the subscription, up to 50 per event; `update`: orders that have changed."""

    type: str
    orders: tuple[UserOrder, ...] = ()


class UserFrame(msgspec.Struct, gc=False):
    """`user`."""

    timestamp: str
    sequence_num: int
    events: tuple[UserEvent, ...]


class Configuration(msgspec.Struct, gc=False):
    """What was ordered. Raw: the numbers are texts, and numbers in places of the documentation."""

    base_size: msgspec.Raw = msgspec.Raw()
    quote_size: msgspec.Raw = msgspec.Raw()
    limit_price: msgspec.Raw = msgspec.Raw()
    stop_price: msgspec.Raw = msgspec.Raw()
    stop_trigger_price: msgspec.Raw = msgspec.Raw()
    post_only: bool = False


class HistoricalOrder(msgspec.Struct, gc=False):
    """An order of the lists."""

    order_id: str
    client_order_id: str
    product_id: str
    side: str
    status: str
    created_time: str
    order_configuration: dict[str, Configuration] = {}
    order_type: str = ""
    time_in_force: str = ""
    product_type: str = "SPOT"
    filled_size: str = ""
    average_filled_price: str = ""
    total_fees: str = ""


class Orders(msgspec.Struct, gc=False):
    """GET orders/historical/batch: newest first."""

    orders: tuple[HistoricalOrder, ...]
    has_next: bool = False
    cursor: str = ""


class OneOrder(msgspec.Struct, gc=False):
    """GET orders/historical/{order_id}."""

    order: HistoricalOrder


class Fill(msgspec.Struct, gc=False):
    """An execution."""

    entry_id: str
    trade_id: str
    order_id: str
    trade_time: str
    trade_type: str
    """`FILL`; adjustments are `REVERSAL`, `CORRECTION` and `SYNTHETIC`."""
    price: Decimal
    size: Decimal
    commission: Decimal
    product_id: str
    sequence_timestamp: str
    liquidity_indicator: str
    side: str
    size_in_quote: bool = False


class Fills(msgspec.Struct, gc=False):
    """GET orders/historical/fills: newest first."""

    fills: tuple[Fill, ...]
    cursor: str = ""


class Amount(msgspec.Struct, gc=False):
    """Money."""

    value: Decimal
    currency: str


class Account(msgspec.Struct, gc=False):
    """A wallet: one currency."""

    uuid: str
    currency: str
    available_balance: Amount
    hold: Amount
    type: str = ""


class Accounts(msgspec.Struct, gc=False):
    """GET accounts."""

    accounts: tuple[Account, ...]
    has_next: bool = False
    cursor: str = ""


class Placed(msgspec.Struct, gc=False):
    """The good half of an answer to a new order."""

    order_id: str
    client_order_id: str = ""
    product_id: str = ""
    side: str = ""


class Failure(msgspec.Struct, gc=False):
    """The bad half."""

    error: str = ""
    message: str = ""
    error_details: str = ""
    preview_failure_reason: str = ""
    new_order_failure_reason: str = ""
    edit_order_failure_reason: str = ""


class NewOrder(msgspec.Struct, gc=False):
    """The answer to POST orders. Both halves can be there; `success` tells which one counts."""

    success: bool
    success_response: Placed | None = None
    error_response: Failure | None = None


class Cancelled(msgspec.Struct, gc=False):
    """What became of one of the cancels."""

    success: bool
    failure_reason: str
    order_id: str


class Cancels(msgspec.Struct, gc=False):
    """The answer to POST orders/batch_cancel; one may succeed and the next fail."""

    results: tuple[Cancelled, ...]


class EditFailure(msgspec.Struct, gc=False):
    """Why an edit was refused."""

    edit_failure_reason: str = ""
    preview_failure_reason: str = ""


class Edited(msgspec.Struct, gc=False):
    """The answer to POST orders/edit; `errors` is a list, or one object in places of the documentation."""

    success: bool
    errors: tuple[EditFailure, ...] | EditFailure = ()
    error_response: Failure | None = None


class Permissions(msgspec.Struct, gc=False):
    """GET key_permissions."""

    can_view: bool
    can_trade: bool
    can_transfer: bool = False
    portfolio_uuid: str = ""
    portfolio_type: str = ""
