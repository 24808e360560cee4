"""Coinbase's private payloads as messages of the connector protocol. Pure.

The `user` channel tells sums, never fills: an order that is open becomes an update, one that is done its end, and how
much is filled goes to whoever fetches the fills (`fill_feed.py`). Fills come from REST alone, with their real trade
ids: a sum is no execution.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from connectors.coinbase import private_wire as wire
from connectors.coinbase.frames import number_or_none
from connectors.coinbase.symbols import symbol_of
from connectors.coinbase.times import time_ns
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Venue
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.domain.values import ZERO, add, divide, round_money
from engine.messages.venues import VenueBalance, VenueFill, VenueOrder, VenueOrderDone, VenueOrderUpdate

_DONE: Final = {
    "FILLED": DoneReason.FILLED,
    "CANCELLED": DoneReason.CANCELLED,
    "EXPIRED": DoneReason.EXPIRED,
    "FAILED": DoneReason.REJECTED,
}
_OPEN: Final = frozenset({"OPEN", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"})
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_LIQUIDITY: Final = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}

_TYPES: Final = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP_LIMIT": OrderType.STOP_LIMIT,
    "BRACKET": OrderType.LIMIT,
    "TWAP": OrderType.LIMIT,
    "SCALED": OrderType.LIMIT,
    "ROLL_OPEN": OrderType.LIMIT,
    "ROLL_CLOSE": OrderType.LIMIT,
    "UNKNOWN_ORDER_TYPE": OrderType.LIMIT,
}
"""What rests without a word of ours is nearest to a limit order. We place only the first three."""
_TIMES: Final = {
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
    "UNKNOWN_TIME_IN_FORCE": TimeInForce.GTC,
    "": TimeInForce.GTC,
}

_NOT_SPOT: Final = frozenset({"FUTURE", "PERPETUAL"})
_FILL: Final = "FILL"
_ADJUSTED: Final = frozenset({"CORRECTION", "SYNTHETIC"})

_T = TypeVar("_T")

OrderMessage = VenueOrderUpdate | VenueOrderDone

_decode_user = msgspec.json.Decoder(wire.UserFrame).decode


class Seen(msgspec.Struct, frozen=True, gc=False):
    """An order in a `user` frame."""

    order_id: str
    client_id: str
    filled: Decimal
    is_snapshot: bool
    message: OrderMessage


class UserNews(msgspec.Struct, frozen=True, gc=False):
    """What a `user` frame tells of spot orders."""

    seen: tuple[Seen, ...]
    unread: tuple[BadInput, ...]
    """Why, of each order that could not be understood; it hides none of the others."""


def parse_user(raw: bytes, account_id: AccountId) -> UserNews:
    """Read a frame of the `user` channel, in its order. Orders in futures are another account's business.

    Raises:
        BadInput: It is no such frame.
    """
    try:
        frame = _decode_user(raw)
        at_ns = time_ns(frame.timestamp)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("user", expected=f"a frame of orders ({error})", was=raw) from error
    seen: list[Seen] = []
    unread: list[BadInput] = []
    for event in frame.events:
        for order in event.orders:
            if order.product_type in _NOT_SPOT:
                continue
            try:
                is_snapshot = event.type == "snapshot"
                seen.append(_seen(order, account_id, at_ns, frame.sequence_num, is_snapshot=is_snapshot))
            except BadInput as error:
                unread.append(error)
            except (ValueError, ArithmeticError) as error:
                unread.append(BadInput("user", expected=f"an order ({error})", was=order.order_id))
    return UserNews(tuple(seen), tuple(unread))


def _seen(order: wire.UserOrder, account_id: AccountId, at_ns: int, number: int, *, is_snapshot: bool) -> Seen:
    filled = number_or_none(order.cumulative_quantity) or ZERO
    reason = done_of(order.status)
    message: OrderMessage
    if reason is not None:
        message = VenueOrderDone(
            account_id=account_id,
            venue_client_id=order.client_order_id,
            external_order_id=order.order_id,
            symbol=symbol_of(order.product_id),
            reason=reason,
            filled_quantity=filled,
            venue_time_ns=at_ns,
        )
    else:
        message = VenueOrderUpdate(account_id=account_id, order=_user_order(order, filled, at_ns, number))
    return Seen(order.order_id, order.client_order_id, filled, is_snapshot, message)


def _user_order(order: wire.UserOrder, filled: Decimal, at_ns: int, number: int) -> VenueOrder:
    symbol = symbol_of(order.product_id)
    found = VenueOrder(
        venue_client_id=order.client_order_id,
        external_order_id=order.order_id,
        symbol=symbol,
        side=_word(_SIDES, order.order_side, "order_side"),
        type=_word(_TYPES, order.order_type.upper().replace(" ", "_"), "order_type"),
        quantity=add(filled, number_or_none(order.leaves_quantity) or ZERO),
        price=number_or_none(order.limit_price) or None,
        stop_price=number_or_none(order.stop_price) or None,
        time_in_force=_word(_TIMES, order.time_in_force, "time_in_force"),
        filled_quantity=filled,
        is_open=True,
        done_reason=None,
        venue_time_ns=at_ns,
        post_only=order.post_only in (True, "true"),
        sequence=number,
    )
    return _with_sums(found, order.avg_price, order.total_fees)


def done_of(status: str) -> DoneReason | None:
    """Return why an order is done, None while it is open.

    Raises:
        BadInput: The status is not known.
    """
    if status in _OPEN:
        return None
    return _word(_DONE, status, "status")


def is_spot(order: wire.HistoricalOrder) -> bool:
    """Whether an order of the lists is in a spot product."""
    return order.product_type not in _NOT_SPOT


def historical_order(order: wire.HistoricalOrder, at_ns: int) -> VenueOrder:
    """Return an order of the lists. Its answer names no time of its own, so `at_ns` is the venue's when it was asked.

    Raises:
        BadInput: A word or number in it is not known.
    """
    kind, values = next(iter(order.order_configuration.items()), ("", wire.Configuration()))
    filled = number_or_none(order.filled_size) or ZERO
    reason = done_of(order.status)
    symbol = symbol_of(order.product_id)
    try:
        found = VenueOrder(
            venue_client_id=order.client_order_id,
            external_order_id=order.order_id,
            symbol=symbol,
            side=_word(_SIDES, order.side, "side"),
            type=_type_of(kind, order.order_type),
            # One that was given in the quote asset is at least as large as what it has bought.
            quantity=_raw_number(values.base_size) or filled,
            price=_raw_number(values.limit_price),
            stop_price=_raw_number(values.stop_price) or _raw_number(values.stop_trigger_price),
            time_in_force=_time_in_force(kind, order.time_in_force),
            filled_quantity=filled,
            is_open=reason is None,
            done_reason=reason,
            venue_time_ns=at_ns,
            post_only=values.post_only,
        )
        return _with_sums(found, order.average_filled_price, order.total_fees)
    except (ValueError, ArithmeticError) as error:
        raise BadInput("order", expected=f"an order of Coinbase ({error})", was=order.order_id) from error


def _type_of(kind: str, word: str) -> OrderType:
    for prefix, found in (
        ("market_market", OrderType.MARKET),
        ("stop_limit", OrderType.STOP_LIMIT),
        ("limit_limit", OrderType.LIMIT),
        ("sor_limit", OrderType.LIMIT),
    ):
        if kind.startswith(prefix):
            return found
    return _TYPES.get(word, OrderType.LIMIT)


def _time_in_force(kind: str, word: str) -> TimeInForce:
    ending = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}.get(kind.rpartition("_")[2])
    return ending or _TIMES.get(word, TimeInForce.GTC)


def _with_sums(order: VenueOrder, average: str, fees: str) -> VenueOrder:
    if not order.filled_quantity:
        return order
    fee = number_or_none(fees)
    return msgspec.structs.replace(
        order,
        average_price=number_or_none(average) or None,
        fee=fee,
        fee_asset=None if fee is None else quote_of(order.symbol),
    )


def quote_of(symbol: str) -> str:
    """Return the asset in which Coinbase takes its fees."""
    return symbol.partition(":")[0].partition("/")[2]


def venue_fill(fill: wire.Fill, client_id: str, account_id: AccountId, venue: Venue) -> VenueFill | None:
    """Return a fill; None for what is none to book here: a `REVERSAL`, a word that is not known, one in futures.

    A correction is an execution of its own: Coinbase reverses the first and writes a second under the same trade id, so
    its entry's id tells them apart.

    Raises:
        BadInput: A word or number in it is not known.
    """
    if fill.trade_type != _FILL and fill.trade_type not in _ADJUSTED:
        return None
    if fill.product_id.count("-") != 1:
        return None
    try:
        return VenueFill(
            account_id=account_id,
            venue=venue,
            symbol=symbol_of(fill.product_id),
            side=_word(_SIDES, fill.side, "side"),
            venue_client_id=client_id,
            external_order_id=fill.order_id,
            external_trade_id=fill.trade_id if fill.trade_type == _FILL else f"{fill.trade_id}:{fill.entry_id}",
            price=fill.price,
            quantity=round_money(divide(fill.size, fill.price)) if fill.size_in_quote else fill.size,
            fee=fill.commission,
            fee_asset=quote_of(symbol_of(fill.product_id)),
            # Without a word it is the dearer one; the fee itself is as told.
            liquidity=_LIQUIDITY.get(fill.liquidity_indicator, Liquidity.TAKER),
            executed_at_ns=time_ns(fill.trade_time),
            cursor=str(time_ns(fill.sequence_timestamp)),
        )
    except (ValueError, ArithmeticError) as error:
        raise BadInput("fill", expected=f"a fill of Coinbase ({error})", was=fill.entry_id) from error


def balances_of(accounts: Iterable[wire.Account]) -> tuple[VenueBalance, ...]:
    """Return what is owned, by currency; wallets of one currency are added up, empty ones left out."""
    free: dict[str, Decimal] = {}
    locked: dict[str, Decimal] = {}
    for account in accounts:
        if account.type not in ("", "ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT"):
            # A vault and a staked balance cannot be traded with.
            continue
        free[account.currency] = add(free.get(account.currency, ZERO), account.available_balance.value)
        locked[account.currency] = add(locked.get(account.currency, ZERO), account.hold.value)
    return tuple(
        VenueBalance(asset=asset, free=free[asset], locked=locked[asset])
        for asset in sorted(free)
        if free[asset] or locked[asset]
    )


def _raw_number(raw: msgspec.Raw) -> Decimal | None:
    return number_or_none(bytes(raw).decode().strip('"')) or None


def _word(words: dict[str, _T], word: str, field: str) -> _T:
    found = words.get(word)
    if found is None:
        raise BadInput(field, expected=" or ".join(filter(None, words)), was=word)
    return found
