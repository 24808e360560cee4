"""The venue as an actor: what it answers, when, and from which clock."""

from typing import Any

import pytest

from connectors.paper.latency import PaperLatency
from engine.domain.identifiers import UserId
from engine.domain.kinds import DoneReason
from engine.messages.market import BookDelta, BookSnapshot, InstrumentsLoaded, QuoteTick, TradePrint
from engine.messages.rows_paper import PaperOrderRow
from engine.messages.venues import (
    AccountQuery,
    OpenOrdersQuery,
    VenueAccepted,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
)
from tests.connectors.paper.floor import a_floor
from tests.connectors.paper.support import (
    ACCOUNT,
    NOW_NS,
    OTHER,
    SPOT,
    USER,
    VENUE,
    TestStore,
    a_delta,
    a_print,
    a_quote,
    a_snapshot,
    a_submit,
    an_account,
)
from tests.support.domain import a_spot

MS = 1_000_000
ONE_ORDER = ["VenueAccepted", "VenueFill", "VenueOrderDone filled"]

pytestmark = pytest.mark.asyncio
STORES = pytest.mark.parametrize("is_instant", [False, True], ids=["waits", "instant"])


@STORES
async def test_an_order_is_answered_filled_and_done(is_instant: bool) -> None:
    async with a_floor(TestStore(is_instant=is_instant)) as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        submit = await floor.send("buy 1", number=1)
        accepted, fill, done = floor.heard
        assert isinstance(accepted, VenueAccepted)
        assert (accepted.order_id, accepted.account_id) == (submit.order_id, ACCOUNT)
        assert isinstance(fill, VenueFill)
        assert (fill.venue_client_id, fill.executed_at_ns) == (submit.venue_client_id, NOW_NS)
        assert isinstance(done, VenueOrderDone)
        assert done.reason is DoneReason.FILLED
        account = await floor.ask(AccountQuery(account_id=ACCOUNT))
        assert {b.asset: str(b.free) for b in account.balances} == {"USDT": "99898.89900000", "BTC": "101"}


@STORES
async def test_the_market_reaches_resting_orders_through_every_event(is_instant: bool) -> None:
    async with a_floor(TestStore(is_instant=is_instant)) as floor:
        await floor.open()
        await floor.market(a_snapshot("99x5", "101x5"))
        for number in range(1, 5):
            await floor.send("buy 1 @ 100", number=number)
        floor.told()
        await floor.market(a_quote("99", "100", sizes="1 1"))
        assert floor.told() == ["VenueFill", "VenueOrderDone filled"]
        await floor.market(a_delta(2, asks="100x1"))
        assert floor.told() == ["VenueFill", "VenueOrderDone filled"]
        await floor.market(a_print("99.5", "1"))
        assert floor.told() == ["VenueFill", "VenueOrderDone filled"]
        await floor.market(a_snapshot("99x5", "100x1", number=3))
        assert floor.told() == ["VenueFill", "VenueOrderDone filled"]


async def test_events_of_other_venues_and_unknown_symbols_are_left_alone() -> None:
    async with a_floor() as floor:
        await floor.open()
        other: dict[str, Any] = {"venue": "coinbase", "symbol": SPOT.symbol, "ts_event_ns": 0, "ts_init_ns": 0}
        quote: dict[str, Any] = dict.fromkeys(("bid", "ask", "bid_size", "ask_size"), SPOT.tick_size)
        await floor.market(QuoteTick(**other, **quote))
        await floor.market(QuoteTick(**other | {"venue": VENUE, "symbol": "X/Y"}, **quote))
        await floor.market(a_print("1", "1", symbol="X/Y"), a_delta(1, symbol="X/Y"), a_snapshot("", "", symbol="X/Y"))
        await floor.send("buy 1", number=1)
        assert floor.told() == ["VenueRejected no_market"]


@pytest.mark.parametrize("kind", [QuoteTick, TradePrint, BookDelta, BookSnapshot])
async def test_a_venue_with_symbols_hears_only_these_and_nothing_after_its_end(kind: type) -> None:
    async with a_floor(symbols=[SPOT.symbol, SPOT.symbol]) as floor:
        assert floor.bus.subscribers(kind, (VENUE, SPOT.symbol)) == 1
        assert floor.bus.subscribers(kind, (VENUE, "X/Y")) == 0
        await floor.ref.stop()
        assert floor.bus.subscribers(kind, (VENUE, SPOT.symbol)) == 0


async def test_instruments_may_come_later_and_change() -> None:
    async with a_floor(instruments=[]) as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1)
        assert floor.told() == ["VenueRejected unknown_symbol"]
        floor.bus.publish(InstrumentsLoaded(venue=VENUE, instruments=(SPOT,), at_ns=0), VENUE)
        await floor.send("buy 1 @ 99", number=2)
        assert floor.told() == ["VenueAccepted"]
        changed = a_spot(tick_size="1")
        floor.bus.publish(InstrumentsLoaded(venue=VENUE, instruments=(changed,), at_ns=0), VENUE)
        await floor.send("buy 1 @ 99.5", number=3)
        assert floor.told() == ["VenueRejected tick_size"]


# --- Refusals that concern the actor ---------------------------------------------------------------------------------


async def test_an_order_past_its_validity_is_not_sent() -> None:
    async with a_floor() as floor:
        await floor.open()
        floor.wall.advance_to(NOW_NS + 2)
        await floor.send("buy 1 @ 99", number=1, valid_until_ns=NOW_NS + 1)
        assert floor.told() == ["VenueNotSent"]
        await floor.send("buy 1 @ 99", number=2, valid_until_ns=NOW_NS + 2)
        assert floor.told() == ["VenueAccepted"]


class OneFence:
    """A permit for the fences named; the others are lost."""

    def __init__(self, send: set[int], cancel: set[int]) -> None:
        self.send, self.cancel = send, cancel

    def may_send(self, user_id: UserId, fence: int) -> bool:
        return user_id == USER and fence in self.send

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        return user_id == USER and fence in self.cancel


async def test_a_fenced_cell_sends_nothing_and_its_cancel_stays_open() -> None:
    async with a_floor(permit=OneFence(send={2}, cancel={2, 3})) as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1, fence=1)
        (refused,) = floor.heard
        assert isinstance(refused, VenueNotSent)
        assert refused.why == "not_sent_fenced"
        floor.told()
        resting = await floor.send("buy 1 @ 99", number=2, fence=2)
        assert floor.told() == ["VenueAccepted"]
        await floor.cancel(resting, fence=1)
        assert floor.told() == ["VenueCancelRefused unknown"]
        await floor.cancel(resting, fence=3)
        assert floor.told() == ["VenueOrderDone cancelled"]


async def test_an_order_that_becomes_too_old_on_its_way_is_refused_by_the_market() -> None:
    async with a_floor(latency=PaperLatency(submit_ns=5)) as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1, valid_until_ns=NOW_NS + 1)
        floor.wall.advance_to(NOW_NS + 2)
        await floor.pass_time(5)
        assert floor.told() == ["VenueRejected valid_until_passed"]


async def test_an_account_that_was_never_opened_is_unknown() -> None:
    async with a_floor() as floor:
        submit = await floor.send("buy 1 @ 99", number=1, account=OTHER)
        await floor.cancel(submit)
        assert floor.told() == ["VenueRejected unknown_account", "VenueCancelRefused unknown_order"]


@STORES
async def test_a_client_id_is_refused_a_second_time_also_after_a_restart(is_instant: bool) -> None:
    store = TestStore(is_instant=is_instant)
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        await floor.send("buy 1", number=1)
        await floor.send("buy 0.000001", number=2)
        floor.told()
        for number in (1, 2):
            await floor.send("buy 1", number=number)
        assert floor.told() == ["VenueRejected duplicate_client_order_id"] * 2
    rows = store.rows(PaperOrderRow)
    async with a_floor(store, seed=2) as floor:
        floor.actor._exchange.accounts[ACCOUNT].client_ids._horizon = 1 << 121
        await floor.market(a_quote("100", "101"))
        for number in (1, 2):
            await floor.send("buy 1", number=number)
        assert floor.told() == ["VenueRejected duplicate_client_order_id"] * 2
        assert rows == store.rows(PaperOrderRow)
        await floor.send("buy 1", number=3)  # Doubtful as well, but the store does not know it.
        assert floor.told() == ONE_ORDER


# --- Cancels ---------------------------------------------------------------------------------------------------------


@STORES
async def test_a_cancel_ends_an_open_order_once(is_instant: bool) -> None:
    async with a_floor(TestStore(is_instant=is_instant)) as floor:
        await floor.open()
        submit = await floor.send("buy 1 @ 99", number=1)
        await floor.cancel(submit)
        await floor.cancel(submit)
        assert floor.told() == ["VenueAccepted", "VenueOrderDone cancelled", "VenueCancelRefused already_done"]
        orders = await floor.ask(OpenOrdersQuery(account_id=ACCOUNT))
        assert orders.orders == ()


async def test_a_cancel_knows_what_was_done_before_the_restart_from_what_never_was() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        done = await floor.send("buy 1 @ 99", number=1)
        await floor.cancel(done)
    async with a_floor(store, seed=2) as floor:
        await floor.cancel(done)
        assert floor.told() == ["VenueCancelRefused already_done"]
        never = await floor.send("buy 0 @ 99", number=2, account=OTHER)
        floor.told()
        floor.ref.tell(an_account({"USDT": "1"}, account=OTHER))
        await floor.cancel(never)
        assert floor.told() == ["VenueCancelRefused unknown_order"]


# --- Latency ---------------------------------------------------------------------------------------------------------


async def test_commands_travel_on_the_market_clock() -> None:
    async with a_floor(latency=PaperLatency(submit_ns=3 * MS, cancel_ns=MS)) as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        await floor.send("buy 1", number=1)
        resting = await floor.send("buy 1 @ 99", number=2)
        await floor.pass_time(3 * MS - 1)
        assert floor.told() == []
        await floor.market(a_quote("101", "102"))
        await floor.pass_time(1)
        assert [str(fill.price) for fill in floor.fills()] == ["102"]
        assert floor.fills()[0].executed_at_ns == NOW_NS + 3 * MS
        floor.told()
        await floor.cancel(resting)
        await floor.pass_time(MS - 1)
        assert floor.told() == []
        await floor.pass_time(1)
        assert floor.told() == ["VenueOrderDone cancelled"]


async def test_jitter_is_drawn_from_the_given_chance() -> None:
    async def arrival(seed: int) -> int:
        async with a_floor(seed=seed, latency=PaperLatency(submit_ns=MS, jitter_ns=MS)) as floor:
            await floor.open()
            await floor.send("buy 1 @ 99", number=1)
            await floor.pass_time(MS - 1)
            assert floor.told() == []
            await floor.pass_time(MS + 1)
            (accepted,) = floor.heard
            return int(accepted.venue_time_ns) - NOW_NS

    times = [await arrival(seed) for seed in (1, 2, 1)]
    assert times[0] == times[2] != times[1]
    assert all(MS <= time <= 2 * MS for time in times)


async def test_a_market_event_that_breaks_the_venue_does_not_break_the_bus() -> None:
    async with a_floor() as floor:
        del floor.actor._markets
        await floor.market(a_delta(1, bids="99x1"))
        await floor.market(a_delta(2, bids="99x1"))
        assert floor.bus.subscribers(QuoteTick) == 0


@STORES
async def test_an_order_that_waits_is_filled_before_the_quote_that_came_after_it(is_instant: bool) -> None:
    async with a_floor(TestStore(is_instant=is_instant), symbols=[SPOT.symbol]) as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        floor.ref.tell(a_submit("buy 1", number=1))
        await floor.market(a_quote("200", "201"))
        _, fill, _ = floor.heard
        assert isinstance(fill, VenueFill)
        assert fill.price == 101
