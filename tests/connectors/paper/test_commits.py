"""Nothing leaves before it is durable, the store may go away at any moment, and so may the process."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import DependencyAway, InvariantBroken
from engine.messages.market import MarketMessage
from engine.messages.rows_paper import PaperMarkRow, PaperOrderRow, PaperTradeRow
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderQuery,
    VenueAccepted,
)
from engine.runtime.errors import ActorDeadError
from tests.connectors.paper.floor import Floor, a_floor
from tests.connectors.paper.support import (
    ACCOUNT,
    OTHER,
    SPOT,
    VENUE,
    TestStore,
    a_delta,
    a_print,
    a_quote,
    a_snapshot,
    a_submit,
    an_account,
)

D = Decimal
SECOND = 1_000_000_000

pytestmark = pytest.mark.asyncio


class Gate(TestStore):
    """A store that waits in its commit until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Any] = []
        self.is_open = False

    async def commit(self, batch_id: UUID, rows: Any) -> None:
        if not self.is_open:
            turn = asyncio.get_running_loop().create_future()
            self.waiting.append(turn)
            await turn
        self.commit_now(batch_id, rows)


async def test_nothing_is_said_before_the_commit_and_what_came_meanwhile_is_committed_together() -> None:
    store = Gate()
    async with a_floor(store) as floor:
        store.is_open = True
        await floor.open()
        store.is_open = False
        floor.ref.tell(a_submit("buy 1 @ 99", number=1))
        while not store.waiting:
            floor.system.drain()
            await _turn()
        for number in range(2, 10):
            floor.ref.tell(a_submit("buy 1 @ 99", number=number))
        await _turn()
        assert floor.told() == []
        batches = len(store.batches)
        store.is_open = True
        store.waiting.pop().set_result(None)
        await floor.system.idle()
        assert floor.told() == ["VenueAccepted"] * 9
        assert len(store.batches) == batches + 2


async def _turn() -> None:
    await asyncio.sleep(0)


async def test_a_batch_holds_each_state_once_and_the_position() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_snapshot("99x1", "100x1 101x1"))
        await floor.send("buy 2", number=1)
        rows = list(store.batches.values())[-1]
        kinds = [type(row).__name__ for row in rows]
        assert kinds == ["PaperOrderRow"] + ["PaperBalanceRow"] * 2 + ["PaperTradeRow"] * 2 + ["PaperMarkRow"]
        mark = rows[-1]
        assert isinstance(mark, PaperMarkRow)
        assert (mark.venue, mark.session, mark.last_order_id, mark.last_trade_id) == (VENUE, "", 1, 2)


async def test_one_cell_that_is_dead_does_not_stop_the_others() -> None:
    def dead(_: object) -> None:
        raise ActorDeadError("gone")

    async with a_floor() as floor:
        await floor.open()
        floor.bus.subscribe(VenueAccepted, dead, ACCOUNT)
        await floor.ask(an_account({"USDT": "1000"}, account=OTHER))
        await floor.send("buy 1 @ 99", number=1)
        await floor.send("buy 1 @ 99", number=2, account=OTHER)
        assert floor.told() == ["VenueAccepted"] * 2


# --- The store is away -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_instant", [False, True], ids=["waits", "instant"])
async def test_while_the_store_is_away_nothing_is_matched_and_nothing_is_promised(is_instant: bool) -> None:
    store = TestStore(is_instant=is_instant)
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_quote("100", "102"))
        resting = await floor.send("buy 1 @ 101", number=1)
        floor.told()
        store.is_away = True
        await floor.send("buy 1", number=2)
        assert floor.told() == ["VenueUnknown"]
        await floor.send("buy 1", number=3)
        await floor.cancel(resting)
        assert floor.told() == ["VenueUnknown", "VenueCancelRefused unknown"]
        for query in (
            OpenOrdersQuery(account_id=ACCOUNT),
            AccountQuery(account_id=ACCOUNT),
            FillsQuery(account_id=ACCOUNT, cursor=None),
            OrderQuery(account_id=ACCOUNT, symbol=SPOT.symbol, venue_client_id="cv-1"),
        ):
            assert isinstance(await floor.ask(query), CannotTell)
        with pytest.raises(DependencyAway):
            await floor.ask(an_account({}, account=OTHER))
        await floor.market(a_print("100", "5"), a_quote("99", "100"), a_delta(1), a_snapshot("99x1", "103x1"))
        await floor.pass_time(SECOND)
        assert floor.told() == []
        store.is_away = False
        await floor.pass_time(3 * SECOND)
        # The batch that failed is in, with its answers; the crossing of meanwhile is gone.
        assert floor.told() == ["VenueAccepted", "VenueFill", "VenueOrderDone filled"]
        await floor.market(a_print("100.5", "1"))
        assert floor.told() == ["VenueFill", "VenueOrderDone filled"]
        await floor.send("buy 1", number=3)
        assert floor.told()[0] == "VenueAccepted"
        assert len({row.venue_client_id for row in store.rows(PaperOrderRow)}) == 3


async def test_a_cancel_in_the_failed_batch_is_unknown_first_and_then_done() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        resting = await floor.send("buy 1 @ 101", number=1)
        floor.told()
        store.is_away = True
        await floor.cancel(resting)
        assert floor.told() == ["VenueCancelRefused unknown"]
        store.is_away = False
        await floor.pass_time(3 * SECOND)
        assert floor.told() == ["VenueOrderDone cancelled"]


async def test_a_commit_whose_answer_was_lost_is_repeated_and_counts_once() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        store.loses_answers = True
        await floor.send("buy 1", number=1)
        assert floor.told() == ["VenueUnknown"]
        store.loses_answers = False
        await floor.pass_time(SECOND)
        assert floor.told() == ["VenueAccepted", "VenueFill", "VenueOrderDone filled"]
        assert len(store.rows(PaperTradeRow)) == 1


async def test_retries_wait_longer_each_time() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        store.is_away = True
        await floor.send("buy 1 @ 99", number=1)
        before = store.tries
        await floor.pass_time(60 * SECOND)
        assert 30 <= store.tries - before <= 65
        store.is_away = False


async def test_a_look_up_that_fails_is_no_answer() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        floor.actor._exchange.accounts[ACCOUNT].client_ids._horizon = 1 << 121
        store.is_away = True
        submit = await floor.send("buy 1 @ 99", number=1)
        await floor.cancel(submit)
        assert floor.told() == ["VenueUnknown", "VenueCancelRefused unknown"]
        assert isinstance(
            await floor.ask(OrderQuery(account_id=ACCOUNT, symbol=SPOT.symbol, venue_client_id="cv-1")), CannotTell
        )
        assert isinstance(await floor.ask(FillsQuery(account_id=ACCOUNT, cursor="0")), CannotTell)


# --- Replays ---------------------------------------------------------------------------------------------------------


async def test_the_replay_position_is_stored_every_thousand_frames_and_with_every_change() -> None:
    store = TestStore()
    async with a_floor(store, session="monday") as floor:
        await floor.open()
        batches = len(store.batches)
        await floor.market(*(a_quote("100", "101", frame=frame) for frame in range(1, 1000)))
        assert len(store.batches) == batches
        await floor.market(a_print("100", "1", frame=1000))
        assert _mark(store) == 1000
        await floor.market(a_snapshot("99x1", "100x1", frame=1500))
        await floor.send("buy 1 @ 99", number=1)
        assert _mark(store) == 1500
        await floor.market(a_delta(2, frame=2499))
        assert _mark(store) == 1500
        await floor.market(a_snapshot("99x1", "100x1", number=3, frame=2500))
        assert _mark(store) == 2500
        await floor.market(a_delta(4, frame=2600))
    assert _mark(store) == 2600


def _mark(store: TestStore) -> int:
    return next(int(mark.frame) for mark in store.rows(PaperMarkRow) if mark.session == "monday")


async def test_order_ids_go_on_in_another_session() -> None:
    store = TestStore()
    async with a_floor(store, session="monday") as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1)
        await floor.send("buy 0.1 @ 1", number=2)
    async with a_floor(store, session="tuesday", seed=2) as floor:
        await floor.send("buy 1 @ 99", number=3)
        assert [event.external_order_id for event in floor.heard] == ["3"]


EVENTS = st.one_of(
    st.builds(
        lambda bid, spread, one, two: a_quote(str(bid), str(bid + spread), sizes=f"{one} {two}"),
        st.integers(97, 102), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3),
    ),
    st.builds(
        lambda price, size, side: a_print(str(price), str(size), side),
        st.integers(97, 103), st.integers(1, 4), st.sampled_from(["buy", "sell"]),
    ),
    st.builds(
        lambda number, price, size: a_delta(number, bids=f"{price - 1}x{size}", asks=f"{price + 1}x{size}"),
        st.just(10**6), st.integers(98, 102), st.integers(0, 4),
    ),
    st.builds(
        lambda price, one, two: a_snapshot(f"{price - 1}x{one} {price - 2}x{two}", f"{price + 1}x{two}"),
        st.integers(98, 102), st.integers(1, 4), st.integers(1, 4),
    ),
)  # fmt: skip
RESTING = ["buy 2 @ 99", "buy 3 @ 98", "buy 2 @ 98", "sell 2 @ 101", "sell 4 @ 102"]


def numbered(events: list[MarketMessage]) -> list[MarketMessage]:
    """Give every event its frame, and every change of the book its number."""
    frames: list[MarketMessage] = []
    for frame, event in enumerate(events, start=1):
        fields = {name: getattr(event, name) for name in event.__struct_fields__} | {"frame": frame}
        for name in ("first_update_id", "last_update_id"):
            if name in fields:
                fields[name] = frame
        frames.append(type(event)(**fields))
    return frames


async def replay(floor: Floor, frames: list[MarketMessage], *, first: bool) -> list[tuple[str, str, str]]:
    """Replay and return the fills; the orders of the session are placed at its first frame."""
    for event in frames:
        await floor.market(event)
        if first and event.frame == 1:
            for number, order in enumerate(RESTING, start=1):
                await floor.send(order, number=number)
    return [(fill.external_trade_id, str(fill.price), str(fill.quantity)) for fill in floor.fills()]


@given(events=st.lists(EVENTS, min_size=2, max_size=25), cut=st.integers(1, 25))
async def test_a_replay_killed_anywhere_fills_as_if_it_had_never_stopped(events: list[Any], cut: int) -> None:
    frames = numbered([a_quote("99", "101", sizes="1 1"), *events])
    unbroken, store = TestStore(), TestStore()
    async with a_floor(unbroken, session="s") as floor:
        await floor.open()
        whole = await replay(floor, frames, first=True)
    async with a_floor(store, session="s") as floor:
        await floor.open()
        before = await replay(floor, frames[:cut], first=True)
        floor.system.abandon()
    async with a_floor(store, session="s", seed=2) as floor:
        after = await replay(floor, frames, first=False)
    assert before + after == whole
    assert _orders(store) == _orders(unbroken)


def _orders(store: TestStore) -> list[tuple[str, str, str, str]]:
    return sorted(
        (row.venue_client_id, row.state, str(row.filled_quantity), str(row.queue_ahead))
        for row in store.rows(PaperOrderRow)
    )


@pytest.mark.parametrize(
    ("order", "prices", "fill"),
    [
        ("buy 1 stop 102", ["100", "102", "103"], "101"),
        ("sell 1 target 102", ["100", "102", "103"], "99"),
        ("buy 1 target 98", ["100", "98", "97"], "101"),
        ("buy 1 @ 102 target 98", ["100", "98", "97"], "101"),
    ],
)
async def test_a_waiting_order_survives_a_kill_and_triggers_once(order: str, prices: list[str], fill: str) -> None:
    frames = numbered([a_quote("99", "101"), *(a_print(price, "1", "buy") for price in prices)])
    store = TestStore()
    async with a_floor(store, session="s") as floor:
        await floor.open()
        await replay(floor, frames[:2], first=False)
        await floor.send(order, number=1)
        floor.system.abandon()
    async with a_floor(store, session="s", seed=2) as floor:
        assert await replay(floor, frames, first=False) == [("1", fill, "1")]
        floor.system.abandon()
    async with a_floor(store, session="s", seed=3) as floor:
        assert await replay(floor, frames, first=False) == []


async def test_a_stop_writes_what_moved_since_the_last_commit() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_snapshot("99x5", "101x1"))
        await floor.send("buy 1 @ 99", number=1)
        await floor.market(a_print("99", "2"))
    (row,) = store.rows(PaperOrderRow)
    assert row.queue_ahead == D(3)


async def test_a_batch_without_rows_is_said_at_once() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        submit = await floor.send("buy 1 @ 99", number=1)
        await floor.cancel(submit)
        batches = len(store.batches)
        floor.told()
        await floor.cancel(submit)
        assert floor.told() == ["VenueCancelRefused already_done"]
        assert len(store.batches) == batches


class Refusing(TestStore):
    """A store that refuses what it is given for what it holds, such as ids that another process has used."""

    is_refusing = False

    async def commit(self, batch_id: UUID, rows: Any) -> None:
        if self.is_refusing:
            raise ValueError("used before")
        await super().commit(batch_id, rows)


async def test_a_venue_whose_batch_is_refused_ends_also_where_a_question_made_it_commit() -> None:
    store = Refusing()
    store.is_instant = False
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_quote("99", "101"))
        store.is_refusing = True
        floor.ref.tell(a_submit("buy 1 @ 99", number=1))
        with pytest.raises(InvariantBroken):  # Not forgotten: the next batch would build on what is not stored.
            await floor.ask(OpenOrdersQuery(account_id=ACCOUNT))
        assert not floor.ref.is_alive()
        assert floor.told() == []
