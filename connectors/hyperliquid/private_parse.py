"""What Hyperliquid tells of an account, as messages: pure but for what must be remembered (`KnownOrders`).

A fill is never guessed to belong to an order: one whose cloid nobody knows yet waits for the update of its order, and
is reported as unreadable when that does not come, so that the account is compared.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.order_state import NS_PER_MS, done_reason, venue_order
from connectors.hyperliquid.parse import channel_of
from connectors.hyperliquid.symbols import Symbols, asset_of, side_of
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Venue
from engine.domain.kinds import InstrumentKind, Liquidity
from engine.domain.values import subtract
from engine.messages.base import Message
from engine.messages.venues import VenueFill, VenueOrderDone, VenueOrderUpdate

FILLS_REMEMBERED: Final = 50_000
"""Fills that are not told twice; the oldest leave first. Whoever books them knows trades by their ids anyway."""
WAIT_NS: Final = 3_000_000_000
"""How long a fill waits for the update of its order."""
WAITING_MAX: Final = 10_000

_decode_updates = msgspec.json.Decoder(wire.OrderUpdatesFrame).decode
_decode_fills = msgspec.json.Decoder(wire.UserFillsFrame).decode
_decode_event = msgspec.json.Decoder(wire.UserEventFrame).decode


class AccountParser:
    """Parses the private frames of one account: one address, and of it the perpetuals or the spot pairs."""

    def __init__(
        self, *, venue: Venue, account_id: AccountId, kind: InstrumentKind, symbols: Symbols, known: KnownOrders
    ) -> None:
        """Prepare; `known` is shared with whoever places the orders."""
        self._venue = venue
        self._account_id = account_id
        self._kind = kind
        self._symbols = symbols
        self._known = known
        self._told: dict[tuple[int, str], None] = {}
        self._waiting: list[tuple[int, wire.Fill]] = []
        self.ignored = 0
        """Orders and fills of the address's other markets."""

    def parse(self, raw: bytes, received_ns: int, *, since_ms: int = 0) -> Sequence[Message]:
        """Turn one frame of `orderUpdates`, `userFills` or `user` into its messages, in order.

        Args:
            raw: The frame as it came.
            received_ns: When.
            since_ms: Of a snapshot of fills only those from this venue time on are news.

        Raises:
            BadInput: Another channel, or not what it should hold; also when a fill's order stays unknown.
        """
        channel = channel_of(raw)
        try:
            if channel == "orderUpdates":
                messages = self._updates(_decode_updates(raw).data)
            elif channel == "userFills":
                messages = self._fills(_decode_fills(raw).data, received_ns, since_ms)
            elif channel == "user":
                fills = _decode_event(raw).data.fills or ()
                messages = self._fills(wire.UserFills(fills=fills), received_ns, since_ms)
            else:
                raise BadInput(channel, expected="orderUpdates, userFills or user", was=raw)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput(channel, expected=f"a frame of Hyperliquid ({error})", was=raw) from error
        return messages

    def overdue(self, now_ns: int) -> list[wire.Fill]:
        """Take out the fills that have waited too long for the update of their order."""
        late = [fill for since_ns, fill in self._waiting if now_ns - since_ns > WAIT_NS]
        self._waiting = [(since_ns, fill) for since_ns, fill in self._waiting if now_ns - since_ns <= WAIT_NS]
        return late

    # --- Orders -------------------------------------------------------------------------------------------------------

    def _updates(self, updates: Sequence[wire.OrderUpdate]) -> list[Message]:
        mine = [update for update in updates if self._is_mine(update.order.coin)]
        for update in mine:
            self._known.learn(update.order.oid, update.order.cloid or "")
        messages: list[Message] = []
        for update in mine:
            # Fills that have waited for this order are older than what it has become.
            messages += self._named()
            message = self.order_message(update)
            if message is not None:
                messages.append(message)
        return messages

    def order_message(self, update: wire.OrderUpdate) -> VenueOrderDone | VenueOrderUpdate | None:
        """Return what an update means for the order as we know it; None for the end of a number that was replaced.

        Raises:
            BadInput: The status is no known word.
        """
        order, cloid = update.order, update.order.cloid or ""
        reason = done_reason(update.status, order.sz)
        if reason is not None and (
            self._known.is_replaced(order.oid, cloid) or not self._known.believes_end(order.oid, cloid)
        ):
            # What the modification has made of the order is told by its answer, or by asking for the order.
            self._count_on(update, cloid)
            return None
        symbol = self._symbols.unified(order.coin)
        before = self._known.filled_before(order.oid)
        if reason is None:
            listed = venue_order(update, symbol, client_id=cloid, filled_before=before)
            return VenueOrderUpdate(account_id=self._account_id, order=listed)
        return VenueOrderDone(
            account_id=self._account_id,
            venue_client_id=cloid,
            external_order_id=str(order.oid),
            symbol=symbol,
            reason=reason,
            filled_quantity=subtract(order.size, order.sz) + before,
            venue_time_ns=update.statusTimestamp * NS_PER_MS,
        )

    def _count_on(self, update: wire.OrderUpdate, cloid: str) -> None:
        newest = self._known.number_of(cloid)
        if newest is not None and newest > update.order.oid:
            filled = subtract(update.order.size, update.order.sz)
            self._known.replaced(update.order.oid, newest, cloid, filled)

    # --- Fills --------------------------------------------------------------------------------------------------------

    def _fills(self, data: wire.UserFills, received_ns: int, since_ms: int) -> list[Message]:
        if data.isSnapshot:
            # It goes back years; what was missed while nobody listened is fetched by the comparison that follows.
            fills = [fill for fill in data.fills if fill.time >= since_ms and self._name_of(fill) is not None]
        else:
            fills = list(data.fills)
        # The list is not in the order of execution; sorting keeps equal times as they are.
        for fill in sorted(fills, key=lambda each: each.time):
            if self._is_mine(fill.coin) and self._is_news(fill):
                if len(self._waiting) >= WAITING_MAX:
                    raise BadInput("userFills", expected="fills of orders that are known", was=fill.oid)
                self._waiting.append((received_ns, fill))
        return self._named()

    def _named(self) -> list[Message]:
        """Return the messages of the fills whose orders are known now."""
        if not self._waiting:
            return []
        named: list[tuple[wire.Fill, str]] = []
        rest: list[tuple[int, wire.Fill]] = []
        for since_ns, fill in self._waiting:
            cloid = self._name_of(fill)
            if cloid is None:
                rest.append((since_ns, fill))
            else:
                named.append((fill, cloid))
        # Before a bad one among them raises: it must not be met again at the next frame.
        self._waiting = rest
        return [self.fill_message(fill, cloid) for fill, cloid in named]

    def _name_of(self, fill: wire.Fill) -> str | None:
        return fill.cloid or self._known.cloid_of(fill.oid)

    def fill_message(self, fill: wire.Fill, cloid: str) -> VenueFill:
        """Return a fill as the protocol has it; its cursor is the venue's time in ms, which counts.

        Raises:
            BadInput: A side that is none, or a size that is not above zero.
        """
        return VenueFill(
            account_id=self._account_id,
            venue=self._venue,
            symbol=self._symbols.unified(fill.coin),
            side=side_of(fill.side),
            venue_client_id=cloid,
            external_order_id=str(fill.oid),
            external_trade_id=trade_id(fill),
            price=fill.px,
            quantity=fill.sz,
            fee=fill.fee,
            fee_asset=asset_of(fill.feeToken),
            liquidity=Liquidity.TAKER if fill.crossed else Liquidity.MAKER,
            executed_at_ns=fill.time * NS_PER_MS,
            cursor=str(fill.time),
        )

    def is_mine(self, fill: wire.Fill) -> bool:
        """Whether a fill belongs to this account's markets."""
        return self._is_mine(fill.coin)

    def _is_mine(self, coin: str) -> bool:
        # Markets of other deployers (`unit:ES`) have a clearing house of their own, which is not this account.
        if self._symbols.kind(coin) is self._kind and ":" not in coin:
            return True
        self.ignored += 1
        return False

    def _is_news(self, fill: wire.Fill) -> bool:
        # Both sides of a trade with oneself have one id.
        key = (fill.oid, trade_id(fill))
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > FILLS_REMEMBERED:
            del self._told[next(iter(self._told))]
        return True


def trade_id(fill: wire.Fill) -> str:
    """Return the venue's id of a trade; where it has none, what makes the fill unique within its order."""
    if fill.tid is not None:
        return str(fill.tid)
    return ":".join((fill.hash, *map(str, (fill.startPosition, fill.px, fill.sz))))
