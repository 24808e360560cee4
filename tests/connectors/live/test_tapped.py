"""Listening in changes nothing of what is said."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.bridge.plan import StreamPlan, StreamReady
from connectors.live.adapter import Channel
from connectors.live.tapped import TappedAdapter, TappedPlan
from engine.domain.errors import BadInput
from engine.messages.market import BookSnapshot
from tests.support.live_market import FakePublic, FeedServer, PlayedPlan, a_pair
from tests.support.market import SYMBOL, a_snapshot

pytestmark = pytest.mark.asyncio


class Tap:
    def __init__(self) -> None:
        self.frames: list[tuple[bytes, int, Sequence[Any]]] = []
        self.unread: list[tuple[bytes, int]] = []

    def on_frame(self, raw: bytes, received_ns: int, items: Sequence[Any]) -> None:
        self.frames.append((raw, received_ns, items))

    def on_unread(self, raw: bytes, received_ns: int) -> None:
        self.unread.append((raw, received_ns))


async def test_a_plan_says_what_it_says_and_the_tap_sees_it() -> None:
    tap, plan = Tap(), PlayedPlan(FeedServer())
    plan.silence_ns, plan.lifetime_ns = 7, 9
    tapped: StreamPlan = TappedPlan(plan, tap.on_frame, tap.on_unread)
    assert (tapped.name, tapped.silence_ns, tapped.lifetime_ns) == (plan.name, 7, 9)
    assert (await tapped.url(), await tapped.opening()) == (await plan.url(), await plan.opening())
    assert (tapped.ping(), await tapped.renew()) == (None, None)
    assert tapped.parse(b'{"result":null,"id":1}', 5) == (StreamReady(),)
    assert tap.frames == [(b'{"result":null,"id":1}', 5, (StreamReady(),))]
    with pytest.raises(BadInput):
        tapped.parse(b"{", 6)
    assert tap.unread == [(b"{", 6)]


async def test_an_adapter_is_the_other_one_but_for_its_sockets_and_books() -> None:
    tap = Tap()
    books: list[BookSnapshot] = []
    inner = FakePublic(a_pair(), plans=[PlayedPlan(FeedServer())])
    inner.time_ns = 3
    tapped = TappedAdapter(inner, tap.on_frame, tap.on_unread, books.append)
    assert (tapped.venue, tapped.sequence_rule, tapped.channels) == ("binance", inner.sequence_rule, inner.channels)
    assert tapped.wire is inner.wire
    assert await tapped.instruments() == inner.listing
    assert [type(plan) for plan in tapped.streams([SYMBOL], frozenset({Channel.BOOK}))] == [TappedPlan]
    assert await tapped.server_time_ns() == 3
    assert list(await tapped.bars(SYMBOL, "1m", 0, 1)) == []
    assert (await tapped.snapshot(SYMBOL), books) == (None, [])
    inner.snapshots = [a_snapshot(4)]
    assert await tapped.snapshot(SYMBOL) == books[0] == a_snapshot(4)
    await tapped.open()
    await tapped.close()
    assert inner.closed == 1
