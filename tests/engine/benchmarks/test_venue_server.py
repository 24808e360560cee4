"""The answering process tells what it was asked, lists pairs, and ends with its parent."""

import asyncio

import aiohttp
import msgspec

from engine.benchmarks.venue_server import Server, Told, binance_order, coinbase_order, hyperliquid_order


def test_it_tells_the_newest_order_as_it_came() -> None:
    body = b"symbol=BTCUSDT&newClientOrderId=cv-1&price=5&quantity=1&timeInForce=GTC&type=LIMIT&side=BUY"

    async def ask(url: str) -> tuple[Told, int]:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/api/v3/order", data=body, headers={"X-MBX-APIKEY": "k"}) as answer:
                assert msgspec.json.decode(await answer.read())["clientOrderId"] == "cv-1"
            async with session.get(f"{url}/api/v3/exchangeInfo") as answer:
                pairs = len(msgspec.json.decode(await answer.read())["symbols"])
            async with session.get(f"{url}/told") as answer:
                return msgspec.json.decode(await answer.read(), type=Told), pairs

    server = Server(3)
    try:
        told, pairs = asyncio.run(asyncio.wait_for(ask(server.url), 20))
    finally:
        server.stop()
    assert (told.path, told.body, told.headers["X-MBX-APIKEY"]) == ("/api/v3/order", body, "k")
    assert pairs == 3


def test_answers_carry_the_ids_of_their_requests() -> None:
    binance = binance_order(b"symbol=A&newClientOrderId=cv-1&price=5&quantity=1&timeInForce=GTC&type=LIMIT&side=BUY")
    assert (binance["clientOrderId"], binance["symbol"], binance["status"]) == ("cv-1", "A", "NEW")
    asked = {"product_id": "BTC-USD", "side": "BUY", "client_order_id": "c", "order_configuration": {}}
    assert coinbase_order(msgspec.json.encode(asked))["success_response"]["client_order_id"] == "c"
    (status,) = hyperliquid_order(b'{"action":{"orders":[{"c":"0x1"}]}}')["response"]["data"]["statuses"]
    assert status["resting"]["cloid"] == "0x1"
