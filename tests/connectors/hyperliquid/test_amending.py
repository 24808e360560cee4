"""Amends against a script of answers; test_private.py amends at the simulator."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.bridge.errors import BridgeError, Refused, Unknown
from connectors.hyperliquid.amending import Amender
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.order_lists import OrderLists
from connectors.hyperliquid.requests import Action
from engine.domain.kinds import InstrumentKind
from tests.connectors.hyperliquid.test_requests import BTC, CLOID, RULES, an_amend
from tests.support.hyperliquid import some_symbols

RESTING = b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":8}}]}}}'


def an_order(oid: int = 7, **changes: Any) -> dict[str, Any]:
    order = {
        "coin": "BTC", "side": "B", "limitPx": "60000.0", "sz": "0.5", "oid": oid, "timestamp": 5, "origSz": "0.5",
        "cloid": CLOID, "orderType": "Limit", "tif": "Gtc", "reduceOnly": False, "isTrigger": False, "triggerPx": "0.0",
    }  # fmt: skip
    return order | changes


class Desk:
    """One open order, and what the venue answers."""

    def __init__(self, listed: dict[str, Any] | None = None, *, ended_sz: str = "0.5") -> None:
        self.known = KnownOrders()
        self.sent: list[Action] = []
        self.answer: bytes | BaseException = RESTING
        self.during: list[int] = []
        """Numbers whose end comes while the request is under way."""
        self.listed = [an_order() if listed is None else listed]
        self.status: Any = {
            "status": "order",
            "order": {"order": an_order(sz=ended_sz), "status": "canceled", "statusTimestamp": 9},
        }
        orders = OrderLists(
            self.ask, "0x1", kind=InstrumentKind.PERPETUAL, symbols=some_symbols(), known=self.known, now_ns=lambda: 99
        )
        self.amender = Amender(orders, self.known, now_ns=lambda: 99)

    async def ask(self, request: dict[str, Any]) -> bytes:
        return json.dumps(self.listed if request["type"] == "frontendOpenOrders" else self.status).encode()

    async def send(self, action: Action) -> bytes:
        self.sent.append(action)
        for oid in self.during:
            self.known.believes_end(oid, CLOID)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def amend(self, **changes: Any) -> Any:
        return await self.amender.amend(an_amend(**changes), BTC, RULES, send=self.send)


@pytest.mark.asyncio
async def test_the_new_number_holds_the_wanted_quantity() -> None:
    desk = Desk()
    told = await desk.amend(quantity=Decimal(1), price=Decimal(61000))
    assert (told.external_order_id, told.quantity, told.price) == ("8", Decimal(1), Decimal(61000))
    assert desk.sent[0]["modifies"][0]["order"]["s"] == "1"
    assert desk.known.number_of(CLOID) == 8


@pytest.mark.asyncio
async def test_what_was_filled_meanwhile_is_counted_on() -> None:
    desk = Desk(an_order(sz="0.4"), ended_sz="0.3")
    told = await desk.amend(price=Decimal(61000))
    assert told.quantity == Decimal("0.1") + Decimal("0.1") + Decimal("0.4")
    assert desk.known.filled_before(8) == Decimal("0.2")


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [{"status": "unknownOid"}, {"status": "order"}, {"status": 5}])
async def test_an_old_number_that_nobody_can_tell_of_changes_nothing(status: Any) -> None:
    desk = Desk()
    desk.status = status
    assert (await desk.amend(quantity=Decimal(1))).quantity == Decimal(1)


@pytest.mark.asyncio
async def test_a_trigger_keeps_its_kind() -> None:
    desk = Desk(an_order(orderType="Stop Market", isTrigger=True, triggerPx="61000.0", tif=None))
    told = await desk.amend(stop_price=Decimal(62000))
    assert (told.price, told.stop_price) == (None, Decimal(62000))


@pytest.mark.asyncio
async def test_a_refusal_leaves_the_order_as_it_was_unless_it_has_ended() -> None:
    desk = Desk()
    desk.answer = Refused("bad_price")
    with pytest.raises(Refused, match="bad_price"):
        await desk.amend(price=Decimal(61000))
    assert desk.known.believes_end(7, CLOID)
    desk.during = [7]
    with pytest.raises(Refused, match="already_done"):
        await desk.amend(price=Decimal(61000))
    assert desk.known.believes_end(7, CLOID)


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", [Unknown("timeout"), b"<html>", b'{"status":"ok","response":{}}', KeyError("x")])
async def test_without_an_answer_no_end_is_believed(answer: Any) -> None:
    desk = Desk()
    desk.answer = answer
    with pytest.raises((BridgeError, msgspec.DecodeError, KeyError)):
        await desk.amend(price=Decimal(61000))
    assert not desk.known.believes_end(7, CLOID)
    desk.known.settle(CLOID)
    assert desk.known.believes_end(7, CLOID)


@pytest.mark.asyncio
async def test_an_order_that_is_not_listed_is_not_amended() -> None:
    desk = Desk(an_order(cloid=None))
    with pytest.raises(Refused, match="unknown_order"):
        await desk.amend(price=Decimal(61000))
    assert desk.sent == []
