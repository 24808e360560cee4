"""Kraken for the contract suite of live connectors."""

import base64
from decimal import Decimal

import msgspec

from connectors.bridge.budget import Limit
from connectors.bridge.exchange import Bridge
from connectors.kraken.exchange import Kraken
from connectors.kraken.private import KrakenPrivate, capabilities
from connectors.kraken.public import KrakenPublic, instrument_of
from connectors.live.adapter import PrivateSetup, PublicSetup
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from engine.runtime.secret import Secret
from tests.support.venues import kraken_words as words
from tests.support.venues.core import SimAccount, SimClock, SimMarket
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import serve
from tests.support.venues.kraken import KrakenSimulator
from tests.support.venues.rig import RIG_ACCOUNT, Key, Paths, Said, VenueRig

KEY = "key-of-alice"
SECRETS = [base64.b64encode(f"secret number {number} of the simulated Kraken".encode()).decode() for number in (1, 2)]


class KrakenRig(VenueRig):
    """The rig."""

    name = "kraken"
    symbol = "BTC/USD"
    paths = Paths(
        submit=r"POST /0/private/AddOrder$", cancel=r"POST /0/private/CancelOrder$",
        order=r"POST /0/private/(Open|Closed)Orders cl_ord_id", open_orders=r"POST /0/private/OpenOrders$",
        fills=r"POST /0/private/(TradesHistory|QueryTrades)", account=r"POST /0/private/BalanceEx",
        user="/ws-user",
    )  # fmt: skip
    server: KrakenSimulator

    def __init__(self, clock: SimClock | None = None) -> None:
        exchange = SimExchange(clock or SimClock())
        self._market = exchange.add_market(a_market("BTC", "USD"))
        exchange.add_market(a_market("ETH", "USD", last="3000"))
        self._account = exchange.add_account(
            SimAccount("alice", api_key=KEY, secret=SECRETS[0]), USD="10000000", BTC="10"
        )
        self.server = KrakenSimulator(exchange)

    @property
    def capabilities(self) -> Capabilities:
        return capabilities("kraken")

    @property
    def account(self) -> SimAccount:
        return self._account

    @property
    def market(self) -> SimMarket:
        return self._market

    @property
    def urls(self) -> dict[str, dict[str, object]]:
        """Where everything is."""
        sockets = {"publicV2": f"{self.server.ws}/ws", "privateV2": f"{self.server.ws}/ws-user"}
        return {"api": {"public": self.server.http, "private": self.server.http, "ws": sockets}}

    @property
    def instruments(self) -> dict[Symbol, Instrument]:
        """What the venue lists, as our parser reads it."""
        found = [instrument_of(words.pair(one), "kraken")[0] for one in self.server.exchange.markets.values()]
        return {instrument.symbol: instrument for instrument in found}

    @staticmethod
    def bridge(clock: Clock) -> Bridge:
        """Return limits a thousand times as wide: the suite asks in seconds for what an account asks for in hours."""
        wide: list[Limit] = [msgspec.structs.replace(one, units=one.units * 1_000) for one in Kraken.limits]
        return Bridge(tuple(wide), clock)

    def adapter(self, clock: Clock, *, key: Key = "good", since_ns: int = 0) -> KrakenPrivate:
        credentials = {
            "key": Secret(KEY if key != "unknown" else "key-of-nobody"),
            "secret": Secret(SECRETS[key == "wrong_secret"]),
        }
        setup = PrivateSetup(
            venue="kraken", market="spot", account_id=RIG_ACCOUNT, since_ns=since_ns, credentials=credentials,
            instruments=self.instruments, urls=self.urls,
        )  # fmt: skip
        return KrakenPrivate(setup, self.bridge(clock), get_logger("test"))

    def public(self, clock: Clock) -> KrakenPublic:
        """Make the adapter of the public data."""
        setup = PublicSetup(venue="kraken", market="spot", urls=self.urls)
        return KrakenPublic(setup, self.bridge(clock), get_logger("test"))

    @property
    def rate_limited(self) -> Said:
        return Said(200, '{"error":["EAPI:Rate limit exceeded"]}')

    @property
    def maintenance(self) -> Said:
        return Said(200, '{"error":["EService:Unavailable"]}')

    @property
    def clock_refused(self) -> Said:
        return Said(200, '{"error":["EAPI:Invalid nonce"]}')

    def odd_frames(self) -> list[str]:
        return [
            '{"channel":"executions","type":"update","sequence":7,"data":[{"order_id":7}]}',
            '{"channel":"executions","type":"update","sequence":8,"data":[{"order_id":"O1","exec_type":"trade"}]}',
            '{"channel":"executions","data":[',
            '{"channel":"weather","data":[]}',
            "[]",
            "null",
        ]


def a_market(base: str, quote: str, *, last: str = "60000") -> SimMarket:
    """Return a market with Kraken's steps and the fees of its lowest tier."""
    return SimMarket(
        f"{base}/{quote}", base, quote, tick=Decimal("0.1"), step=Decimal("0.00000001"),
        min_quantity=Decimal("0.00005"), max_quantity=Decimal(10_000), min_notional=Decimal("0.5"),
        maker_fee=Decimal("0.0025"), taker_fee=Decimal("0.004"), last=Decimal(last),
    )  # fmt: skip


if __name__ == "__main__":
    serve(lambda: KrakenRig().server)
