"""Binance, spot and USD-M, for the contract suite of live connectors."""

import json
from decimal import Decimal
from typing import Any, ClassVar

from connectors.binance.capabilities import capabilities
from connectors.binance.exchange import CLASSES
from connectors.binance.instruments import parse_exchange_info
from connectors.binance.private import BinancePrivate
from connectors.binance.symbols import Market
from connectors.bridge.exchange import Bridge
from connectors.live.adapter import PrivateSetup
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from engine.runtime.secret import Secret
from tests.support.venues.binance import BinanceSimulator
from tests.support.venues.core import SimAccount, SimClock, SimMarket
from tests.support.venues.rig import RIG_ACCOUNT, Key, Paths, Said, VenueRig


class BinanceRig(VenueRig):
    """What both markets share."""

    market_name: ClassVar[Market]
    money: ClassVar[str] = "1000000"
    server: BinanceSimulator

    def __init__(self, clock: SimClock | None = None) -> None:
        self.server = BinanceSimulator(self.market_name, clock=clock)
        self._account = self.server.add_account("alice", USDT=self.money, BTC="10", BNB="10")

    @property
    def venue(self) -> str:
        return self.name

    @property
    def capabilities(self) -> Capabilities:
        return capabilities(self.name, self.market_name)

    @property
    def account(self) -> SimAccount:
        return self._account

    @property
    def market(self) -> SimMarket:
        return self.server.exchange.market("BTCUSDT")

    @property
    def instruments(self) -> dict[Symbol, Instrument]:
        """What the venue lists, as our parser reads it."""
        raw = json.dumps(self.server.board.exchange_info()).encode()
        found = parse_exchange_info(raw, venue=self.name, market=self.market_name).instruments
        return {instrument.symbol: instrument for instrument in found}

    def bridge(self, clock: Clock) -> Bridge:
        return Bridge(CLASSES[self.market_name].limits, clock)

    def adapter(self, clock: Clock, *, key: Key = "good", since_ns: int = 0) -> BinancePrivate:
        account = self._account
        secret = account.secret if key != "wrong_secret" else "of somebody else"
        setup = PrivateSetup(
            venue=self.name,
            market=self.market_name,
            account_id=RIG_ACCOUNT,
            since_ns=since_ns,
            credentials={
                "key": Secret(account.api_key if key != "unknown" else "nobodys"),
                "secret": Secret(secret),
            },
            instruments=self.instruments,
            urls=self.server.urls(),
        )
        return BinancePrivate(setup, self.bridge(clock), get_logger("test"))

    @property
    def rate_limited(self) -> Said:
        return Said(429, '{"code":-1003,"msg":"Too many requests."}', {"Retry-After": "2"})

    @property
    def banned(self) -> Said | None:
        return Said(418, '{"code":-1003,"msg":"Way too many requests; IP banned."}', {"Retry-After": "2"})

    @property
    def maintenance(self) -> Said:
        return Said(503, '{"code":0,"msg":"Service Unavailable."}')

    def lift_limits(self) -> None:
        self.server.limits.used.clear()
        self.server.limits.orders.clear()

    @property
    def clock_refused(self) -> Said | None:
        return Said(400, '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}')


def _odd(event: dict[str, Any]) -> list[str]:
    return [
        json.dumps(event)[:-9],
        json.dumps({**event, "e": "somethingNew"}),
        "[]",
        "null",
        "{}",
    ]


class SpotRig(BinanceRig):
    """Spot."""

    name = "binance"
    market_name = "spot"
    money = "10000000"
    symbol = "BTC/USDT"
    paths = Paths(
        submit=r"POST /api/v3/order$",
        cancel=r"DELETE /api/v3/order",
        order=r"GET /api/v3/order\?",
        open_orders=r"GET /api/v3/openOrders",
        fills=r"GET /api/v3/myTrades",
        account=r"GET /api/v3/account",
        user="/ws-api/v3",
    )

    def end_session(self) -> bool:
        self.server.terminate_streams()
        return True

    def odd_frames(self) -> list[str]:
        bad = {"subscriptionId": 0, "event": {"e": "executionReport", "s": "BTCUSDT", "x": "TRADE"}}
        return [json.dumps(bad), *_odd({"e": "executionReport", "E": 1})]


class UsdmRig(BinanceRig):
    """USD-M futures."""

    name = "binance_usdm"
    market_name = "usdm"
    symbol = "BTC/USDT:USDT"
    quantity = Decimal("0.012")
    paths = Paths(
        submit=r"POST /fapi/v1/order$",
        cancel=r"DELETE /fapi/v1/order",
        order=r"GET /fapi/v1/(algoO|o)rder\?",
        open_orders=r"GET /fapi/v1/openOrders",
        fills=r"GET /fapi/v1/userTrades",
        account=r"GET /fapi/v3/account",
        user="/private/ws",
    )

    def end_session(self) -> bool:
        self.server.expire_listen_keys()
        return True

    def odd_frames(self) -> list[str]:
        bad = {"e": "ORDER_TRADE_UPDATE", "T": 1, "o": {"s": "BTCUSDT", "x": "TRADE"}}
        return [json.dumps(bad), *_odd({"e": "ORDER_TRADE_UPDATE", "T": 1})]
