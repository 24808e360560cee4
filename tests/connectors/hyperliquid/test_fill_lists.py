"""Fills page by page; tests/connectors/hyperliquid/test_private.py pages through the simulator."""

import json
from typing import Any
from uuid import UUID

import pytest

from connectors.hyperliquid.fill_lists import FillLists
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.order_lists import OrderLists
from connectors.hyperliquid.private_parse import AccountParser
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.domain.kinds import InstrumentKind
from engine.messages.venues import FillsQuery, VenueFills
from tests.support.hyperliquid import some_symbols

ACCOUNT = AccountId(UUID(int=1))
CLOID = "0x" + "a1" * 16


def a_fill(time: int, tid: int, oid: int = 7, coin: str = "BTC") -> dict[str, Any]:
    return {
        "coin": coin, "px": "5.0", "sz": "1.0", "side": "B", "time": time, "startPosition": "0.0", "hash": "0x0",
        "oid": oid, "crossed": True, "fee": "0.0", "tid": tid, "feeToken": "USDC",
    }  # fmt: skip


class Server:
    """Stands for the exchange: `fills`, at most `page` of them at once."""

    def __init__(self, fills: list[dict[str, Any]], page: int) -> None:
        self.fills = fills
        self.page = page
        self.starts: list[int] = []
        self.charged = 0

    async def info(self, request: dict[str, Any]) -> bytes:
        if request["type"] == "orderStatus":
            order = {
                "coin": "BTC",
                "side": "B",
                "limitPx": "5.0",
                "sz": "1.0",
                "oid": 7,
                "timestamp": 100_000,
                "cloid": CLOID,
            }
            known = request["oid"] in (7, CLOID)
            inner = {"order": order, "status": "filled", "statusTimestamp": 1}
            return json.dumps({"status": "order", "order": inner} if known else {"status": "unknownOid"}).encode()
        self.starts.append(request["startTime"])
        found = [each for each in self.fills if each["time"] >= request["startTime"]]
        return json.dumps(found[: self.page]).encode()

    async def charge(self, kind: str, items: int) -> None:
        assert kind == "userFillsByTime"
        self.charged += items


def lists(server: Server, since_ms: int = 0) -> FillLists:
    known, symbols, kind = KnownOrders(), some_symbols(), InstrumentKind.PERPETUAL
    orders = OrderLists(server.info, "0x1", kind=kind, symbols=symbols, known=known, now_ns=lambda: 0)
    parser = AccountParser(venue="hyperliquid", account_id=ACCOUNT, kind=kind, symbols=symbols, known=known)
    return FillLists(
        server, "0x1", orders=orders, parser=parser, since_ms=since_ms, page=server.page  # type: ignore[arg-type]
    )  # fmt: skip


async def walk(
    fills: FillLists, cursor: str | None = None, client_id: str | None = None
) -> tuple[list[str], list[str]]:
    """Return the trades of all pages, and their cursors."""
    trades: list[str] = []
    cursors: list[str] = []
    while True:
        page = await fills.fills(FillsQuery(account_id=ACCOUNT, cursor=cursor, venue_client_id=client_id))
        trades += [each.external_trade_id for each in page.fills]
        cursor = page.cursor
        cursors.append(str(cursor))
        if not page.has_more:
            return trades, cursors


@pytest.mark.asyncio
async def test_a_millisecond_is_never_cut_by_the_end_of_a_page() -> None:
    server = Server([a_fill(time, tid) for tid, time in enumerate([10, 10, 11, 11, 11, 12, 13])], page=4)
    trades, cursors = await walk(lists(server))
    assert trades == [str(tid) for tid in range(7)]
    assert cursors == ["10", "11", "13"]
    assert server.charged == 10


@pytest.mark.asyncio
async def test_a_millisecond_that_fills_a_page_alone_is_taken_as_it_is() -> None:
    server = Server([a_fill(10, tid) for tid in range(6)] + [a_fill(11, 9)], page=4)
    assert await walk(lists(server)) == (["0", "1", "2", "3", "9"], ["10", "11"])


@pytest.mark.asyncio
async def test_fills_from_before_the_account_are_not_asked_for() -> None:
    server = Server([a_fill(10, 1), a_fill(20, 2)], page=4)
    assert (await walk(lists(server, since_ms=15)))[0] == ["2"]
    assert (await walk(lists(server, since_ms=15), cursor="19"))[0] == ["2"]
    assert server.starts == [15, 20]


@pytest.mark.asyncio
async def test_fills_of_one_order_begin_with_it() -> None:
    server = Server([a_fill(100_001, 1), a_fill(100_002, 2, oid=8), a_fill(100_003, 3, coin="@107")], page=9)
    assert (await walk(lists(server), client_id=CLOID))[0] == ["1"]
    assert server.starts == [0]
    page = await lists(server).fills(FillsQuery(account_id=ACCOUNT, cursor=None, venue_client_id="0x" + "ff" * 16))
    assert page == VenueFills(fills=(), cursor=None)


@pytest.mark.asyncio
async def test_nothing_new_keeps_the_cursor_and_a_foreign_one_is_refused() -> None:
    fills = lists(Server([], page=4))
    page = await fills.fills(FillsQuery(account_id=ACCOUNT, cursor="5"))
    assert page == VenueFills(fills=(), cursor="5")
    with pytest.raises(BadInput, match="cursor"):
        await fills.fills(FillsQuery(account_id=ACCOUNT, cursor="x5"))
