"""Questions about orders, answered by a script."""

import json
from typing import Any
from uuid import UUID

import pytest

from connectors.bridge.errors import Unknown
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.order_lists import OrderLists
from engine.domain.identifiers import AccountId
from engine.domain.kinds import InstrumentKind
from engine.messages.venues import OpenOrdersQuery, OrderAbsent, OrderFound, OrderQuery
from tests.support.hyperliquid import some_symbols

ACCOUNT = AccountId(UUID(int=1))
CLOID = "0x" + "a1" * 16


def an_order(oid: int = 7, coin: str = "BTC", cloid: str | None = CLOID, sz: str = "0.5") -> dict[str, Any]:
    return {
        "coin": coin, "side": "B", "limitPx": "60000.0", "sz": sz, "oid": oid, "timestamp": 5, "origSz": "0.5",
        "cloid": cloid, "orderType": "Limit", "tif": "Gtc",
    }  # fmt: skip


def a_status(order: dict[str, Any], status: str = "open") -> dict[str, Any]:
    return {"status": "order", "order": {"order": order, "status": status, "statusTimestamp": 6}}


class Script:
    """Answers by type of question and name of order."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, request: dict[str, Any]) -> bytes:
        self.asked.append(request)
        found = self.answers.get(str(request.get("oid", request["type"])), {"status": "unknownOid"})
        return json.dumps(found).encode()


def lists(script: Script, known: KnownOrders | None = None) -> OrderLists:
    return OrderLists(
        script,
        "0x1",
        kind=InstrumentKind.PERPETUAL,
        symbols=some_symbols(),
        known=KnownOrders() if known is None else known,
        now_ns=lambda: 99,
    )


def a_query(name: str = CLOID) -> OrderQuery:
    return OrderQuery(account_id=ACCOUNT, symbol="BTC/USDC:USDC", venue_client_id=name)


@pytest.mark.asyncio
async def test_the_list_holds_the_accounts_market_and_teaches_names() -> None:
    known = KnownOrders()
    script = Script(
        frontendOpenOrders=[an_order(), an_order(8, "@107"), an_order(9, "unit:ES"), an_order(10, cloid=None)]
    )
    page = await lists(script, known).open_orders(OpenOrdersQuery(account_id=ACCOUNT))
    assert [(each.external_order_id, each.venue_client_id) for each in page.orders] == [("7", CLOID), ("10", "")]
    assert (known.cloid_of(7), known.cloid_of(10), known.cloid_of(8)) == (CLOID, "", None)


@pytest.mark.asyncio
async def test_an_order_is_found_by_cloid_or_by_the_number_in_its_name() -> None:
    script = Script(**{CLOID: a_status(an_order()), "55": a_status(an_order(55, cloid=None), "canceled")})
    for name, number in ((CLOID, "7"), ("external:BTC/USDC:USDC:55", "55")):
        found = await lists(script).find(a_query(name))
        assert isinstance(found, OrderFound)
        assert found.order.external_order_id == number


@pytest.mark.asyncio
async def test_the_order_that_was_replaced_is_not_the_answer() -> None:
    known = KnownOrders()
    known.learn(7, CLOID)
    known.learn(8, CLOID)
    script = Script(**{CLOID: a_status(an_order(), "canceled"), "8": a_status(an_order(8))})
    found = await lists(script, known).find(a_query())
    assert isinstance(found, OrderFound)
    assert (found.order.external_order_id, found.order.is_open) == ("8", True)


@pytest.mark.asyncio
async def test_only_the_venues_own_word_says_that_there_is_none() -> None:
    assert await lists(Script()).find(a_query()) == OrderAbsent(venue_time_ns=99)
    with pytest.raises(Unknown):
        await lists(Script(**{CLOID: {"status": "order"}})).find(a_query())


@pytest.mark.asyncio
async def test_a_name_is_asked_for_once() -> None:
    script = Script(**{"7": a_status(an_order())})
    orders = lists(script)
    assert [await orders.name_of(7), await orders.name_of(7), await orders.name_of(8)] == [CLOID, CLOID, ""]
    assert [each["oid"] for each in script.asked] == [7, 8]
