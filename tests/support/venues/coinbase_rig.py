"""Coinbase for the contract suite of live connectors."""

import json
from decimal import Decimal

from connectors.bridge.exchange import Bridge
from connectors.coinbase.capabilities import capabilities
from connectors.coinbase.exchange import Coinbase
from connectors.coinbase.instruments import parse_products
from connectors.coinbase.private import CoinbasePrivate
from connectors.coinbase.public import CoinbasePublic
from connectors.live.adapter import PrivateSetup, PublicSetup
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from engine.runtime.secret import Secret
from tests.support.venues import coinbase_words as words
from tests.support.venues.coinbase import CoinbaseSimulator
from tests.support.venues.coinbase_access import key_pair
from tests.support.venues.core import SimAccount, SimClock, SimMarket
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import serve
from tests.support.venues.rig import RIG_ACCOUNT, Key, Paths, Said, VenueRig

KEY_NAME = "organizations/0a/apiKeys/1b"


class CoinbaseRig(VenueRig):
    """The rig."""

    name = "coinbase"
    symbol = "BTC/USD"
    paths = Paths(
        submit=r"POST /api/v3/brokerage/orders$",
        cancel=r"POST /api/v3/brokerage/orders/batch_cancel$",
        order=r"GET /api/v3/brokerage/orders/historical/([0-9a-f-]{36}|batch\?.*product_ids=)",
        open_orders=r"GET /api/v3/brokerage/orders/historical/batch\?order_status=OPEN",
        fills=r"GET /api/v3/brokerage/orders/historical/fills",
        account=r"GET /api/v3/brokerage/accounts",
        user="/ws-user",
    )
    server: CoinbaseSimulator

    def __init__(self, clock: SimClock | None = None) -> None:
        exchange = SimExchange(clock or SimClock(), duplicates="return_first")
        self._market = exchange.add_market(a_market("BTC", "USD"))
        exchange.add_market(a_market("BTC", "USDC"))
        exchange.add_market(a_market("ETH", "USD", last="3000"))
        self._account = exchange.add_account(
            SimAccount("alice", api_key=KEY_NAME, secret=key_pair(1)[1]), USD="10000000", BTC="10"
        )
        self.server = CoinbaseSimulator(exchange, aliases={"BTC-USDC": "BTC-USD"})

    @property
    def capabilities(self) -> Capabilities:
        return capabilities("coinbase")

    @property
    def account(self) -> SimAccount:
        return self._account

    @property
    def market(self) -> SimMarket:
        return self._market

    @property
    def urls(self) -> dict[str, dict[str, str]]:
        """Where everything is."""
        base = self.server.ws
        return {"api": {"rest": self.server.http, "ws": f"{base}/ws", "ws_user": f"{base}/ws-user"}}

    @property
    def instruments(self) -> dict[Symbol, Instrument]:
        """What the venue lists, as our parser reads it."""
        listed = [words.product(market) for market in self.server.exchange.markets.values()]
        found = parse_products(json.dumps({"products": listed}).encode(), venue="coinbase").listing.instruments
        return {instrument.symbol: instrument for instrument in found}

    def adapter(self, clock: Clock, *, key: Key = "good", since_ns: int = 0) -> CoinbasePrivate:
        name = KEY_NAME if key != "unknown" else "organizations/0a/apiKeys/nobody"
        secret = key_pair(2 if key == "wrong_secret" else 1)[0]
        setup = PrivateSetup(
            venue="coinbase",
            market="spot",
            account_id=RIG_ACCOUNT,
            since_ns=since_ns,
            credentials={"key": Secret(name), "secret": Secret(secret)},
            instruments=self.instruments,
            urls=self.urls,
        )
        return CoinbasePrivate(setup, Bridge(Coinbase.limits, clock), get_logger("test"))

    def public(self, clock: Clock, *, checks_sequence: bool = True) -> CoinbasePublic:
        """Make the adapter of the public data."""
        setup = PublicSetup(venue="coinbase", market="spot", urls=self.urls, checks_sequence=checks_sequence)
        return CoinbasePublic(setup, Bridge(Coinbase.limits, clock), get_logger("test"))

    @property
    def rate_limited(self) -> Said:
        return Said(429, "Too Many Requests", {"Retry-After": "2"})

    @property
    def maintenance(self) -> Said:
        return Said(503, '{"error":"UNAVAILABLE","message":"Coinbase is under maintenance"}')

    def odd_frames(self) -> list[str]:
        return [
            '{"channel":"user","timestamp":"2024-10-04T07:31:01Z","sequence_num":1,"events":[{"type":"update"',
            '{"channel":"user","timestamp":"soon","sequence_num":1,"events":[]}',
            '{"channel":"user","events":[{"orders":[{"order_id":7}]}]}',
            '{"channel":"weather","events":[]}',
            "[]",
            "null",
        ]


def a_market(base: str, quote: str, *, last: str = "60000") -> SimMarket:
    """Return a market with Coinbase's steps and the fees of its lowest tier."""
    return SimMarket(
        f"{base}-{quote}",
        base,
        quote,
        tick=Decimal("0.01"),
        step=Decimal("0.00000001"),
        min_quantity=Decimal("0.00000001"),
        max_quantity=Decimal(3400),
        min_notional=Decimal(1),
        maker_fee=Decimal("0.006"),
        taker_fee=Decimal("0.012"),
        last=Decimal(last),
    )


if __name__ == "__main__":
    serve(lambda: CoinbaseRig().server)
