"""The private socket of one account."""

import json
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from connectors.bridge.errors import AuthRefused
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamFollow, StreamReady
from connectors.coinbase.fill_feed import FillFeed
from connectors.coinbase.parse import SequenceCheck
from connectors.coinbase.private_parse import Seen
from connectors.coinbase.user_stream import UserPlan
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.messages.venues import VenueFill, VenueOrderDone, VenueOrderUpdate
from engine.runtime.clock import WallClock
from tests.connectors.coinbase.support import AT, a_frame, lines_of


async def nothing(_order_ids: Sequence[str]) -> AsyncIterator[Sequence[VenueFill]]:
    yield ()


def a_plan(seen: list[Seen] | None = None, check: SequenceCheck = "connection") -> UserPlan:
    tokens = iter("abcdef")
    return UserPlan(
        url=lambda: "ws://user",
        account_id=AccountId(UUID(int=7)),
        token=lambda: next(tokens),
        feed=FillFeed(nothing, WallClock()),
        learn=([] if seen is None else seen).append,
        check=check,
    )


@pytest.mark.asyncio
async def test_each_subscription_has_a_token_of_its_own() -> None:
    texts = [json.loads(text) for text in await a_plan().opening()]
    assert [(text["channel"], text["jwt"]) for text in texts] == [("heartbeats", "a"), ("user", "b")]


@pytest.mark.asyncio
async def test_each_event_is_one_message_and_growth_is_followed() -> None:
    seen: list[Seen] = []
    plan = a_plan(seen)
    await plan.opening()
    found = [plan.parse(raw, at) for at, raw in lines_of("user_frames.txt")]
    kinds = [[type(item) for item in items] for items in found]
    assert kinds == [
        [],
        [],
        [StreamReady],
        [VenueOrderUpdate],
        [VenueOrderUpdate],
        [VenueOrderUpdate, StreamFollow],
        [VenueOrderDone, StreamFollow],
    ]
    assert len(seen) == 4


@pytest.mark.asyncio
async def test_a_hole_in_the_numbers_ends_the_connection() -> None:
    lines = list(lines_of("user_frames.txt"))
    plan, loose = a_plan(), a_plan(check="off")
    for one in (plan, loose):
        await one.opening()
        one.parse(lines[0][1], AT)
    found = plan.parse(lines[3][1], AT)
    assert isinstance(found[0], VenueOrderUpdate)
    assert found[1] == StreamEnded("frames are missing: expected number 1, was 3")
    assert len(loose.parse(lines[3][1], AT)) == 1
    await plan.opening()
    assert plan.parse(lines[0][1], AT) == []


@pytest.mark.asyncio
async def test_an_order_that_is_not_understood_counts_as_a_frame_that_is_not() -> None:
    raw = next(raw for _, raw in lines_of("user_frames.txt") if b"PENDING" in raw).replace(b"PENDING", b"MELTED")
    (follow,) = a_plan().parse(raw, AT)
    assert isinstance(follow, StreamFollow)
    with pytest.raises(BadInput, match="MELTED"):
        await follow.ask()


def test_a_refused_session_is_about_the_key() -> None:
    (broken,) = a_plan().parse(b'{"type":"error","message":"authentication failure"}', AT)
    assert isinstance(broken, StreamBroken)
    assert isinstance(broken.error, AuthRefused)
    assert "authentication failure" in broken.error.line


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"channel":"weather","sequence_num":0,"events":[]}',
        b'{"channel":"subscriptions","sequence_num":0,"events":[{}]}',
        a_frame("user", [{"type": "update", "orders": [{"order_id": 7}]}]),
    ],
)
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        a_plan().parse(raw, AT)
