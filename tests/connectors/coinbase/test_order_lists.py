"""Coinbase's lists of orders."""

from decimal import Decimal

import pytest

from connectors.bridge.errors import Unknown
from connectors.coinbase import order_lists
from connectors.coinbase.order_lists import KnownIds, OrderLists, born_of
from engine.domain.identifiers import OrderId
from engine.messages.venues import OrderAbsent, OrderFound, OrderQuery
from engine.runtime.clock import VirtualClock, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.venues.coinbase_rig import CoinbaseRig
from tests.support.venues.coinbase_words import uuid_of
from tests.support.venues.core import SimOrder
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


def test_an_id_of_ours_tells_when_it_was_made() -> None:
    at_ns = 1_700_000_000_123_000_000
    order_id = OrderId(Ids(VirtualClock(at_ns), seeded_rng(1)).uuid())
    assert born_of(str(order_id)) == at_ns


@pytest.mark.parametrize("text", ["", "by-hand", "75129666-6aa8-467e-b3b1-6638a73c3d53"])
def test_ids_of_others_tell_nothing(text: str) -> None:
    assert born_of(text) is None


def test_the_oldest_pairs_are_forgotten() -> None:
    known = KnownIds(limit=2)
    for number in range(3):
        known.learn(f"o{number}", f"c{number}")
        known.learn(f"o{number}", f"c{number}")
    assert (known.order_id("c0"), known.client_id("o0")) == (None, None)
    assert (known.order_id("c2"), known.client_id("o2")) == ("o2", "c2")
    known.learn("o9", "")
    assert known.client_id("o9") == ""
    known.learn("", "c9")
    assert known.order_id("c9") is None


def placed(rig: CoinbaseRig, client_id: str, symbol: str = "BTC-USD") -> SimOrder:
    return rig.server.exchange.place(
        rig.account, symbol=symbol, side="buy", type="LIMIT", quantity=D("0.001"), client_id=client_id,
        price=D(1_000), extra={"configuration": "limit_limit_gtc"},
    )  # fmt: skip


def lists_of(rig: CoinbaseRig) -> OrderLists:
    exchange = rig.adapter(WallClock()).wire
    return OrderLists(exchange, KnownIds(), exchange.bridge.time.now_ns)


def asked(client_id: str, symbol: str = "BTC/USD") -> OrderQuery:
    return OrderQuery(account_id=RIG_ACCOUNT, symbol=symbol, venue_client_id=client_id)


@pytest.mark.asyncio
async def test_a_search_goes_through_the_pages_until_it_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        for number in range(7):
            placed(rig, f"by-hand-{number}")
        found = await lists.find(asked("by-hand-0"))
        assert isinstance(found, OrderFound)
        assert found.order.venue_client_id == "by-hand-0"
        assert len(rig.server.log.requests("historical/batch")) == 4
        # All that was seen on the way is known now.
        await lists.find(asked("by-hand-3"))
        assert len(rig.server.log.requests("historical/batch")) == 4
        absent = await lists.find(asked("by-hand-9"))
        assert isinstance(absent, OrderAbsent)
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_a_list_that_does_not_end_proves_no_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 1)
    monkeypatch.setattr(order_lists, "PAGES_MAX", 3)
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        for number in range(5):
            placed(rig, f"by-hand-{number}")
        with pytest.raises(Unknown, match="list_too_long"):
            await lists.find(asked("nobody"))
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_an_order_of_another_product_is_not_found_under_this_one_but_by_its_id_alone() -> None:
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        order = placed(rig, "in-ether", "ETH-USD")
        assert isinstance(await lists.find(asked("in-ether")), OrderAbsent)
        assert await lists.order_id("in-ether") == uuid_of(order.id)
        assert await lists.order_id("nobody") is None
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_client_ids_are_asked_for_together_and_once() -> None:
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        ids = [uuid_of(placed(rig, f"by-hand-{number}").id) for number in range(60)]
        gone = uuid_of(1)
        for _ in range(2):
            found = await lists.client_ids([*ids, *ids, gone])
            assert found == {**{one: f"by-hand-{number}" for number, one in enumerate(ids)}, gone: ""}
        assert len(rig.server.log.requests("historical/batch")) == 3
        assert await lists.by_order_id(gone) is None
        await lists._exchange.close()
