"""An account's fills, symbol by symbol: which symbols there are to ask for, and from where on.

A symbol is asked for once it is known: from the cursor, from orders and fills that were seen, and, once per process,
from a survey of what the account owns, holds or has paid fees for. A trade names its order by the venue's number; the
client id of an order that was not seen is asked for. A survey is spread over several answers.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from connectors.binance import private_wire as wire
from connectors.binance import requests
from connectors.binance.cursor import advance, read_cursor, write_cursor
from connectors.binance.known_orders import KnownOrders
from connectors.binance.private_rest import RestParser, read
from connectors.binance.requests import TRADES_MAX, Request
from connectors.binance.symbols import raw_name
from connectors.binance.words import NS_PER_MS
from connectors.bridge.errors import Refused, Unknown
from connectors.live.adapter import PrivateSetup
from engine.messages.venues import FillsQuery, VenueFill, VenueFills

OVERLAP: Final = 100
"""Numbers before the last trade from which is asked again: far fewer than a page holds, so that a page moves on."""
PAIRS_MAX: Final = 200
"""Pairs of owned assets that a survey asks for."""
SURVEYED_AT_ONCE: Final = 25
"""Symbols of a survey in one answer: each costs a question, and most of them were never traded."""

FORGOTTEN_MAX: Final = 10_000

_incomes = msgspec.json.Decoder(tuple[wire.Income, ...]).decode


class Asks(Protocol):
    """Sends a question."""

    async def __call__(self, request: Request) -> bytes:
        """Return the answer's body."""


class History:
    """The fills of one account."""

    def __init__(self, *, setup: PrivateSetup, ask: Asks, parser: RestParser, known: KnownOrders) -> None:
        """Keep what it works with."""
        self._setup = setup
        self._ask = ask
        self._parser = parser
        self._known = known
        self._is_surveyed = False
        self._surveyed: list[str] = []
        """Symbols that are still to be asked for once; those in which there is a trade are asked for ever after."""
        self._forgotten: set[tuple[str, str]] = set()
        """Orders that the venue does not know any more; they are asked for once."""

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return the fills after the cursor: one page of each symbol.

        Raises:
            BridgeError: One of the questions was not answered.
            BadInput: An answer was not what it should be.
        """
        if query.venue_client_id is not None:
            return await self._of_order(query.venue_client_id, query.cursor)
        if not self._is_surveyed:
            self._surveyed = sorted(await self._survey() - self._known.symbols)
            self._is_surveyed = True
        places = read_cursor(query.cursor)
        batch = self._surveyed[:SURVEYED_AT_ONCE]
        some = set(batch) - places.keys() - self._known.symbols
        found: list[VenueFill] = []
        has_more = False
        for symbol in sorted(places.keys() | self._known.symbols | some):
            fills, is_full = await self._of_symbol(symbol, places)
            found += fills
            has_more = has_more or is_full
        self._surveyed = [symbol for symbol in self._surveyed if symbol not in batch]
        for symbol in some - self._known.symbols:
            if not places.get(symbol):
                places.pop(symbol, None)
        found.sort(key=lambda fill: fill.executed_at_ns)
        return VenueFills(fills=tuple(found), cursor=write_cursor(places), has_more=has_more)

    async def _of_symbol(self, symbol: str, places: dict[str, int]) -> tuple[Sequence[VenueFill], bool]:
        place = places.setdefault(symbol, 0)
        request = requests.trades(symbol, self._parser.market, from_id=max(0, place + 1 - OVERLAP) if place else 0)
        try:
            raw = await self._ask(request)
        except Refused as refused:
            if refused.venue_code != "-1121":
                raise
            # Delisted: the venue has nothing more to tell of it.
            return (), False
        fills = self._parser.fills(raw, _nobody)
        advance(places, [fill.cursor for fill in fills])
        # What is older is not ours to book; naming its orders would cost a question each.
        ours = [fill for fill in fills if fill.executed_at_ns >= self._setup.since_ns]
        return await self._named(ours), len(fills) >= TRADES_MAX

    async def _of_order(self, client_id: str, cursor: str | None) -> VenueFills:
        known = self._known.order(client_id)
        if known is None:
            raise Unknown("unseen_order", "the order has to be asked for first: trades name it by the venue's number")
        if not known.external_id.isdigit():
            return VenueFills(fills=(), cursor=cursor)
        raw = await self._ask(requests.trades(known.symbol, self._parser.market, order_id=known.external_id))
        fills = await self._named(self._parser.fills(raw, _nobody))
        places = read_cursor(cursor)
        advance(places, [fill.cursor for fill in fills])
        return VenueFills(fills=tuple(fills), cursor=write_cursor(places), has_more=False)

    async def _named(self, fills: Sequence[VenueFill]) -> Sequence[VenueFill]:
        """Find the client ids of the orders of these fills."""
        named = []
        for fill in fills:
            symbol = raw_name(fill.symbol)
            client_id = self._known.client_id(symbol, fill.external_order_id)
            if client_id is None:
                client_id = await self._client_id(symbol, fill.external_order_id)
            named.append(msgspec.structs.replace(fill, venue_client_id=client_id))
        return named

    async def _client_id(self, symbol: str, order_id: str) -> str:
        if (symbol, order_id) in self._forgotten:
            return ""
        try:
            raw = await self._ask(requests.order_query(symbol, self._parser.market, order_id=order_id))
        except Refused as refused:
            if refused.venue_code != "-2013":
                raise
            # Orders are forgotten after a while, trades are not; a liquidation has no order.
            if len(self._forgotten) < FORGOTTEN_MAX:
                self._forgotten.add((symbol, order_id))
            return ""
        order = self._parser.order(raw)
        self._known.see(order)
        return order.venue_client_id

    async def _survey(self) -> set[str]:
        """Return the symbols in which this account may have traded before this process began."""
        if self._parser.market == "usdm":
            since_ms = self._setup.since_ns // NS_PER_MS
            paid = read(_incomes, await self._ask(requests.income(since_ms)), "income")
            held = self._parser.positions(await self._ask(requests.positions()))
            return {row.symbol for row in paid if row.symbol} | {raw_name(position.symbol) for position in held}
        balances = self._parser.balances(await self._ask(requests.account("spot")))
        owned = {balance.asset for balance in balances}
        pairs = [item for item in self._setup.instruments.values() if item.base in owned and item.quote in owned]
        return {raw_name(item.symbol) for item in pairs[:PAIRS_MAX]}


def _nobody(_order_id: str) -> str:
    """Name no order: the caller asks for the name afterwards."""
    return ""
