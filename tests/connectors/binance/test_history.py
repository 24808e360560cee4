"""Fills symbol by symbol, as far as it needs no venue; test_private.py reads them from one."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from connectors.binance.history import SURVEYED_AT_ONCE, History
from connectors.binance.known_orders import KnownOrders
from connectors.binance.private_rest import RestParser
from connectors.binance.requests import Request
from connectors.binance.symbols import Symbols
from connectors.bridge.errors import Refused, Unknown
from connectors.live.adapter import PrivateSetup
from engine.domain.identifiers import AccountId, Symbol
from engine.messages.venues import FillsQuery
from tests.support.domain import a_spot

ACCOUNT = AccountId(UUID(int=7))


class Venue:
    """Answers from a table; what is not in it is refused by this code."""

    def __init__(self, trades: dict[str, list[dict[str, Any]]], refusal: str = "-1121") -> None:
        self.trades = trades
        self.refusal = refusal
        self.asked: list[str] = []

    async def __call__(self, request: Request) -> bytes:
        symbol = str(request.params.get("symbol", ""))
        self.asked.append(f"{request.path} {symbol} {request.params.get('fromId', '')}".strip())
        if request.path == "account":
            return b'{"canTrade":true,"balances":[{"asset":"BTC","free":"1","locked":"0"}]}'
        if request.path == "order":
            raise Refused("unknown_order", venue_code="-2013")
        if symbol not in self.trades:
            raise Refused("unknown_symbol", venue_code=self.refusal)
        return json.dumps(self.trades[symbol]).encode()


def a_trade(symbol: str, number: int, at_ms: int) -> dict[str, Any]:
    return {
        "symbol": symbol, "id": number, "orderId": 42, "price": "1", "qty": "1", "commission": "0",
        "commissionAsset": "BNB", "time": at_ms, "isBuyer": True, "isMaker": True,
    }  # fmt: skip


def a_history(venue: Venue, *, since_ns: int = 0, pairs: Sequence[Symbol] = ()) -> tuple[History, KnownOrders]:
    known = KnownOrders()
    setup = PrivateSetup(
        venue="binance", market="spot", account_id=ACCOUNT, since_ns=since_ns, credentials={},
        instruments={pair: a_spot(symbol=pair, base=pair.partition("/")[0]) for pair in pairs},
    )  # fmt: skip
    parser = RestParser(venue="binance", account_id=ACCOUNT, symbols=Symbols("spot"))
    return History(setup=setup, ask=venue, parser=parser, known=known), known


def a_query(cursor: str | None) -> FillsQuery:
    return FillsQuery(account_id=ACCOUNT, cursor=cursor)


@pytest.mark.asyncio
async def test_symbols_are_merged_by_time_and_each_keeps_its_place() -> None:
    venue = Venue({"AUSDT": [a_trade("AUSDT", 500, 3), a_trade("AUSDT", 501, 9)], "BUSDT": [a_trade("BUSDT", 7, 5)]})
    history, _ = a_history(venue)
    page = await history.fills(a_query("AUSDT:450,BUSDT:0"))
    assert [fill.external_trade_id for fill in page.fills] == ["500", "7", "501"]
    assert (page.cursor, page.has_more) == ("AUSDT:501,BUSDT:7", False)
    # A few numbers before the place are asked for again: a trade may become visible late.
    assert "myTrades AUSDT 351" in venue.asked
    # Nobody knows the order any more.
    assert page.fills[0].venue_client_id == ""


@pytest.mark.asyncio
async def test_what_is_older_than_the_account_is_passed_over() -> None:
    venue = Venue({"AUSDT": [{**a_trade("AUSDT", 1, 3), "orderId": 41}, a_trade("AUSDT", 2, 5)]})
    history, known = a_history(venue, since_ns=4_000_000)
    known.symbols.add("AUSDT")
    page = await history.fills(a_query(None))
    await history.fills(a_query(page.cursor))
    # Neither the order of the older trade is asked for, nor a forgotten one twice.
    assert venue.asked.count("order AUSDT") == 1
    assert [fill.external_trade_id for fill in page.fills] == ["2"]
    assert page.cursor == "AUSDT:2"


@pytest.mark.asyncio
async def test_a_delisted_symbol_does_not_hide_the_others() -> None:
    history, _ = a_history(Venue({"AUSDT": [a_trade("AUSDT", 1, 3)]}))
    page = await history.fills(a_query("AUSDT:0,GONEUSDT:12"))
    assert [fill.external_trade_id for fill in page.fills] == ["1"]
    assert page.cursor == "AUSDT:1,GONEUSDT:12"


@pytest.mark.asyncio
async def test_any_other_refusal_is_no_page() -> None:
    history, _ = a_history(Venue({}, refusal="-1100"))
    with pytest.raises(Refused):
        await history.fills(a_query("AUSDT:0"))


@pytest.mark.asyncio
async def test_fills_of_an_order_that_was_never_seen_cannot_be_told() -> None:
    history, _ = a_history(Venue({}))
    with pytest.raises(Unknown):
        await history.fills(FillsQuery(account_id=ACCOUNT, cursor=None, venue_client_id="cv-1"))


@pytest.mark.asyncio
async def test_a_conditional_order_has_no_fills() -> None:
    history, known = a_history(Venue({}))
    known.learn("AUSDT", "algo:7", "cv-1")
    page = await history.fills(FillsQuery(account_id=ACCOUNT, cursor=None, venue_client_id="cv-1"))
    assert (page.fills, page.has_more) == ((), False)


@pytest.mark.asyncio
async def test_a_wallet_of_many_assets_costs_little_at_a_time_and_nothing_for_long() -> None:
    coins = [f"C{number:02}" for number in range(60)]

    class Wallet(Venue):
        async def __call__(self, request: Request) -> bytes:
            answer = await super().__call__(request)
            if request.path != "account":
                return answer
            owned = [{"asset": asset, "free": "1", "locked": "0"} for asset in (*coins, "USDT")]
            return json.dumps({"canTrade": True, "balances": owned}).encode()

    venue = Wallet({f"{coin}USDT": [] for coin in coins} | {"C40USDT": [a_trade("C40USDT", 9, 3)]})
    history, _ = a_history(venue, pairs=[f"{coin}/USDT" for coin in coins])
    cursor, found = None, []
    for _ in range(5):
        before = len(venue.asked)
        page = await history.fills(a_query(cursor))
        cursor = page.cursor or cursor
        found += [fill.external_trade_id for fill in page.fills]
        assert len(venue.asked) - before <= SURVEYED_AT_ONCE + 3
    assert {each.split()[1] for each in venue.asked if each.startswith("myTrades")} == {f"{coin}USDT" for coin in coins}
    assert "9" in found
    assert cursor == "C40USDT:9"
    venue.asked.clear()
    await history.fills(a_query(cursor))
    assert venue.asked == ["myTrades C40USDT 0"]
