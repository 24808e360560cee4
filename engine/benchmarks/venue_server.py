"""A process that answers as Binance, Coinbase and Hyperliquid do: `python -m engine.benchmarks.venue_server`.

It prints its port and serves until standard input ends. Each order is accepted, with the ids of its request, and
checked by nobody: what is measured is our side. `/told` tells the newest order request as it came, so that it can be
repeated byte for byte.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from engine.benchmarks.venue_listings import binance_listing, coinbase_listing
from engine.runtime.clock import WallClock

NS_PER_MS: Final = 1_000_000
ORDER_ID: Final = "0f0e0d0c-0000-4000-8000-00000000000a"

_clock = WallClock()
_numbers = count(1)


def _now_ms() -> int:
    return _clock.now_ns() // NS_PER_MS


# --- Orders -----------------------------------------------------------------------------------------------------------


def binance_order(body: bytes) -> dict[str, Any]:
    """Answer POST /api/v3/order and /fapi/v1/order: it rests."""
    asked = dict(parse_qsl(body.decode()))
    return {
        "symbol": asked["symbol"], "orderId": next(_numbers), "orderListId": -1,
        "clientOrderId": asked["newClientOrderId"], "transactTime": _now_ms(), "updateTime": _now_ms(),
        "price": asked["price"], "origQty": asked["quantity"], "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000", "status": "NEW", "timeInForce": asked["timeInForce"],
        "type": asked["type"], "side": asked["side"], "fills": [],
    }  # fmt: skip


def coinbase_order(body: bytes) -> dict[str, Any]:
    """Answer POST /api/v3/brokerage/orders."""
    asked = msgspec.json.decode(body)
    placed = {
        "order_id": ORDER_ID, "product_id": asked["product_id"], "side": asked["side"],
        "client_order_id": asked["client_order_id"],
    }  # fmt: skip
    return {"success": True, "success_response": placed, "order_configuration": asked["order_configuration"]}


def hyperliquid_order(body: bytes) -> dict[str, Any]:
    """Answer POST /exchange with an order."""
    asked = msgspec.json.decode(body)["action"]["orders"]
    statuses = [{"resting": {"oid": next(_numbers), "cloid": order["c"]}} for order in asked]
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}


ORDERS: Final[Mapping[str, Callable[[bytes], dict[str, Any]]]] = {
    "/api/v3/order": binance_order,
    "/fapi/v1/order": binance_order,
    "/api/v3/brokerage/orders": coinbase_order,
    "/exchange": hyperliquid_order,
}

# --- What is asked before an order may leave --------------------------------------------------------------------------

ANSWERS: Final[Mapping[str, Callable[[], Any]]] = {
    "/api/v3/time": lambda: {"serverTime": _now_ms()},
    "/fapi/v1/time": lambda: {"serverTime": _now_ms()},
    "/api/v3/account": lambda: {"canTrade": True, "uid": 1, "balances": []},
    "/api/v3/order/test": dict,
    "/fapi/v1/order/test": dict,
    "/fapi/v1/accountConfig": lambda: {"canTrade": True, "dualSidePosition": False},
    "/fapi/v1/symbolConfig": list,
    "/api/v3/brokerage/time": lambda: {"epochSeconds": str(_now_ms() // 1_000), "epochMillis": str(_now_ms())},
    "/api/v3/brokerage/key_permissions": lambda: {"can_view": True, "can_trade": True},
}
INFO: Final[Mapping[str, Callable[[], Any]]] = {
    "exchangeStatus": lambda: {"time": _now_ms(), "specialStatuses": None},
    "userAbstraction": lambda: "disabled",
    "meta": lambda: {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}], "collateralToken": 0},
    "frontendOpenOrders": list,
    "clearinghouseState": lambda: {
        "marginSummary": {"accountValue": "1000.0", "totalMarginUsed": "0.0"}, "assetPositions": [], "time": _now_ms(),
    },
}  # fmt: skip


LISTINGS: Final[Mapping[str, Callable[[int], bytes]]] = {
    "/api/v3/exchangeInfo": binance_listing,
    "/api/v3/brokerage/market/products": coinbase_listing,
}


class Told(msgspec.Struct, frozen=True):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Venue:
    """All three."""

    def __init__(self, pairs: int) -> None:
        """List so many pairs."""
        self._listings = {path: listing(pairs) for path, listing in LISTINGS.items()}
        self._told: Told | None = None

    async def answer(self, request: web.Request) -> web.Response:
        """Answer anything."""
        path, body = request.path, await request.read()
        if path in ORDERS and request.method == "POST":
            self._told = Told(request.path_qs, dict(request.headers), body)
            return _json(ORDERS[path](body))
        if path in self._listings:
            return web.Response(body=self._listings[path], content_type="application/json")
        if path == "/told":
            return _json(self._told)
        if path == "/info":
            return _json(INFO[msgspec.json.decode(body)["type"]]())
        return _json(ANSWERS[path]())


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


class Server:
    """The process, as a benchmark has it."""

    def __init__(self, pairs: int = 1) -> None:
        """Start it; its venues list so many pairs."""
        command = (sys.executable, "-m", "engine.benchmarks.venue_server", str(pairs))
        self._process = subprocess.Popen(  # noqa: S603 - our own module.
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        """Where it listens, without a path."""

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


async def main(pairs: int) -> None:
    """Serve until standard input ends."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Venue(pairs).answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
