"""Public market data: instruments, prices, candles, books, venues."""

from typing import Literal

from aiohttp import web

from actors.api.call import Call, json_answer
from actors.api.decode import Query, read_query, time_ns, wrong
from actors.api.routing import get
from config.settings import Name, SymbolText

BARS_MAX = 5_000


class MarketQuery(Query, frozen=True, kw_only=True):
    """Which instruments; what is absent matches everything."""

    exchange: Name | None = None
    symbol: SymbolText | None = None


class BarsQuery(Query, frozen=True, kw_only=True):
    """`GET /market/ohlcv`."""

    exchange: Name
    symbol: SymbolText
    timeframe: Literal["1m", "5m", "15m", "1h", "4h", "1d"] = "1m"
    since: str | None = None
    until: str | None = None
    limit: int = 500


async def list_pairs(call: Call) -> web.Response:
    """Read instruments."""
    query = read_query(call.request, MarketQuery)
    return json_answer((await call.ports.reads.pairs(query.exchange, query.symbol)).body)


async def list_tickers(call: Call) -> web.Response:
    """Read newest prices."""
    query = read_query(call.request, MarketQuery)
    return json_answer((await call.ports.reads.tickers(query.exchange, query.symbol)).body)


async def list_bars(call: Call) -> web.Response:
    """Read closed candles, oldest first."""
    query = read_query(call.request, BarsQuery)
    if not 1 <= query.limit <= BARS_MAX:
        raise wrong("limit", f"1 to {BARS_MAX}")
    since_ns, until_ns = time_ns(query.since, "since"), time_ns(query.until, "until")
    page = await call.ports.reads.ohlcv(query.exchange, query.symbol, query.timeframe, since_ns, until_ns, query.limit)
    return json_answer(page.body)


async def list_books(call: Call) -> web.Response:
    """Read the newest stored books."""
    query = read_query(call.request, MarketQuery)
    return json_answer((await call.ports.reads.books(query.exchange, query.symbol)).body)


async def list_exchanges(call: Call) -> web.Response:
    """Read the venues' health."""
    read_query(call.request, Query)
    return json_answer((await call.ports.reads.exchanges()).body)


ROUTES = (
    get("/market/pairs", list_pairs),
    get("/market/tickers", list_tickers),
    get("/market/ohlcv", list_bars),
    get("/market/books", list_books),
    get("/exchanges", list_exchanges),
)
