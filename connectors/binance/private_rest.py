"""Binance's answers about an account as messages of the connector protocol: pure functions from bytes.

What cannot be read raises `BadInput`: an answer that is not what it should be proves nothing.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from connectors.binance import private_wire as wire
from connectors.binance.generations import base_of
from connectors.binance.symbols import Market, Symbols
from connectors.binance.words import (
    ALGO,
    NS_PER_MS,
    algo_done_of,
    done_of,
    is_post_only,
    position_side_of,
    present,
    side_of,
    tif_of,
    type_of,
)
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Venue
from engine.domain.kinds import Liquidity, PositionSide, Side
from engine.domain.values import divide, round_money, subtract
from engine.messages.venues import VenueBalance, VenueFill, VenueOrder, VenuePosition

_Read = TypeVar("_Read")

_spot_orders: Final = msgspec.json.Decoder(tuple[wire.SpotOrder, ...]).decode
_spot_order: Final = msgspec.json.Decoder(wire.SpotOrder).decode
_spot_replaced: Final = msgspec.json.Decoder(wire.SpotReplaced).decode
_usdm_orders: Final = msgspec.json.Decoder(tuple[wire.UsdmOrder, ...]).decode
_usdm_order: Final = msgspec.json.Decoder(wire.UsdmOrder).decode
_algo_orders: Final = msgspec.json.Decoder(tuple[wire.AlgoOrder, ...]).decode
_algo_order: Final = msgspec.json.Decoder(wire.AlgoOrder).decode
_spot_trades: Final = msgspec.json.Decoder(tuple[wire.SpotTrade, ...]).decode
_usdm_trades: Final = msgspec.json.Decoder(tuple[wire.UsdmTrade, ...]).decode
_spot_account: Final = msgspec.json.Decoder(wire.SpotAccount).decode
_usdm_account: Final = msgspec.json.Decoder(wire.UsdmAccount).decode
_positions: Final = msgspec.json.Decoder(tuple[wire.UsdmPosition, ...]).decode


def read(decode: Callable[[bytes], _Read], raw: bytes, what: str) -> _Read:
    """Decode an answer.

    Raises:
        BadInput: It is not `what`.
    """
    try:
        return decode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput(what, expected=f"its documented shape ({error})", was=raw) from error


class RestParser:
    """Reads the answers to one account's questions in one of Binance's markets."""

    def __init__(self, *, venue: Venue, account_id: AccountId, symbols: Symbols) -> None:
        """Keep the names that go into every message."""
        self._venue = venue
        self._account_id = account_id
        self._symbols = symbols

    @property
    def market(self) -> Market:
        """Whose answers these are."""
        return self._symbols.market

    # --- Orders -------------------------------------------------------------------------------------------------------

    def orders(self, raw: bytes) -> tuple[VenueOrder, ...]:
        """Read GET openOrders."""
        if self.market == "spot":
            return tuple(self._spot(order) for order in read(_spot_orders, raw, "openOrders"))
        return tuple(self._usdm(order) for order in read(_usdm_orders, raw, "openOrders") if order.orig_qty)

    def order(self, raw: bytes) -> VenueOrder:
        """Read GET, POST, PUT or DELETE order."""
        if self.market == "spot":
            return self._spot(read(_spot_order, raw, "order"))
        return self._usdm(read(_usdm_order, raw, "order"))

    def replaced(self, raw: bytes) -> VenueOrder:
        """Read POST order/cancelReplace: the new order."""
        answer = read(_spot_replaced, raw, "cancelReplace")
        if (answer.cancel_result, answer.new_order_result) != ("SUCCESS", "SUCCESS"):
            raise BadInput("cancelReplace", expected="both halves done", was=raw)
        return self._spot(answer.new_order_response)

    def algo_orders(self, raw: bytes) -> tuple[VenueOrder, ...]:
        """Read GET openAlgoOrders; those that close a whole position have no quantity and are left out."""
        listed = read(_algo_orders, raw, "openAlgoOrders")
        return tuple(self._algo(order) for order in listed if order.quantity and not order.actual_order_id)

    def algo_order(self, raw: bytes) -> tuple[VenueOrder | None, str]:
        """Read GET or POST algoOrder: the order while it is conditional, else the id of what it has become."""
        order = read(_algo_order, raw, "algoOrder")
        return (None, order.actual_order_id) if order.actual_order_id else (self._algo(order), "")

    def _spot(self, order: wire.SpotOrder) -> VenueOrder:
        reason = done_of(order.status)
        at_ms = order.update_time or order.transact_time or order.time
        if not at_ms:
            raise BadInput("updateTime", expected="a time", was=at_ms)
        spent, filled = order.cummulative_quote_qty, order.executed_qty
        return VenueOrder(
            venue_client_id=base_of(order.orig_client_order_id or order.client_order_id),
            external_order_id=str(order.order_id),
            symbol=self._symbols.of_account(order.symbol),
            side=side_of(order.side),
            type=type_of(order.type, "spot"),
            quantity=order.orig_qty,
            price=present(order.price),
            stop_price=present(order.stop_price),
            time_in_force=tif_of(order.time_in_force),
            filled_quantity=filled,
            is_open=reason is None,
            done_reason=reason,
            venue_time_ns=at_ms * NS_PER_MS,
            post_only=is_post_only(order.type, order.time_in_force),
            average_price=round_money(divide(spent, filled)) if filled and spent > 0 else None,
        )

    def _usdm(self, order: wire.UsdmOrder) -> VenueOrder:
        reason = done_of(order.status)
        return VenueOrder(
            venue_client_id=order.client_order_id,
            external_order_id=str(order.order_id),
            symbol=self._symbols.of_account(order.symbol),
            side=side_of(order.side),
            type=type_of(order.orig_type or order.type, "usdm"),
            quantity=order.orig_qty,
            price=present(order.price),
            stop_price=present(order.stop_price),
            time_in_force=tif_of(order.time_in_force),
            filled_quantity=order.executed_qty,
            is_open=reason is None,
            done_reason=reason,
            venue_time_ns=order.update_time * NS_PER_MS,
            post_only=is_post_only(order.type, order.time_in_force),
            reduce_only=order.reduce_only,
            sequence=1 if order.executed_qty else 0,
            average_price=present(order.avg_price),
        )

    def _algo(self, order: wire.AlgoOrder) -> VenueOrder:
        reason = algo_done_of(order.algo_status)
        return VenueOrder(
            venue_client_id=order.client_algo_id,
            external_order_id=f"{ALGO}{order.algo_id}",
            symbol=self._symbols.of_account(order.symbol),
            side=side_of(order.side),
            type=type_of(order.order_type, "usdm"),
            quantity=order.quantity,
            price=present(order.price),
            stop_price=present(order.trigger_price),
            time_in_force=tif_of(order.time_in_force),
            filled_quantity=Decimal(0),
            is_open=reason is None,
            done_reason=reason,
            venue_time_ns=(order.update_time or order.create_time) * NS_PER_MS,
            reduce_only=order.reduce_only,
        )

    # --- Fills --------------------------------------------------------------------------------------------------------

    def fills(self, raw: bytes, client_ids: Callable[[str], str]) -> tuple[VenueFill, ...]:
        """Read GET myTrades or userTrades, oldest first.

        Args:
            raw: The answer.
            client_ids: External order id -> client id; Binance's trades name only the former. Empty where unknown.
        """
        trades: Sequence[wire.SpotTrade | wire.UsdmTrade]
        trades = read(_spot_trades if self.market == "spot" else _usdm_trades, raw, "trades")
        return tuple(self._fill(trade, client_ids(str(trade.order_id))) for trade in sorted(trades, key=_trade_id))

    def _fill(self, trade: wire.SpotTrade | wire.UsdmTrade, client_id: str) -> VenueFill:
        if isinstance(trade, wire.SpotTrade):
            side, is_maker = Side.BUY if trade.is_buyer else Side.SELL, trade.is_maker
            position_side = PositionSide.NET
        else:
            side, is_maker = side_of(trade.side), trade.maker
            position_side = position_side_of(trade.position_side)
        return VenueFill(
            account_id=self._account_id,
            venue=self._venue,
            symbol=self._symbols.of_account(trade.symbol),
            side=side,
            position_side=position_side,
            venue_client_id=client_id,
            external_order_id=str(trade.order_id),
            external_trade_id=str(trade.id),
            price=trade.price,
            quantity=trade.qty,
            fee=trade.commission,
            fee_asset=trade.commission_asset,
            liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
            executed_at_ns=trade.time * NS_PER_MS,
            cursor=f"{trade.symbol}:{trade.id}",
        )

    # --- Account ------------------------------------------------------------------------------------------------------

    def balances(self, raw: bytes) -> tuple[VenueBalance, ...]:
        """Read what is owned from GET account: every asset that is not zero.

        USD-M: free and locked are together the wallet, which holds no unrealized profit; locked is the initial margin
        of positions and orders, so free falls below zero where unrealized profit carries positions.
        """
        if self.market == "spot":
            assets = read(_spot_account, raw, "account").balances
            return tuple(
                VenueBalance(asset=asset.asset, free=asset.free, locked=asset.locked)
                for asset in assets
                if asset.free or asset.locked
            )
        wallets = read(_usdm_account, raw, "account").assets
        return tuple(
            VenueBalance(
                asset=wallet.asset,
                free=subtract(wallet.wallet_balance, wallet.initial_margin),
                locked=wallet.initial_margin,
            )
            for wallet in wallets
            if wallet.wallet_balance or wallet.initial_margin
        )

    def positions(self, raw: bytes) -> tuple[VenuePosition, ...]:
        """Read GET /fapi/v3/positionRisk: every position that is not flat."""
        return tuple(
            VenuePosition(
                symbol=self._symbols.of_account(position.symbol),
                position_side=position_side_of(position.position_side),
                size=position.position_amt,
                entry_price=position.entry_price,
            )
            for position in read(_positions, raw, "positionRisk")
            if position.position_amt
        )


def _trade_id(trade: Any) -> int:
    return int(trade.id)
