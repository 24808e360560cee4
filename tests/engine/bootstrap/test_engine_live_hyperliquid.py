"""The whole engine at a simulated Hyperliquid: signed orders of one address, perpetuals and spot, books that agree."""

import os
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_engine import RunningEngine, Street, a_live_engine
from tests.support.postgres import PostgresServer
from tests.support.venues.core import SimAccount
from tests.support.venues.hyperliquid import HyperliquidSimulator

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(120)]
TEXT = """
[market]
source = "live"
venues = ["hyperliquid"]
symbols = ["{symbol}"]

[venues.hyperliquid]
market = "{market}"
rest_url = "{http}"
ws_url = "{ws}"

[[accounts]]
name = "real"
user = "demo@localhost"
mode = "live"
type = "{kind}"
api_key = "env:CIVAL_TEST_WALLET"
api_secret = "file:{folder}/agent"
"""


@pytest.fixture(autouse=True)
def no_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def give_keys(venue: HyperliquidSimulator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> SimAccount:
    account = venue.add_account("real", USDC="50000", HYPE="100")
    monkeypatch.setitem(os.environ, "CIVAL_TEST_WALLET", account.api_key)
    (folder / "agent").write_text(venue.keys["real"] + "\n")
    return account


async def is_open_for_orders(engine: RunningEngine, symbol: str) -> bool:
    row = await engine.account("real")
    is_fresh = not engine.engine.market_stage.marks.is_stale("hyperliquid", symbol)
    return is_fresh and engine.reason(f"account:{row['id']}") is None


async def order(engine: RunningEngine, **wish: Any) -> dict[str, Any]:
    row = await engine.account("real")
    status, answer = await engine.call("POST", "/orders?wait=ack", {"account_id": row["id"], "side": "buy"} | wish)
    assert status in (201, 202), answer
    return dict(answer)


@pytest.mark.parametrize(
    ("market", "kind", "symbol", "price", "quantity"),
    [("perp", "margin", "BTC/USDC:USDC", "58000", "0.01"), ("spot", "spot", "HYPE/USDC", "20.5", "2")],
    ids=["perp", "spot"],
)
async def test_an_order_lives_its_life_and_the_books_agree(
    market: str, kind: str, symbol: str, price: str, quantity: str,
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with HyperliquidSimulator() as venue, Street(venue):
        account = give_keys(venue, tmp_path, monkeypatch)
        text = TEXT.format(symbol=symbol, market=market, http=venue.http, ws=venue.ws, kind=kind, folder=tmp_path)
        async with a_live_engine(pg_server, tmp_path, text) as engine:
            await engine.until(partial(is_open_for_orders, engine, symbol), "account")
            resting = await order(engine, symbol=symbol, type="limit", quantity=quantity, price=price)
            assert resting["venue_client_id"].startswith("0x")
            bought = await order(engine, symbol=symbol, type="market", quantity=quantity)
            row = await engine.account("real")

            async def is_filled() -> bool:
                return len(await engine.items(f"/trades?account_id={row['id']}")) == len(account.trades) == 1

            await engine.until(is_filled, "fill")
            (trade,) = await engine.items(f"/trades?account_id={row['id']}")
            (true,) = account.trades
            assert (Decimal(trade["price"]), Decimal(trade["fees"])) == (true.price, true.fee), trade
            status, _ = await engine.call("DELETE", f"/orders/{resting['id']}")
            assert status in (200, 202)

            async def is_cancelled() -> bool:
                status, found = await engine.call("GET", f"/orders/{resting['id']}")
                return status == 200 and found["status"] == "cancelled"

            await engine.until(is_cancelled, "cancel")
            assert {each.client_id for each in account.orders.values()} == {
                resting["venue_client_id"], bought["venue_client_id"],
            }  # fmt: skip

            async def agree() -> bool:
                balances = await engine.items(f"/balances?account_id={row['id']}")
                ours = {each["asset"]: Decimal(each["total"]) for each in balances}
                wanted = {"USDC"} if market == "perp" else {"USDC", "HYPE"}
                return {asset: ours.get(asset) for asset in wanted} == {
                    asset: account.balance(asset).total for asset in wanted
                }

            await engine.until(agree, "balances")
            kinds = {each.line.partition("#")[2] for each in venue.log.requests("POST /exchange")}
            assert kinds == {"order", "cancelByCloid"}
