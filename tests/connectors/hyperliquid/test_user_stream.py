"""The private socket's plan; tests/connectors/hyperliquid/test_private.py runs it."""

import json
from typing import Any
from uuid import UUID

import pytest

from connectors.bridge.errors import Refused
from connectors.bridge.plan import StreamBroken, StreamFollow, StreamReady
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.private_parse import AccountParser
from connectors.hyperliquid.user_stream import OVERLAP_NS, UserPlan
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.domain.kinds import InstrumentKind
from engine.messages.venues import VenueFill
from tests.support.hyperliquid import some_symbols

AT = 1_700_000_000_000_000_000
USER = "0x" + "01" * 20


async def named(oid: int) -> str:
    return f"0x{oid:032x}"


def a_plan(known: KnownOrders | None = None) -> UserPlan:
    parser = AccountParser(
        venue="hyperliquid",
        account_id=AccountId(UUID(int=1)),
        kind=InstrumentKind.PERPETUAL,
        symbols=some_symbols(),
        known=KnownOrders() if known is None else known,
    )
    return UserPlan(url=lambda: "ws://here/ws", user=USER, parser=parser, name_of=named)


def frame(channel: str, data: Any) -> bytes:
    return json.dumps({"channel": channel, "data": data}).encode()


def subscribed(kind: str) -> bytes:
    return frame("subscriptionResponse", {"method": "subscribe", "subscription": {"type": kind, "user": USER}})


def a_fill(time_ns: int, tid: int) -> dict[str, Any]:
    return {
        "coin": "BTC", "px": "5.0", "sz": "1.0", "side": "B", "time": time_ns // 10**6, "startPosition": "0.0",
        "hash": "0x0", "oid": 7, "crossed": True, "fee": "0.0", "tid": tid, "feeToken": "USDC",
    }  # fmt: skip


def fills(*each: dict[str, Any], snapshot: bool = False) -> bytes:
    return frame("userFills", {"isSnapshot": snapshot, "user": USER, "fills": each})


@pytest.mark.asyncio
async def test_it_is_ready_when_both_subscriptions_are_confirmed() -> None:
    plan = a_plan()
    assert await plan.url() == "ws://here/ws"
    for _ in range(2):
        opening = [json.loads(text)["subscription"] for text in await plan.opening()]
        assert opening == [{"type": kind, "user": USER} for kind in ("orderUpdates", "userFills")]
        assert list(plan.parse(subscribed("userFills"), AT)) == []
        assert list(plan.parse(subscribed("userFills"), AT)) == []
        assert list(plan.parse(subscribed("orderUpdates"), AT)) == [StreamReady()]
        assert list(plan.parse(subscribed("orderUpdates"), AT)) == []


@pytest.mark.asyncio
async def test_of_the_snapshot_after_a_break_only_what_was_missed_is_told() -> None:
    known = KnownOrders()
    known.learn(7, "0xa")
    plan = a_plan(known)
    old, missed = a_fill(AT - 2 * OVERLAP_NS, 1), a_fill(AT + 5 * 10**9, 2)
    await plan.opening()
    assert list(plan.parse(fills(old, snapshot=True), AT)) == []
    await plan.opening()
    (fill,) = plan.parse(fills(missed, old, snapshot=True), AT + 10**10)
    assert isinstance(fill, VenueFill)
    assert fill.external_trade_id == "2"


@pytest.mark.asyncio
async def test_fills_of_unknown_orders_are_asked_about_in_the_end() -> None:
    plan = a_plan()
    assert list(plan.parse(fills(a_fill(AT, 1)), AT)) == []
    assert list(plan.parse(b'{"channel":"pong"}', AT + 10**9)) == []
    (follow,) = plan.parse(b'{"channel":"pong"}', AT + 4 * 10**9)
    assert isinstance(follow, StreamFollow)
    (fill,) = await follow.ask()
    assert fill.venue_client_id == await named(7)
    assert list(plan.parse(b'{"channel":"pong"}', AT + 9 * 10**9)) == []


def test_a_refused_subscription_ends_the_session_and_says_why() -> None:
    (broken,) = a_plan().parse(frame("error", "Cannot track more than 10 total users."), AT)
    assert isinstance(broken, StreamBroken)
    assert isinstance(broken.error, Refused)
    assert "10 total users" in str(broken.error)


@pytest.mark.parametrize("raw", [b"", b"[]", frame("tomorrow", {}), frame("error", 5), fills({})])
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        a_plan().parse(raw, AT)


def test_the_venue_is_pinged_in_its_own_words() -> None:
    assert json.loads(a_plan().ping() or "") == {"method": "ping"}
