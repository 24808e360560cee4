"""Questions about the fills of one account, page by page.

The venue gives a limited number of fills from a time on, oldest first, and keeps the newest 10,000. A cursor is the
time in ms of the last fill that was taken: it counts, so the reconciler goes a little back by itself.
"""

from typing import Any, Final

import msgspec

from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.order_lists import OrderLists
from connectors.hyperliquid.private_parse import AccountParser
from engine.domain.errors import BadInput
from engine.messages.venues import FillsQuery, VenueFill, VenueFills

PAGE: Final = 500
"""An answer of so many fills may not be whole: the venue's pages name 2,000 in one place and 500 in another."""
CLOCKS_MS: Final = 60_000
"""The time in our name of an order is by our clock, and fills are by the venue's."""

_decode = msgspec.json.Decoder(tuple[wire.Fill, ...]).decode


class FillLists:
    """What the venue knows of an account's fills."""

    def __init__(
        self,
        exchange: Hyperliquid,
        user: str,
        *,
        orders: OrderLists,
        parser: AccountParser,
        since_ms: int,
        page: int = PAGE,
    ) -> None:
        """Keep what it works with.

        Args:
            exchange: To ask.
            user: Address of the account.
            orders: Knows the names of orders.
            parser: Makes messages of fills.
            since_ms: Older fills are not ours.
            page: Fills from which on an answer may have been cut.
        """
        self._exchange = exchange
        self._user = user
        self._orders = orders
        self._parser = parser
        self._since_ms = since_ms
        self._page = page

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return one page of fills after the cursor, of the account or of one order.

        Raises:
            BadInput: The cursor is none of ours.
            BridgeError: No answer.
        """
        start = max(self._since_ms, 0 if query.cursor is None else _time_of(query.cursor) + 1)
        if query.venue_client_id is not None:
            update = await self._orders.by_name(query.venue_client_id)
            if update is None:
                return VenueFills(fills=(), cursor=query.cursor)
            if not query.venue_client_id.startswith("external:"):
                # An order that was modified is older than its newest number.
                born = min(update.order.timestamp, _born_ms(query.venue_client_id))
                start = max(start, born - CLOCKS_MS)
        raw = await self._ask(start)
        has_more = len(raw) >= self._page
        if has_more:
            raw = _whole_milliseconds(raw)
        cursor = str(raw[-1].time) if raw else query.cursor
        fills = await self._messages(raw, query.venue_client_id)
        return VenueFills(fills=fills, cursor=cursor, has_more=has_more)

    async def _ask(self, start: int) -> list[wire.Fill]:
        request: dict[str, Any] = {"type": "userFillsByTime", "user": self._user, "startTime": start}
        raw = _decode(await self._exchange.info(request))
        await self._exchange.charge("userFillsByTime", len(raw))
        # Within a millisecond the list is not in the order of execution; sorting keeps it as it is.
        return sorted((each for each in raw if each.time >= start), key=lambda each: each.time)

    async def _messages(self, raw: list[wire.Fill], client_id: str | None) -> tuple[VenueFill, ...]:
        messages: list[VenueFill] = []
        for fill in raw:
            if not self._parser.is_mine(fill):
                continue
            name = fill.cloid or await self._orders.name_of(fill.oid)
            message = self._parser.fill_message(fill, name)
            if client_id in (None, name or f"external:{message.symbol}:{fill.oid}"):
                messages.append(message)
        return tuple(messages)


def _whole_milliseconds(fills: list[wire.Fill]) -> list[wire.Fill]:
    """Leave the last millisecond of a full page to the next one: it may not be there whole."""
    last = fills[-1].time
    whole = [each for each in fills if each.time < last]
    # A millisecond that fills a page alone cannot be asked for in parts; what is missing of it shows in the orders.
    return whole or fills


def _time_of(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit()):
        raise BadInput("cursor", expected="a time in ms", was=cursor)
    return int(cursor)


def _born_ms(cloid: str) -> int:
    """Return the time in a cloid of ours, which is a UUIDv7; of another it is some number."""
    digits = cloid.removeprefix("0x")
    return int(digits[:12], 16) if len(digits) == 32 and digits[12] == "7" else 0
