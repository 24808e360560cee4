"""Fetching the fills that sums tell of."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bridge.errors import Unknown
from connectors.bridge.plan import StreamFollow
from connectors.coinbase import fill_feed
from connectors.coinbase.fill_feed import BATCH_MAX, PAUSES_NS, FillFeed
from connectors.coinbase.private_parse import Seen
from engine.domain.identifiers import AccountId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.messages.venues import VenueFill, VenueOrder, VenueOrderDone, VenueOrderUpdate
from engine.runtime.clock import Clock, VirtualClock

ACCOUNT = AccountId(UUID(int=7))


def seen(order_id: str, filled: int, *, is_snapshot: bool = False, is_done: bool = False) -> Seen:
    message: VenueOrderDone | VenueOrderUpdate
    if is_done:
        message = VenueOrderDone(
            account_id=ACCOUNT, venue_client_id="", external_order_id=order_id, symbol="BTC/USD",
            reason=DoneReason.FILLED, filled_quantity=Decimal(filled), venue_time_ns=1,
        )  # fmt: skip
    else:
        order = VenueOrder(
            venue_client_id="", external_order_id=order_id, symbol="BTC/USD", side=Side.BUY, type=OrderType.LIMIT,
            quantity=Decimal(1_000), price=Decimal(1), stop_price=None, time_in_force=TimeInForce.GTC,
            filled_quantity=Decimal(filled), is_open=True, done_reason=None, venue_time_ns=1,
        )  # fmt: skip
        message = VenueOrderUpdate(account_id=ACCOUNT, order=order)
    return Seen(order_id, "", Decimal(filled), is_snapshot, message)


def a_fill(order_id: str, number: int) -> VenueFill:
    return VenueFill(
        account_id=ACCOUNT, venue="coinbase", symbol="BTC/USD", side=Side.BUY, venue_client_id="",
        external_order_id=order_id, external_trade_id=f"{order_id}-{number}", price=Decimal(1), quantity=Decimal(1),
        fee=Decimal(0), fee_asset="USD", liquidity=Liquidity.MAKER, executed_at_ns=number, cursor=str(number),
    )  # fmt: skip


class Venue:
    """Shows the first so many fills of each order, each of one unit."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}
        self.asked: list[tuple[str, ...]] = []
        self.fails = 0
        self.page = 100
        self.pages = 0

    async def fetch(self, order_ids: Sequence[str]) -> AsyncIterator[Sequence[VenueFill]]:
        self.asked.append(tuple(order_ids))
        if self.fails:
            self.fails -= 1
            raise Unknown("timeout")
        fills = [a_fill(order_id, number) for order_id in order_ids for number in range(self.shown.get(order_id, 0))]
        fills.sort(key=lambda fill: int(fill.cursor), reverse=True)
        for start in range(0, max(1, len(fills)), self.page):
            self.pages += 1
            yield fills[start : start + self.page]


class Quick(VirtualClock):
    """Sleeps in no time, and remembers how long."""

    def __init__(self) -> None:
        super().__init__(1)
        self.slept: list[int] = []

    async def sleep(self, ns: int) -> None:
        self.slept.append(ns)


async def told(follow: StreamFollow | None) -> list[VenueFill]:
    """Do what must be asked, and what follows from it, until nothing does."""
    found: list[Any] = []
    waiting = [] if follow is None else [follow]
    while waiting:
        items = await waiting.pop(0).ask()
        waiting += [item for item in items if isinstance(item, StreamFollow)]
        found += [item for item in items if not isinstance(item, StreamFollow)]
    return found


def a_feed(venue: Venue, clock: Clock | None = None) -> FillFeed:
    return FillFeed(venue.fetch, clock or Quick())


@pytest.mark.asyncio
async def test_growth_is_fetched_and_each_fill_told_once() -> None:
    venue = Venue()
    feed = a_feed(venue)
    assert feed.note(seen("a", 0)) is None
    venue.shown["a"] = 1
    first = await told(feed.note(seen("a", 1)))
    assert feed.note(seen("a", 1)) is None
    venue.shown["a"] = 3
    rest = await told(feed.note(seen("a", 3)))
    assert [fill.external_trade_id for fill in (*first, *rest)] == ["a-0", "a-1", "a-2"]


@pytest.mark.asyncio
async def test_the_list_is_read_no_further_than_what_is_missing() -> None:
    venue = Venue()
    venue.page = 10
    feed = a_feed(venue)
    venue.shown["a"] = 95
    assert [fill.external_trade_id for fill in await told(feed.note(seen("a", 95)))] == [f"a-{n}" for n in range(95)]
    assert venue.pages == 10
    venue.shown["a"] = 107
    assert [fill.external_trade_id for fill in await told(feed.note(seen("a", 107)))] == [
        f"a-{n}" for n in range(95, 107)
    ]
    assert venue.pages == 12


@pytest.mark.asyncio
async def test_what_the_list_shows_late_is_asked_for_again() -> None:
    venue, clock = Venue(), Quick()
    feed = FillFeed(venue.fetch, clock)
    venue.shown["a"] = 1
    follow = feed.note(seen("a", 2))
    assert follow is not None
    fill, again = await follow.ask()
    assert fill == a_fill("a", 0)
    venue.shown["a"] = 2
    assert [one.external_trade_id for one in await told(again)] == ["a-1"]
    assert clock.slept == [PAUSES_NS[0]]


@pytest.mark.asyncio
async def test_what_never_shows_is_left_to_whoever_compares() -> None:
    venue, clock = Venue(), Quick()
    feed = FillFeed(venue.fetch, clock)
    assert await told(feed.note(seen("a", 2))) == []
    assert clock.slept == list(PAUSES_NS)
    assert feed.missed == 1
    venue.shown["a"] = 3
    assert len(await told(feed.note(seen("a", 3)))) == 3


@pytest.mark.asyncio
async def test_orders_that_grow_together_share_requests() -> None:
    venue = Venue()
    feed = a_feed(venue)
    names = [f"o{number}" for number in range(120)]
    venue.shown = dict.fromkeys(names, 1)
    follows = [feed.note(seen(name, 1)) for name in names]
    found = [fill for follow in follows for fill in await told(follow)]
    assert sorted(fill.external_order_id for fill in found) == sorted(names)
    assert len(venue.asked) == 3
    assert max(len(batch) for batch in venue.asked) == BATCH_MAX


@pytest.mark.asyncio
async def test_a_snapshot_of_an_unknown_order_is_no_growth_but_later_growth_is() -> None:
    venue = Venue()
    feed = a_feed(venue)
    assert feed.note(seen("a", 2, is_snapshot=True)) is None
    venue.shown["a"] = 3
    # The earlier ones come as well: who they are nobody has told.
    assert len(await told(feed.note(seen("a", 3)))) == 3
    venue.shown["a"] = 4
    assert [fill.external_trade_id for fill in await told(feed.note(seen("a", 4)))] == ["a-3"]


@pytest.mark.asyncio
async def test_a_snapshot_of_a_known_order_shows_what_was_missed() -> None:
    venue = Venue()
    feed = a_feed(venue)
    venue.shown["a"] = 1
    await told(feed.note(seen("a", 1)))
    venue.shown["a"] = 2
    assert len(await told(feed.note(seen("a", 2, is_snapshot=True)))) == 1


@pytest.mark.asyncio
async def test_a_failed_request_is_raised_and_the_next_growth_asks_for_everything() -> None:
    venue = Venue()
    feed = a_feed(venue)
    venue.shown["a"], venue.fails = 1, 1
    with pytest.raises(Unknown):
        await told(feed.note(seen("a", 1)))
    assert feed.missed == 1
    venue.shown["a"] = 2
    assert len(await told(feed.note(seen("a", 2)))) == 2


@pytest.mark.asyncio
async def test_of_an_order_that_is_over_and_told_whole_little_is_kept_and_nothing_told_again() -> None:
    venue = Venue()
    feed = a_feed(venue)
    venue.shown["a"] = 2
    assert len(await told(feed.note(seen("a", 2, is_done=True)))) == 2
    assert feed.note(seen("b", 0, is_done=True)) is None
    assert feed._orders == {}
    for name, filled in (("a", 2), ("a", 1), ("b", 0)):
        assert feed.note(seen(name, filled, is_done=True)) is None
        assert feed.note(seen(name, filled, is_snapshot=True)) is None
    assert len(venue.asked) == 1
    # A fill that comes after the end is fetched as any other; the earlier ones are repeated to whoever remembers them.
    venue.shown["b"] = 1
    assert len(await told(feed.note(seen("b", 1, is_done=True)))) == 1


@pytest.mark.asyncio
async def test_an_order_that_ended_before_its_fills_are_shown_is_kept_until_they_are() -> None:
    venue = Venue()
    feed = a_feed(venue)
    follow = feed.note(seen("a", 2, is_done=True))
    assert follow is not None
    (again,) = await follow.ask()
    assert set(feed._orders) == {"a"}
    venue.shown["a"] = 2
    assert len(await told(again)) == 2
    assert feed._orders == {}


@pytest.mark.asyncio
async def test_the_oldest_orders_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_feed, "ORDERS_MAX", 2)
    venue = Venue()
    feed = a_feed(venue)
    for name in "abc":
        feed.note(seen(name, 0))
    venue.shown["a"] = 1
    assert len(await told(feed.note(seen("a", 1)))) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3)), max_size=12))
@pytest.mark.asyncio
async def test_whatever_the_order_of_news_each_fill_is_told_at_most_once(news: list[tuple[str, int, int]]) -> None:
    venue = Venue()
    feed = a_feed(venue)
    totals: dict[str, int] = {}
    found: list[VenueFill] = []
    for name, more, late in news:
        totals[name] = totals.get(name, 0) + more
        venue.shown[name] = max(venue.shown.get(name, 0), totals[name] - late)
        found += await told(feed.note(seen(name, totals[name])))
    assert len({fill.external_trade_id for fill in found}) == len(found)
    for name, total in totals.items():
        venue.shown[name] = total + 1
        found += await told(feed.note(seen(name, total + 1)))
    assert len(found) == sum(total + 1 for total in totals.values())
