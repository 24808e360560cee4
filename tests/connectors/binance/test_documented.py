"""Documentation's examples of private payloads: shapes only, they prove nothing about behaviour."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connectors.binance.market_parse import MarketParser, parse_klines
from connectors.binance.private_parse import PrivateParser
from connectors.binance.private_rest import RestParser
from connectors.binance.symbols import Market, Symbols
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.messages.venues import VenueOrderDone, VenueOrderUpdate

ACCOUNT = AccountId(UUID(int=7))


def market_of(name: str) -> Market:
    return "spot" if ".Spot." in name else "usdm"


def body(fixtures: Path, name: str) -> bytes:
    """Return the JSON of an endpoint's example."""
    folder = "binance_spot" if market_of(name) == "spot" else "binance_usdm"
    text = (fixtures / "jkorf" / folder / f"{name}.txt").read_text(encoding="utf-8-sig")
    return text[re.search(r"[\[{]", text).start() :].encode()  # type: ignore[union-attr]


def event(fixtures: Path, name: str) -> bytes:
    """Return the event of a subscription's example: what follows the line that begins with `=`."""
    folder = "binance_spot" if market_of(name) == "spot" else "binance_usdm"
    text = (fixtures / "jkorf" / folder / f"{name}.txt").read_text(encoding="utf-8-sig")
    value, _ = json.JSONDecoder().raw_decode(text[re.search(r"^= *", text, re.MULTILINE).end() :].lstrip())  # type: ignore[union-attr]
    return json.dumps(value).encode()


def a_rest(market: Market) -> RestParser:
    return RestParser(venue="binance", account_id=ACCOUNT, symbols=Symbols(market))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Endpoints.Spot.Trading.GetOrder", "order"),
        ("Endpoints.Spot.Trading.PlaceOrder", "order"),
        ("Endpoints.Spot.Trading.CancelOrder", "order"),
        ("Endpoints.Spot.Trading.GetOpenOrders", "orders"),
        ("Endpoints.Spot.Account.GetAccountInfo", "balances"),
        ("Endpoints.UsdFutures.Trading.GetOrder", "order"),
        ("Endpoints.UsdFutures.Trading.PlaceOrder", "order"),
        ("Endpoints.UsdFutures.Trading.EditOrder", "order"),
        ("Endpoints.UsdFutures.Trading.CancelOrder", "order"),
        ("Endpoints.UsdFutures.Trading.GetOpenOrders", "orders"),
        ("Endpoints.UsdFutures.Trading.PlaceConditionalOrder", "algo_order"),
        ("Endpoints.UsdFutures.Trading.GetConditionalOrder", "algo_order"),
        ("Endpoints.UsdFutures.Trading.CancelConditionalOrder", "algo_order"),
        ("Endpoints.UsdFutures.Trading.GetOpenConditionalOrders", "algo_orders"),
        ("Endpoints.UsdFutures.Account.GetAccountInfoV3", "balances"),
        ("Endpoints.UsdFutures.Trading.GetPositions", "positions"),
    ],
)
def test_answers_are_read(fixtures_dir: Path, name: str, read: str) -> None:
    assert getattr(a_rest(market_of(name)), read)(body(fixtures_dir, name))


@pytest.mark.parametrize("name", ["Endpoints.Spot.Trading.GetUserTrades", "Endpoints.UsdFutures.Trading.GetUserTrades"])
def test_trades_are_read(fixtures_dir: Path, name: str) -> None:
    assert a_rest(market_of(name)).fills(body(fixtures_dir, name), lambda _: "cv-1")


def test_a_replacement_is_read(fixtures_dir: Path) -> None:
    data: Any = json.loads(body(fixtures_dir, "Endpoints.Spot.Trading.ReplaceOrder"))["data"]
    assert a_rest("spot").replaced(json.dumps(data).encode()).external_order_id == "10"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Subscriptions.Spot.Account.Order", VenueOrderUpdate),
        ("Subscriptions.UsdFutures.OrderUpdate", VenueOrderUpdate),
        ("Subscriptions.UsdFutures.AlgoOrderUpdate", VenueOrderDone),
    ],
)
def test_events_of_orders_are_read(fixtures_dir: Path, name: str, kind: type[Any]) -> None:
    parser = PrivateParser(venue="binance", account_id=ACCOUNT, symbols=Symbols(market_of(name)))
    (message,) = parser.parse(event(fixtures_dir, name))
    assert isinstance(message, kind)


@pytest.mark.parametrize(
    "name",
    [
        "Subscriptions.Spot.Account.AccountPosition",
        "Subscriptions.Spot.Account.Balance",
        "Subscriptions.Spot.Account.OcoOrder",
        "Subscriptions.UsdFutures.AccountUpdate",
        "Subscriptions.UsdFutures.TradeUpdate",
        "Subscriptions.UsdFutures.Leverage",
        "Subscriptions.UsdFutures.MarginUpdate",
        "Subscriptions.UsdFutures.StrategyUpdate",
        "Subscriptions.UsdFutures.GridUpdate",
    ],
)
def test_events_of_other_things_are_known(fixtures_dir: Path, name: str) -> None:
    parser = PrivateParser(venue="binance", account_id=ACCOUNT, symbols=Symbols(market_of(name)))
    assert parser.parse(event(fixtures_dir, name)) == ()


def test_a_trigger_that_was_refused_makes_us_compare(fixtures_dir: Path) -> None:
    parser = PrivateParser(venue="binance", account_id=ACCOUNT, symbols=Symbols("usdm"))
    with pytest.raises(BadInput):
        parser.parse(event(fixtures_dir, "Subscriptions.UsdFutures.ConditionalTrigger"))


def test_marks_tickers_and_candles_are_read(fixtures_dir: Path) -> None:
    parser = MarketParser(venue="binance", symbols=Symbols("usdm"))
    assert len(parser.parse(event(fixtures_dir, "Subscriptions.UsdFutures.MarkPrice"), 1)) == 2
    assert len(parser.parse(event(fixtures_dir, "Subscriptions.UsdFutures.Ticker"), 1)) == 1
    raw = body(fixtures_dir, "Endpoints.UsdFutures.ExchangeData.GetKlines")
    assert len(parse_klines(raw, venue="binance", symbol="A/B", timeframe="1w", now_ns=2**62)) == 1
