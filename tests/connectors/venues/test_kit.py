"""The simulators' kit: what it promises to the tests of connectors."""

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.venues.core import OrderEvent, SimAccount, SimClock, SimMarket, SimRefusal
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Answer, Call, VenueServer
from tests.support.venues.sockets import SimSocket


class Echo(VenueServer):
    secret_patterns = (r"(token=)[^&\s]+",)

    def __init__(self) -> None:
        super().__init__()
        self.worked = 0

    async def answer(self, call: Call) -> Answer:
        self.worked += 1
        return Answer({"path": call.path, "query": call.query_string, "pad": "x" * 2_000})

    async def on_text(self, socket: SimSocket, text: str) -> None:
        socket.subscriptions.add(text)
        socket.push({"echo": text})


async def ask(venue: Echo, path: str = "/a") -> Any:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as session,
        session.post(URL(venue.http + path, encoded=True)) as answer,
    ):
        text = await answer.text()
        return answer.status, text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "worked", "error"),
    [
        ("drop", 0, aiohttp.ClientConnectionError),
        ("after_drop", 1, aiohttp.ClientConnectionError),
        ("truncate", 1, aiohttp.ClientError),
        ("before", 0, TimeoutError),
        ("after", 1, TimeoutError),
    ],
)
async def test_a_fault_loses_the_request_or_the_answer(kind: Any, worked: int, error: type[Exception]) -> None:
    async with Echo() as venue:
        venue.faults.add(kind, "POST /a", delay_s=0.7)
        with pytest.raises(error):
            await ask(venue)
        assert venue.worked == worked
        status, text = await ask(venue)
        assert (status, text[:10]) == (200, '{"path":"/')


@pytest.mark.asyncio
async def test_a_fault_answers_in_the_place_of_the_venue() -> None:
    async with Echo() as venue:
        venue.faults.add("status", "/a", status=429, body='{"code":-1003}', skip=1)
        venue.faults.add("html", "/b")
        venue.faults.add("after_status", "/c", status=502)
        assert (await ask(venue))[0] == 200
        assert await ask(venue) == (429, '{"code":-1003}')
        assert (await ask(venue, "/b"))[1].startswith("<html>")
        assert (await ask(venue, "/c"))[0] == 502
        assert venue.worked == 3


@pytest.mark.asyncio
async def test_the_log_holds_every_request_without_secrets() -> None:
    async with Echo() as venue:
        await ask(venue, "/a?token=hush&x=%2F1")
        (request,) = venue.log.requests("POST /a")
        assert request.line == "POST /a?token=***&x=%2F1"
        assert venue.log.answers()[0].status == 200
        assert "hush" not in str(venue.log.records)


@pytest.mark.asyncio
async def test_sockets_lose_frames_fall_silent_and_end() -> None:
    async with Echo() as venue, aiohttp.ClientSession() as session, session.ws_connect(venue.ws + "/s") as ws:
        await ws.send_str("one")
        assert await ws.receive_json() == {"echo": "one"}
        venue.sockets.gap(1, frames="lost")
        venue.sockets.send({"lost": 1})
        venue.sockets.send("not json [")
        assert await ws.receive_str() == "not json ["
        venue.sockets.silence()
        await ws.send_str("two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.receive(), 0.05)
        assert venue.sockets.abort("one") == 1
        assert (await ws.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


@pytest.mark.asyncio
async def test_another_process_reaches_the_controls() -> None:
    async with Echo() as venue, aiohttp.ClientSession() as session:
        wish = {"do": "fault", "with": {"kind": "status", "match": "/a", "status": 418}}
        await session.post(venue.http + "/_control", json=wish)
        assert (await ask(venue))[0] == 418


def scene(*, is_margined: bool = False) -> tuple[SimExchange, SimAccount, list[Any]]:
    exchange = SimExchange(SimClock())
    exchange.add_market(SimMarket("BTCUSDT", "BTC", "USDT", is_margined=is_margined))
    account = exchange.add_account(SimAccount("ann", "key", "secret"), USDT="10000", BTC="0" if is_margined else "1")
    events: list[Any] = []
    exchange.listeners.append(events.append)
    return exchange, account, events


def words(events: list[Any]) -> list[str]:
    return [event.word for event in events if isinstance(event, OrderEvent)]


def order(**changes: Any) -> dict[str, Any]:
    usual = {"symbol": "BTCUSDT", "side": "buy", "type": "LIMIT", "quantity": Decimal("0.1"), "client_id": "a"}
    return {**usual, "price": Decimal(50000), **changes}


def test_a_resting_order_locks_its_cost_and_gives_back_what_is_left() -> None:
    exchange, account, events = scene()
    placed = exchange.place(account, **order())
    assert account.balance("USDT").free == 5000
    assert account.balance("USDT").locked == 5000
    exchange.fill("a", "0.04", "49000")
    assert account.balance("USDT").total == Decimal(10000) - 1960 - Decimal("1.96")
    exchange.cancel(account, placed)
    assert account.balance("USDT").locked == 0
    assert account.balance("BTC").free == Decimal("1.04")
    assert words(events) == ["new", "trade", "cancelled"]


def test_a_market_order_eats_the_book() -> None:
    exchange, account, events = scene()
    exchange.place(account, **order(price=None, quantity=Decimal("0.1"), type="MARKET"))
    assert account.trades[0].price == Decimal("60000.01")
    assert exchange.market("BTCUSDT").asks[Decimal("60000.01")] == Decimal("4.9")
    assert words(events) == ["new", "trade"]


def test_a_stop_waits_for_the_last_price() -> None:
    exchange, account, events = scene()
    exchange.place(account, **order(side="sell", price=None, stop_price=Decimal(59000), type="STOP_LOSS"))
    exchange.print_trade("BTCUSDT", "59500")
    assert words(events) == ["new"]
    exchange.print_trade("BTCUSDT", "59000")
    assert words(events) == ["new", "triggered", "trade"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"symbol": "NOPE"}, "unknown_symbol"),
        ({"quantity": Decimal("0.000001")}, "lot_size"),
        ({"price": Decimal("50000.001")}, "price_filter"),
        ({"quantity": Decimal("0.00001")}, "min_notional"),
        ({"quantity": Decimal(1)}, "insufficient_balance"),
        ({"price": Decimal(60001), "post_only": True}, "would_take"),
        ({"price": None, "stop_price": Decimal(59000)}, "would_trigger"),
    ],
)
def test_what_is_refused_leaves_no_trace(changes: dict[str, Any], word: str) -> None:
    exchange, account, events = scene()
    with pytest.raises(SimRefusal) as refusal:
        exchange.place(account, **order(**changes))
    assert refusal.value.word == word
    assert not account.orders
    assert not events
    assert account.balance("USDT").locked == 0


def test_a_client_id_may_come_again_once_the_first_order_is_done() -> None:
    exchange, account, _ = scene()
    first = exchange.place(account, **order())
    with pytest.raises(SimRefusal, match="duplicate_client_id"):
        exchange.place(account, **order())
    exchange.cancel(account, first)
    assert exchange.place(account, **order()).id > first.id


def test_a_position_realizes_its_profit() -> None:
    exchange, account, _ = scene(is_margined=True)
    exchange.place(account, **order())
    exchange.fill("a")
    exchange.place(account, **order(side="sell", client_id="b", price=Decimal(61000), reduce_only=True))
    exchange.fill("b")
    assert account.position("BTCUSDT").size == 0
    assert [trade.realized for trade in account.trades] == [0, 1100]
    assert account.balance("USDT").total == Decimal(10000) + 1100 - 5 - Decimal("6.1")


def test_held_events_come_when_the_test_says() -> None:
    exchange, account, events = scene()
    exchange.hold()
    exchange.place(account, **order())
    assert events == []
    kept = list(exchange.held or [])
    exchange.let_go([*reversed(kept), *kept])
    assert words(events) == ["new", "new"]


def test_the_dead_man_cancels_when_nobody_has_called() -> None:
    exchange, account, events = scene()
    exchange.place(account, **order())
    account.dead_man_ms = exchange.clock.now_ms() + 1_000
    exchange.tick()
    exchange.clock.advance(2)
    exchange.tick()
    assert words(events) == ["new", "cancelled"]
