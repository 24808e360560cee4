"""The guard around ccxt, against a venue on real sockets: what leaves, what comes back, and what is made of it."""

import asyncio
import decimal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from connectors.bridge.departure import Priority
from connectors.bridge.errors import AuthRefused, BridgeError, ClockOff, Limited, NotSent, Refused, Unknown
from engine.runtime.clock import NS_PER_S, WallClock
from tests.support.venues.plain_client import PlainExchange
from tests.support.venues.plain_rig import PlainRig


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[PlainRig]:
    async with PlainRig() as rig:
        yield rig


@pytest_asyncio.fixture
async def exchange(rig: PlainRig) -> AsyncIterator[PlainExchange]:
    exchange = rig.exchange(WallClock())
    yield exchange
    await exchange.close()


class Leave:
    """A command's departure that a test watches."""

    def __init__(self, refuse: str = "") -> None:
        self.priority = Priority.OPEN
        self.refuse = refuse
        self.steps: list[str] = []

    def leaving(self) -> None:
        if self.refuse:
            raise NotSent(self.refuse)
        self.steps.append("leaving")

    def left(self) -> None:
        self.steps.append("left")


def an_order(client: str = "cv-1", **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"client": client, "symbol": "BTCUSDT", "side": "buy", "type": "limit", "quantity": "0.01"}
    fields |= {"price": "50000", "tif": "GTC", "post_only": False, "valid_until": 2**53}
    return fields | changes


@pytest.mark.asyncio
async def test_an_answer_comes_back_as_it_was_sent(rig: PlainRig, exchange: PlainExchange) -> None:
    rig.server.faults.add("status", "GET /account", status=200, body='{"a":0.10000000000000000001}')
    assert await exchange.ask(exchange.privateGetAccount) == b'{"a":0.10000000000000000001}'


@pytest.mark.asyncio
async def test_a_command_looks_before_the_first_byte_and_tells_after_the_last(
    rig: PlainRig, exchange: PlainExchange
) -> None:
    leave = Leave()
    await exchange.ask(exchange.privatePostOrder, an_order(), departure=leave)
    await exchange.ask(exchange.privateDeleteOrder, {"client": "cv-1"}, departure=leave)
    assert leave.steps == ["leaving", "left"] * 2
    assert [order.state for order in rig.orders("cv-1")] == ["cancelled"]


@pytest.mark.asyncio
async def test_what_may_not_leave_does_not(rig: PlainRig, exchange: PlainExchange) -> None:
    with pytest.raises(NotSent, match="fenced"):
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave("fenced"))
    assert rig.server.log.requests("POST /order") == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "code", "has_happened"),
    [
        ("after_drop", "connection_lost", True),
        ("drop", "connection_lost", False),
        ("truncate", "connection_lost", True),
        ("html", "bad_answer", True),
        ("empty", "bad_answer", True),
        ("after_status", "http_502", True),
        ("status", "http_502", False),
    ],
)
async def test_what_proves_nothing_leaves_the_outcome_open_and_is_sent_once(
    rig: PlainRig, exchange: PlainExchange, kind: Any, code: str, has_happened: bool
) -> None:
    rig.server.faults.add(kind, "/order", status=502, body="<html>Bad gateway</html>", times=-1)
    with pytest.raises(Unknown) as error:
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave())
    assert error.value.code == code
    assert len(rig.server.log.requests("POST /order")) == 1
    assert len(rig.orders("cv-1")) == int(has_happened)


@pytest.mark.asyncio
async def test_a_command_on_a_connection_that_the_server_drops_is_not_repeated(
    rig: PlainRig, exchange: PlainExchange
) -> None:
    await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave())
    rig.server.faults.add("after_drop", "DELETE /order", times=-1)
    with pytest.raises(Unknown):
        await exchange.ask(exchange.privateDeleteOrder, {"client": "cv-1"}, departure=Leave())
    assert len(rig.server.log.requests("DELETE /order")) == 1


@pytest.mark.asyncio
async def test_a_command_is_not_sent_where_a_redirect_points(rig: PlainRig, exchange: PlainExchange) -> None:
    rig.server.faults.add("status", "POST /order", status=307, headers={"Location": "/order"}, times=1)
    with pytest.raises(Unknown):
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave())
    assert len(rig.server.log.requests("POST /order")) == 1
    assert rig.orders("cv-1") == []


@pytest.mark.asyncio
async def test_an_answer_that_never_comes_is_unknown_in_time(rig: PlainRig, exchange: PlainExchange) -> None:
    rig.server.faults.add("after", "POST /order", delay_s=5)
    with pytest.raises(Unknown) as error:
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave(), timeout_ns=NS_PER_S // 10)
    assert error.value.code == "timeout"
    assert len(rig.orders("cv-1")) == 1


@pytest.mark.asyncio
async def test_a_venue_that_is_not_there_was_not_reached(rig: PlainRig, exchange: PlainExchange) -> None:
    await rig.server.stop()
    leave = Leave()
    with pytest.raises(NotSent) as error:
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=leave)
    assert error.value.code == "not_connected"
    assert leave.steps == []
    await rig.server.start()


@pytest.mark.asyncio
async def test_a_refusal_of_the_venue_is_one_whatever_its_url(exchange: PlainExchange) -> None:
    with pytest.raises(Refused) as error:
        await exchange.ask(exchange.privatePostOrder, an_order(quantity="1000"), departure=Leave())
    assert (error.value.code, error.value.venue_code) == ("insufficient_funds", "insufficient_balance")


@pytest.mark.asyncio
@pytest.mark.parametrize(("said", "is_ban", "rest_s"), [("rate_limited", False, 2), ("banned", True, 120)])
async def test_a_limit_shuts_the_gate_for_everybody_at_this_venue(
    rig: PlainRig, exchange: PlainExchange, said: str, is_ban: bool, rest_s: int
) -> None:
    rig.server.faults.add("status", "GET /account", **getattr(rig, said).fields)
    with pytest.raises(Limited):
        await exchange.ask(exchange.privateGetAccount)
    with pytest.raises(Limited) as error:
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave())
    assert error.value.is_ban == is_ban
    assert rest_s - 1 < error.value.retry_after_ns / NS_PER_S <= rest_s
    assert rig.server.log.requests("POST /order") == []


@pytest.mark.asyncio
async def test_a_query_with_a_wrong_time_is_asked_again_after_measuring(rig: PlainRig, exchange: PlainExchange) -> None:
    await exchange.follow_clock()
    rig.server.clock.skew(600)
    await exchange.ask(exchange.privateGetAccount)
    assert len(rig.server.log.requests("GET /account")) == 2
    assert abs(exchange.bridge.time.offset_ns - 600 * NS_PER_S) < NS_PER_S


@pytest.mark.asyncio
async def test_a_command_with_a_wrong_time_is_refused_and_not_sent_again(
    rig: PlainRig, exchange: PlainExchange
) -> None:
    await exchange.follow_clock()
    rig.server.clock.skew(600)
    with pytest.raises(ClockOff) as error:
        await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave())
    assert error.value.is_definite
    assert len(rig.server.log.requests("POST /order")) == 1
    assert not exchange.bridge.time.is_fresh


@pytest.mark.asyncio
@pytest.mark.parametrize(("key", "code"), [("unknown", "bad_key"), ("wrong_secret", "bad_signature")])
async def test_a_wrong_key_is_told_apart_and_never_shown(rig: PlainRig, key: Any, code: str) -> None:
    exchange = rig.exchange(WallClock(), key=key)
    with pytest.raises(AuthRefused) as error:
        await exchange.ask(exchange.privateGetAccount)
    assert error.value.code == code
    assert "of-alice" not in str(error.value)
    assert "of-nobody" not in str(error.value)
    await exchange.close()


@pytest.mark.asyncio
async def test_an_answer_that_is_no_http_does_not_tell_what_was_signed(rig: PlainRig, exchange: PlainExchange) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1")
    exchange.urls["api"]["rest"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(Unknown) as caught:
        await exchange.ask(exchange.privateGetOrder, {"client": "cv-1", "signature": "c8db56825ae71d6d"})
    assert "c8db56825ae71d6d" not in f"{caught.value}{caught.value!r}{caught.value.message}"
    server.close()
    await server.wait_closed()


@pytest.mark.asyncio
async def test_a_key_that_cannot_sign_says_so_without_showing_itself(rig: PlainRig) -> None:
    exchange = rig.exchange(WallClock())
    exchange.secret = None
    with pytest.raises(AuthRefused) as error:
        await exchange.ask(exchange.privateGetAccount)
    assert error.value.code == "bad_signature"
    await exchange.close()


@pytest.mark.asyncio
async def test_a_closed_exchange_sends_nothing(rig: PlainRig) -> None:
    exchange = rig.exchange(WallClock())
    await exchange.ask(exchange.privateGetAccount)
    await exchange.close()
    with pytest.raises(BridgeError) as error:
        await exchange.ask(exchange.privateGetAccount)
    assert error.value.is_definite


@pytest.mark.asyncio
async def test_requests_cost_what_the_venue_says(exchange: PlainExchange) -> None:
    await exchange.ask(exchange.privateGetAccount)
    await exchange.ask(exchange.privatePostOrder, an_order(), departure=Leave())
    budget = exchange.bridge.budgets.of("alice")
    assert sum(budget.used("weight").values()) == 6
    assert sum(budget.used("orders").values()) == 1


@pytest.mark.asyncio
async def test_many_requests_at_once_keep_their_own_answers(exchange: PlainExchange) -> None:
    async def place(number: int) -> bytes:
        return await exchange.ask(exchange.privatePostOrder, an_order(f"cv-{number}"), departure=Leave())

    answers = await asyncio.gather(*(place(number) for number in range(50)))
    assert [f'"cv-{number}"'.encode() in answer for number, answer in enumerate(answers)] == [True] * 50


@pytest.mark.asyncio
async def test_a_request_leaves_our_decimal_context_as_it_was(exchange: PlainExchange) -> None:
    before = repr(decimal.getcontext())

    async def meddle(_params: Any) -> None:
        decimal.getcontext().prec = 3
        decimal.getcontext().traps[decimal.Underflow] = True
        await exchange.privateGetAccount({})

    await exchange.ask(meddle)
    assert repr(decimal.getcontext()) == before


@pytest.mark.asyncio
async def test_a_large_listing_is_not_parsed_on_the_way(rig: PlainRig, exchange: PlainExchange) -> None:
    page = b'{"error": "not one", "symbols": [' + b"1," * 2_000_000 + b"1]}"
    rig.server.faults.add("status", "GET /time", status=200, body=page)
    loop = asyncio.get_running_loop()
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            before = loop.time()
            await asyncio.sleep(0)
            stalls.append(loop.time() - before)

    watching = asyncio.create_task(watch())
    assert await exchange.ask(exchange.publicGetTime, is_bulk=True) == page
    watching.cancel()
    assert max(stalls) < 0.5
