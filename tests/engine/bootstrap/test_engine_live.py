"""The whole engine on live venues: a simulated Binance on loopback, paper and real accounts side by side."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.domain.errors import ConfigError, DependencyAway
from tests.support.live_engine import RunningEngine, Street, a_live_engine
from tests.support.postgres import PostgresServer
from tests.support.venues.binance import BinanceSimulator

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]
TEXT = """
[market]
source = "live"
venues = ["binance"]
symbols = ["BTC/USDT", "ETH/USDT"]

[venues.binance]
rest_url = "{http}"
ws_url = "{ws}"
decode = "{decode}"

[[accounts]]
name = "paper-1"
user = "demo@localhost"
starting_balances = {{ USDT = 100000 }}

[[accounts]]
name = "real"
user = "demo@localhost"
mode = "live"
api_key = "env:CIVAL_TEST_KEY"
api_secret = "file:{folder}/secret"
"""


@pytest.fixture(autouse=True)
def no_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def text_of(venue: BinanceSimulator, folder: Path, decode: str = "hot") -> str:
    return TEXT.format(http=venue.http, ws=venue.ws, folder=folder, decode=decode)


def give_keys(venue: BinanceSimulator, folder: Path, monkeypatch: pytest.MonkeyPatch, secret: str = "") -> None:
    account = venue.add_account("real", USDT="50000", BTC="1")
    monkeypatch.setitem(os.environ, "CIVAL_TEST_KEY", account.api_key)
    (folder / "secret").write_text((secret or account.secret) + "\n")


async def buys(engine: RunningEngine, account: str, **changes: Any) -> dict[str, Any]:
    row = await engine.account(account)
    order = {"account_id": row["id"], "symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.01"}
    status, answer = await engine.call("POST", "/orders?wait=ack", order | changes)
    assert status in (201, 202), answer
    return dict(answer)


async def is_open_for_orders(engine: RunningEngine, account: str) -> bool:
    row = await engine.account(account)
    is_fresh = not engine.engine.market_stage.marks.is_stale("binance", "BTC/USDT")
    return is_fresh and engine.reason(f"account:{row['id']}") is None


@pytest.mark.parametrize("decode", ["hot", "ccxt"])
async def test_paper_and_real_accounts_trade_on_live_prices_each_where_it_belongs(
    decode: str, pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BinanceSimulator("spot") as venue, Street(venue):
        give_keys(venue, tmp_path, monkeypatch)
        async with a_live_engine(pg_server, tmp_path, text_of(venue, tmp_path, decode)) as engine:
            await engine.until(lambda: engine.reason("feed:binance") is None, "feed")
            for account in ("paper-1", "real"):
                await engine.until(partial(is_open_for_orders, engine, account), account)
            paper = await buys(engine, "paper-1")
            real = await buys(engine, "real", client_order_id="mine")
            orders = venue.exchange.accounts["real"].orders
            assert [order.client_id for order in orders.values()] == [real["venue_client_id"]]
            assert paper["venue_client_id"] not in {order.client_id for order in orders.values()}
            for account in ("paper-1", "real"):
                row = await engine.account(account)

                async def is_filled(account_id: str = row["id"]) -> bool:
                    return bool(await engine.items(f"/trades?account_id={account_id}"))

                await engine.until(is_filled, f"fill of {account}")

            async def is_shown_online() -> bool:
                # The row is written every few seconds; the first one may be from before the sockets were ready.
                return [(row["exchange"], row["status"]) for row in await engine.items("/exchanges")] == [
                    ("binance", "online")
                ]

            await engine.until(is_shown_online, "the venue's status")


async def test_how_a_venue_is_can_be_read(
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BinanceSimulator("spot") as venue, Street(venue):
        give_keys(venue, tmp_path, monkeypatch)
        venue.clock.skew(2.0)
        async with a_live_engine(pg_server, tmp_path, text_of(venue, tmp_path)) as engine:
            rows: list[dict[str, Any]] = []

            async def is_measured() -> bool:
                rows[:] = await engine.items("/exchanges")
                return bool(rows) and rows[0]["detail"] is not None and rows[0]["response_time_ms"] is not None

            await engine.until(is_measured, "health")
            assert 1_500 < rows[0]["detail"]["clock_offset_ms"] < 2_500
            assert rows[0]["detail"]["weight_limit"] == 6_000
            assert rows[0]["detail"]["used_weight"] > 20

            async def is_heard() -> bool:
                return (await engine.items("/exchanges"))[0]["last_ping"] is not None

            await engine.until(is_heard, "frame")
            pairs = await engine.items("/market/pairs?exchange=binance")
            assert {each["symbol"] for each in pairs} == {"BTC/USDT", "ETH/USDT"}

            venue.faults.add("drop", "WS ", times=-1)
            venue.sockets.abort()
            await engine.until(lambda: engine.reason("feed:binance") is not None, "loss")
            status, body = await engine.call("GET", "/readyz")
            assert status == 503
            (part,) = [each for each in body["parts"] if each["part"] == "feed:binance"]
            assert part["reason"]
            assert engine.engine.market_stage.marks.is_stale("binance", "BTC/USDT")
            venue.faults.clear()
            await engine.until(lambda: engine.reason("feed:binance") is None, "return", 40)
            await engine.until(lambda: not engine.engine.market_stage.marks.is_stale("binance", "BTC/USDT"), "book", 40)


async def test_a_wrong_secret_shuts_its_account_and_nothing_else(
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with BinanceSimulator("spot") as venue, Street(venue):
        give_keys(venue, tmp_path, monkeypatch, secret="wrong-" + "x" * 50)
        async with a_live_engine(pg_server, tmp_path, text_of(venue, tmp_path)) as engine:
            await engine.until(lambda: is_open_for_orders(engine, "paper-1"), "paper account")
            row = await engine.account("real")

            def reason() -> str:
                return engine.reason(f"account:{row['id']}") or ""

            await engine.until(lambda: "secret does not belong to this key" in reason(), "the clear line")
            assert "xxxx" not in reason()
            assert (await engine.call("GET", "/readyz"))[0] == 200, "one tenant's bad key never makes it unready"
            await buys(engine, "paper-1")


async def test_a_start_without_the_venue_goes_on_with_what_was_known(
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BinanceSimulator("spot") as venue:
        give_keys(venue, tmp_path, monkeypatch)
        text = text_of(venue, tmp_path)
        port = venue.port
        async with Street(venue), a_live_engine(pg_server, tmp_path, text) as engine:
            await engine.until(lambda: engine.reason("feed:binance") is None, "feed")
        await venue.stop()
        async with a_live_engine(pg_server, tmp_path, text) as engine:
            assert engine.reason("feed:binance")
            row = await engine.account("paper-1")
            order = {"account_id": row["id"], "symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.01"}
            status, answer = await engine.call("POST", "/orders", order)
            assert status == 422, answer
            await venue.start(port)
            async with Street(venue):
                await engine.until(lambda: engine.reason("feed:binance") is None, "feed", 60)
                await engine.until(lambda: is_open_for_orders(engine, "real"), "real account", 60)


async def test_a_venue_that_was_never_there_and_a_symbol_that_never_was_stop_the_start(
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BinanceSimulator("spot") as venue:
        give_keys(venue, tmp_path, monkeypatch)
        text = text_of(venue, tmp_path)
        with pytest.raises(ConfigError, match=r"market\.symbols: expected symbols of binance, such as BTC/USDT"):
            async with a_live_engine(pg_server, tmp_path / "a", text.replace('"BTC/USDT"', '"BTK/USDT"')):
                raise AssertionError("it started")
        monkeypatch.delitem(os.environ, "CIVAL_TEST_KEY")
        with pytest.raises(ConfigError, match="CIVAL_TEST_KEY"):
            async with a_live_engine(pg_server, tmp_path / "b", text):
                raise AssertionError("it started")
    monkeypatch.setitem(os.environ, "CIVAL_TEST_KEY", "k")
    with pytest.raises(DependencyAway, match="venue binance"):
        async with a_live_engine(pg_server, tmp_path / "c", text):
            raise AssertionError("it started")
