"""What the contract suite needs to know of Hyperliquid: perpetuals, and the spot pairs."""

import json
from collections.abc import Mapping
from decimal import Decimal

from connectors.bridge.exchange import Bridge
from connectors.hyperliquid.capabilities import capabilities
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.instruments import parse_meta, parse_spot_meta
from connectors.hyperliquid.private import HyperliquidPrivate
from connectors.hyperliquid.public import HyperliquidPublic
from connectors.live.adapter import PrivateSetup, PublicSetup
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from engine.runtime.secret import Secret
from tests.support.venues.core import SimAccount, SimClock, SimMarket
from tests.support.venues.hyperliquid import HyperliquidSimulator
from tests.support.venues.rig import RIG_ACCOUNT, Key, Paths, Said, VenueRig

VENUE = "hyperliquid"


class HyperliquidRig(VenueRig):
    """The perpetuals."""

    name = "hyperliquid"
    symbol = "BTC/USDC:USDC"
    lists_addresses = False
    coin = "BTC"
    kind = InstrumentKind.PERPETUAL
    paths = Paths(
        submit="POST /exchange#order",
        cancel="POST /exchange#cancel",
        order="POST /info#orderStatus",
        open_orders="POST /info#frontendOpenOrders",
        fills="POST /info#userFills",
        account="POST /info#clearinghouseState",
        user="/ws",
    )
    server: HyperliquidSimulator

    def __init__(self, clock: SimClock | None = None) -> None:
        self.server = HyperliquidSimulator(clock=clock)
        self._account = self.server.add_account("ann")
        self.server.add_account("bob")

    @property
    def capabilities(self) -> Capabilities:
        return capabilities(VENUE, self.kind)

    @property
    def account(self) -> SimAccount:
        return self._account

    @property
    def market(self) -> SimMarket:
        return self.server.exchange.markets[self.coin]

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        """What the venue lists."""
        meta = parse_meta(json.dumps(self.server.info.meta()).encode(), venue=VENUE)
        spot = parse_spot_meta(json.dumps(self.server.info.spot_meta()).encode(), venue=VENUE)
        return {each.symbol: each for each in (*meta.instruments, *spot.instruments)}

    def setup(self, *, key: Key = "good", since_ns: int = 0) -> PrivateSetup:
        """Return what an adapter of the account is made of."""
        keys = self.server.keys
        private_key = {"good": keys["ann"], "unknown": "0x" + "5d" * 32, "wrong_secret": keys["bob"]}
        return PrivateSetup(
            venue=VENUE,
            market="spot" if self.kind is InstrumentKind.SPOT else "perp",
            account_id=RIG_ACCOUNT,
            since_ns=since_ns,
            credentials={"wallet": Secret(self._account.api_key), "private_key": Secret(private_key[key])},
            instruments=self.instruments,
            urls=self.server.urls(),
        )

    def adapter(self, clock: Clock, *, key: Key = "good", since_ns: int = 0) -> HyperliquidPrivate:
        bridge = Bridge(Hyperliquid.limits, clock)
        return HyperliquidPrivate(self.setup(key=key, since_ns=since_ns), bridge, get_logger("hyperliquid"))

    def public(self, clock: Clock) -> HyperliquidPublic:
        """Make a public adapter of this market."""
        market = "spot" if self.kind is InstrumentKind.SPOT else "perp"
        setup = PublicSetup(venue=VENUE, market=market, urls=self.server.urls())
        return HyperliquidPublic(setup, Bridge(Hyperliquid.limits, clock), get_logger(VENUE))

    @property
    def rate_limited(self) -> Said:
        return Said(429, "null", {"Retry-After": "2"})

    @property
    def maintenance(self) -> Said:
        return Said(502, "<html><body>502 Bad Gateway</body></html>")

    @property
    def clock_refused(self) -> Said:
        return Said(200, '{"status":"err","response":"Invalid nonce: 1 is too far from 2."}')

    def lift_limits(self) -> None:
        self.server._weights.clear()

    def odd_frames(self) -> list[str]:
        return [
            '{"channel":"orderUpdates","data":[{"order":{"oid":7}}]}', '{"channel":"userFills","data":{"fills":[{}]}}',
            '{"channel":"orderUpdates","data":', "[]", "null", "12", '{"channel":"tomorrow","data":{}}',
        ]  # fmt: skip


class HyperliquidSpotRig(HyperliquidRig):
    """The spot pairs."""

    name = "hyperliquid_spot"
    symbol = "HYPE/USDC"
    coin = "@107"
    kind = InstrumentKind.SPOT
    paths = Paths(
        submit="POST /exchange#order",
        cancel="POST /exchange#cancel",
        order="POST /info#orderStatus",
        open_orders="POST /info#frontendOpenOrders",
        fills="POST /info#userFills",
        account="POST /info#spotClearinghouseState",
        user="/ws",
    )
    price = Decimal(20)
    quantity = Decimal(2)
