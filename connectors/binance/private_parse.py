"""What Binance pushes about an account, as messages of the connector protocol: pure functions from bytes.

An event gives one message, or none; the last trade of an order gives its `VenueFill` and then the end of the order.
Balances are not told on; accounts are compared by reading them.

A conditional order of USD-M is first an algo order and, once triggered, an ordinary order with the same client id. Its
external id changes with that, by the venue's time; the algo events that come after the order's own are only confirmed.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from connectors.binance import private_wire as wire
from connectors.binance.errors import error_of
from connectors.binance.generations import base_of, is_replacing
from connectors.binance.symbols import Symbols
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
from connectors.bridge.plan import StreamAnswer, StreamBroken, StreamEnded, StreamItem, StreamReady
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Asset, Symbol, Venue
from engine.domain.kinds import DoneReason, Liquidity
from engine.domain.values import ZERO, divide, round_money
from engine.messages.base import Message
from engine.messages.venues import VenueFill, VenueOrder, VenueOrderDone, VenueOrderUpdate

UNUSED_EVENTS: Final = frozenset(
    {
        "outboundAccountPosition", "balanceUpdate", "externalLockUpdate", "listStatus", "ACCOUNT_UPDATE", "TRADE_LITE",
        "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL", "STRATEGY_UPDATE", "GRID_UPDATE",
    }
)  # fmt: skip
"""Known events that say nothing about orders and fills which another event does not say."""

ENDINGS: Final = {
    "eventStreamTerminated": "the venue has ended the event stream",
    "listenKeyExpired": "the listen key has expired",
    "serverShutdown": "the server is shutting down",
}
"""Events after which the socket says nothing any more."""

SUBSCRIBE_ID: Final = "subscribe"
"""Id of the request that begins the event stream; its answer makes the stream ready."""

_probe = msgspec.json.Decoder(wire.StreamProbe).decode
_kind = msgspec.json.Decoder(wire.Kind).decode
_answer = msgspec.json.Decoder(wire.WsAnswer).decode
_report = msgspec.json.Decoder(wire.ExecutionReport).decode
_trade_update = msgspec.json.Decoder(wire.OrderTradeUpdate).decode
_algo_update = msgspec.json.Decoder(wire.AlgoUpdate).decode


class PrivateParser:
    """Parses the private frames of one account in one of Binance's markets."""

    def __init__(self, *, venue: Venue, account_id: AccountId, symbols: Symbols) -> None:
        """Keep the names that go into every message."""
        self._venue = venue
        self._account_id = account_id
        self._symbols = symbols
        self._events: dict[str, Callable[[msgspec.Raw | bytes], Sequence[Message]]] = {
            "executionReport": self._on_report,
            "ORDER_TRADE_UPDATE": self._on_trade_update,
            "ALGO_UPDATE": self._on_algo_update,
        }

    def parse(self, raw: bytes) -> Sequence[StreamItem]:
        """Turn one frame into its message or signal; empty for `UNUSED_EVENTS`.

        Raises:
            BadInput: The event is not known, or is not as it should be.
        """
        try:
            probe = _probe(raw)
            if len(probe.event):
                return self._on_event(probe.event)
            if len(probe.data):
                return self._on_event(probe.data)
            if probe.e is not None:
                return self._on_event(raw)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput("private frame", expected=f"an event or an answer ({error})", was=raw) from error
        if probe.id is not None:
            return (self._on_answer(raw),)
        raise BadInput("private frame", expected="an event or an answer", was=raw)

    def _on_event(self, raw: msgspec.Raw | bytes) -> Sequence[StreamItem]:
        kind = _kind(raw).e
        read = self._events.get(kind)
        if read is None:
            if kind in ENDINGS:
                return (StreamEnded(ENDINGS[kind]),)
            if kind in UNUSED_EVENTS:
                return ()
            raise BadInput(f"private event {kind[:40]}", expected="an event that is known", was=bytes(raw))
        try:
            return read(raw)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput(
                f"private event {kind}", expected=f"its documented shape ({error})", was=bytes(raw)
            ) from error
        except BadInput as error:
            raise BadInput(f"private event {kind}", expected=str(error), was=bytes(raw)) from error

    @staticmethod
    def _on_answer(raw: bytes) -> StreamItem:
        answer = _answer(raw)
        if answer.id != SUBSCRIBE_ID:
            return StreamAnswer(str(answer.id), raw)
        if answer.error is not None or answer.status != 200:
            failure = answer.error or wire.Failure(answer.status)
            return StreamBroken(error_of(answer.status, failure.code, failure.msg))
        return StreamReady()

    # --- Spot ---------------------------------------------------------------------------------------------------------

    def _on_report(self, raw: msgspec.Raw | bytes) -> Sequence[Message]:
        report = _report(raw)
        # A cancel or a replacement carries its own id and names the order's beside it.
        client_id = base_of(report.original_client_id or report.client_id)
        symbol = self._symbols.of_account(report.symbol)
        reason = done_of(report.status)
        if report.execution == "TRADE":
            return self._traded(report, symbol, client_id, reason)
        if reason is not None and not is_replacing(report.client_id):
            return (self._done(report, symbol, client_id, reason),)
        if reason is not None:
            # The order lives on as another, which tells of itself.
            return ()
        order = VenueOrder(
            venue_client_id=client_id,
            external_order_id=str(report.order_id),
            symbol=symbol,
            side=side_of(report.side),
            type=type_of(report.type, "spot"),
            quantity=report.quantity,
            price=present(report.price),
            stop_price=present(report.stop_price),
            time_in_force=tif_of(report.tif),
            filled_quantity=report.filled,
            is_open=True,
            done_reason=None,
            venue_time_ns=report.at_ms * NS_PER_MS,
            post_only=is_post_only(report.type, report.tif),
            sequence=report.execution_id,
            average_price=_average(report),
        )
        return (VenueOrderUpdate(account_id=self._account_id, order=order),)

    # --- USD-M --------------------------------------------------------------------------------------------------------

    def _on_trade_update(self, raw: msgspec.Raw | bytes) -> Sequence[Message]:
        order = _trade_update(raw).order
        symbol = self._symbols.of_account(order.symbol)
        reason = done_of(order.status)
        # CALCULATED is the execution of a liquidation.
        if order.execution in ("TRADE", "CALCULATED") and order.last_quantity > ZERO:
            return self._traded(order, symbol, order.client_id, reason)
        if reason is not None:
            return (self._done(order, symbol, order.client_id, reason),)
        update = VenueOrder(
            venue_client_id=order.client_id,
            external_order_id=str(order.order_id),
            symbol=symbol,
            side=side_of(order.side),
            type=type_of(order.original_type or order.type, "usdm"),
            quantity=order.quantity,
            price=present(order.price),
            stop_price=present(order.stop_price),
            time_in_force=tif_of(order.tif),
            filled_quantity=order.filled,
            is_open=True,
            done_reason=None,
            venue_time_ns=order.at_ms * NS_PER_MS,
            post_only=is_post_only(order.type, order.tif),
            reduce_only=order.reduce_only,
            # USD-M numbers nothing; of one millisecond the state that has filled more is the later one.
            sequence=1 if order.filled else 0,
            average_price=present(order.average_price),
        )
        return (VenueOrderUpdate(account_id=self._account_id, order=update),)

    def _on_algo_update(self, raw: msgspec.Raw | bytes) -> Sequence[Message]:
        update = _algo_update(raw)
        order = update.order
        if order.status == "FINISHED" or not order.quantity:
            # What it became has told its end; without a quantity it closes a position that the venue knows alone.
            return ()
        symbol, at_ns = self._symbols.of_account(order.symbol), update.at_ms * NS_PER_MS
        external_id = order.order_id or f"{ALGO}{order.algo_id}"
        reason = algo_done_of(order.status)
        if reason is not None:
            done = VenueOrderDone(
                account_id=self._account_id,
                venue_client_id=order.client_id,
                external_order_id=external_id,
                symbol=symbol,
                reason=reason,
                filled_quantity=order.filled,
                venue_time_ns=at_ns,
            )
            return (done,)
        listed = VenueOrder(
            venue_client_id=order.client_id,
            external_order_id=external_id,
            symbol=symbol,
            side=side_of(order.side),
            type=type_of(order.type, "usdm"),
            quantity=order.quantity,
            price=present(order.price),
            stop_price=present(order.stop_price),
            time_in_force=tif_of(order.tif),
            filled_quantity=order.filled,
            is_open=True,
            done_reason=None,
            venue_time_ns=at_ns,
            reduce_only=order.reduce_only,
        )
        return (VenueOrderUpdate(account_id=self._account_id, order=listed),)

    # --- Both ---------------------------------------------------------------------------------------------------------

    def _traded(
        self,
        order: wire.ExecutionReport | wire.FuturesOrder,
        symbol: Symbol,
        client_id: str,
        reason: DoneReason | None,
    ) -> Sequence[Message]:
        fill = self._fill(order, symbol, client_id)
        return (fill,) if reason is None else (fill, self._done(order, symbol, client_id, reason))

    def _fill(self, order: wire.ExecutionReport | wire.FuturesOrder, symbol: Symbol, client_id: str) -> VenueFill:
        if order.trade_id <= 0:
            raise BadInput("t", expected="the number of a trade", was=order.trade_id)
        return VenueFill(
            account_id=self._account_id,
            venue=self._venue,
            symbol=symbol,
            side=side_of(order.side),
            position_side=position_side_of(getattr(order, "position_side", "BOTH")),
            venue_client_id=client_id,
            external_order_id=str(order.order_id),
            external_trade_id=str(order.trade_id),
            price=order.last_price,
            quantity=order.last_quantity,
            fee=order.fee or ZERO,
            fee_asset=_fee_asset(order, symbol),
            liquidity=Liquidity.MAKER if order.is_maker else Liquidity.TAKER,
            executed_at_ns=order.at_ms * NS_PER_MS,
            cursor=f"{order.symbol}:{order.trade_id}",
        )

    def _done(
        self, order: wire.ExecutionReport | wire.FuturesOrder, symbol: Symbol, client_id: str, reason: DoneReason
    ) -> VenueOrderDone:
        return VenueOrderDone(
            account_id=self._account_id,
            venue_client_id=client_id,
            external_order_id=str(order.order_id),
            symbol=symbol,
            reason=reason,
            filled_quantity=order.filled,
            venue_time_ns=order.at_ms * NS_PER_MS,
        )


def _fee_asset(order: wire.ExecutionReport | wire.FuturesOrder, symbol: Symbol) -> Asset:
    """Return what the fee was paid in; where there was none the venue names no asset."""
    if order.fee_asset:
        return order.fee_asset
    if order.fee:
        raise BadInput("N", expected="the asset of the fee", was=order.fee_asset)
    return symbol.partition(":")[0].partition("/")[2] or order.symbol


def _average(report: wire.ExecutionReport) -> Decimal | None:
    return round_money(divide(report.spent, report.filled)) if report.filled and report.spent > ZERO else None
