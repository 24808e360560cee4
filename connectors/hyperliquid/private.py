"""One account at Hyperliquid: the perpetuals, or the spot pairs, of one address.

Orders are signed actions with a number and a time limit, which the venue takes once. The key may be the account's own,
or better that of an API wallet, which can trade and not withdraw. A modified order is a new one in the old one's place.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.bridge.departure import Departure
from connectors.bridge.errors import UNKNOWN_SYMBOL, NotSent
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.hyperliquid.amending import Amender
from connectors.hyperliquid.answers import placed, require_cancelled, require_ok
from connectors.hyperliquid.balances import leverage_of, parse_perpetuals, parse_spot
from connectors.hyperliquid.capabilities import SWITCH_MIN_NS, capabilities
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.fill_lists import FillLists
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.nonces import Nonces, nonces_of
from connectors.hyperliquid.opening import prove_key, prove_mode, require_address
from connectors.hyperliquid.order_lists import OrderLists
from connectors.hyperliquid.parse import parse_snapshot
from connectors.hyperliquid.private_parse import AccountParser
from connectors.hyperliquid.public import SPOT, read_listing
from connectors.hyperliquid.requests import (
    UNSUPPORTED,
    Action,
    cancel_action,
    dead_man_action,
    order_action,
)
from connectors.hyperliquid.signing import Signer
from connectors.hyperliquid.symbols import MarketName, Symbols
from connectors.hyperliquid.upkeep import warnings_of
from connectors.hyperliquid.user_stream import UserPlan
from connectors.live.adapter import Accepted, AccountModes, PrivateSetup
from connectors.live.base import PrivateBase
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, OrderType, Side
from engine.messages.venues import (
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueAmend,
    VenueAmended,
    VenueCancel,
    VenueFills,
    VenueOrders,
    VenueSubmit,
)
from engine.runtime.log import Logger

NS_PER_MS: Final = 1_000_000
LOOK_NS: Final = 3_600_000_000_000
"""Between two looks at what may end one day."""


class HyperliquidPrivate(PrivateBase[Hyperliquid]):
    """See `connectors.live.adapter.PrivateAdapter`."""

    def __init__(self, setup: PrivateSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: The account. Its credentials are `wallet` (address of the account; else `key`) and `private_key` (of
                the account or, better, of an API wallet; else `secret`). Its market is `spot` or the perpetuals.
            bridge: Shared with others at Hyperliquid.
            log: Bound to the account.
        """
        self._kind = InstrumentKind.SPOT if setup.market == SPOT else InstrumentKind.PERPETUAL
        super().__init__(setup, Hyperliquid(bridge, urls=setup.urls), capabilities(setup.venue, self._kind))
        self._log = log
        self._clock = bridge.clock
        self._nonces = Nonces()
        self._known = KnownOrders()
        self._symbols = Symbols()
        self._signer: Signer | None = None
        self._looked_ns: int | None = None
        self._warned: set[str] = set()
        self._user = setup.credentials["wallet" if "wallet" in setup.credentials else "key"].reveal().strip().lower()
        self._parser = AccountParser(
            venue=setup.venue,
            account_id=setup.account_id,
            kind=self._kind,
            symbols=self._symbols,
            known=self._known,
        )
        self._orders = OrderLists(
            self._exchange.info,
            self._user,
            kind=self._kind,
            symbols=self._symbols,
            known=self._known,
            now_ns=self._time.now_ns,
        )
        self._amender = Amender(self._orders, self._known, now_ns=self._time.now_ns)
        self._fills = FillLists(
            self._exchange,
            self._user,
            orders=self._orders,
            parser=self._parser,
            since_ms=setup.since_ns // NS_PER_MS,
        )

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def open(self) -> AccountModes:
        """Prove clock, key and mode; learn the markets' numbers and the names of the open orders."""
        credentials = self._setup.credentials
        require_address(self._user)
        self._signer = Signer(
            credentials["private_key" if "private_key" in credentials else "secret"],
            is_mainnet=self._exchange.is_mainnet,
        )
        self._nonces = nonces_of(self._signer.address)
        await self._exchange.follow_clock()
        await prove_key(self._exchange, self._user, self._signer.address)
        await prove_mode(self._exchange, self._user)
        self._symbols.learn((await read_listing(self._exchange, self.venue, self._setup.market)).names)
        await self._orders.listed()
        leverage: dict[Symbol, int] = {}
        if self._kind is InstrumentKind.PERPETUAL:
            raw = await self._exchange.info({"type": "clearinghouseState", "user": self._user})
            leverage = leverage_of(raw, self._symbols)
        return AccountModes(
            can_trade=True,
            margin_mode=SPOT if self._kind is InstrumentKind.SPOT else "",
            leverage=leverage,
            external_id=self._user,
            clock_offset_ns=self._time.offset_ns,
        )

    def streams(self) -> Sequence[StreamPlan]:
        """Return the socket of the account's orders and fills."""
        return [
            UserPlan(
                url=lambda: self._exchange.stream_url,
                user=self._user,
                parser=self._parser,
                name_of=self._orders.name_of,
            )
        ]

    async def tend(self) -> None:
        """Follow the venue's clock, and look from time to time at what will end one day."""
        await self._exchange.follow_clock()
        now_ns = self._clock.monotonic_ns()
        if self._signer is not None and (self._looked_ns is None or now_ns - self._looked_ns >= LOOK_NS):
            self._looked_ns = now_ns
            await self._look(self._signer.address)

    async def _look(self, signer: str) -> None:
        warnings = await warnings_of(self._exchange, self._user, signer, self._time.now_ns())
        for kind in warnings.keys() - self._warned:
            self._log.warning(kind, venue=self.venue, account_id=str(self._setup.account_id), why=warnings[kind])
        self._warned = set(warnings)

    # --- Commands -----------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueSubmit, departure: Departure) -> Accepted:
        """Place an order, under the number that is in its id."""
        market, instrument = self._rules(order.symbol)
        best = None
        if order.type is OrderType.MARKET and order.price is None:
            best = await self._best(market, order.side)
        action = order_action(order, market, instrument, best=best)
        nonce = self._nonces.of_order(order.order_id, self._clock.now_ns())
        oid = placed(await self._act(action, nonce, departure, valid_until_ns=order.valid_until_ns))
        self._known.learn(oid, order.venue_client_id)
        return Accepted(external_order_id=str(oid), venue_time_ns=self._time.now_ns())

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> None:
        """Cancel an order; its end comes by the stream."""
        market, _ = self._rules(cancel.symbol)
        is_cloid = self._capabilities.client_id.allows(cancel.venue_client_id)
        oid = None if cancel.external_order_id is None else int(cancel.external_order_id)
        action = cancel_action(market, cloid=cancel.venue_client_id if is_cloid else "", oid=oid)
        require_cancelled(await self._act(action, self._nonces.fresh(self._clock.now_ns()), departure))

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Put another order in the place of an open one, under the same cloid."""
        if not self._capabilities.client_id.allows(amend.venue_client_id):
            # Its replacement would have another number and no name that says it is the same order.
            raise NotSent(UNSUPPORTED, "an order without a cloid")
        market, instrument = self._rules(amend.symbol)
        nonce = self._nonces.fresh(self._clock.now_ns())
        return await self._amender.amend(
            amend,
            market,
            instrument,
            send=lambda action: self._act(action, nonce, departure, valid_until_ns=amend.valid_until_ns),
        )

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        """Let the venue cancel everything at a time, or take that back."""
        at_ms = (self._time.now_ns() + max(timeout_ns, SWITCH_MIN_NS)) // NS_PER_MS if timeout_ns else None
        action = dead_man_action(at_ms)
        require_ok(await self._act(action, self._nonces.fresh(self._clock.now_ns()), departure))
        return (at_ms or 0) * NS_PER_MS

    async def _act(self, action: Action, nonce: int, departure: Departure, *, valid_until_ns: int = 0) -> bytes:
        """Sign an action and send it, once."""
        if self._signer is None:
            raise NotSent("not_connected", "the key is not proven yet")
        request: dict[str, Any] = {"action": action, "nonce": nonce}
        expires_ms = self._time.to_venue_ms(valid_until_ns) if valid_until_ns else None
        request["signature"] = self._signer.sign(action, nonce, expires_ms=expires_ms)
        if expires_ms is not None:
            request["expiresAfter"] = expires_ms
        return await self._exchange.act(request, departure)

    def _rules(self, symbol: Symbol) -> tuple[MarketName, Instrument]:
        instrument = self._setup.instruments.get(symbol)
        try:
            market = self._symbols.market(symbol)
        except BadInput as error:
            raise NotSent(UNKNOWN_SYMBOL, symbol) from error
        if instrument is None:
            raise NotSent(UNKNOWN_SYMBOL, symbol)
        return market, instrument

    async def _best(self, market: MarketName, side: Side) -> Decimal | None:
        """Return the best price that an order would meet, None if nobody offers anything."""
        raw = await self._exchange.info({"type": "l2Book", "coin": market.coin})
        book = parse_snapshot(raw, venue=self.venue, symbols=self._symbols, received_ns=self._time.now_ns())
        levels = book.asks if side is Side.BUY else book.bids
        return levels[0][0] if levels else None

    # --- Questions ----------------------------------------------------------------------------------------------------

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        """Return all open orders."""
        return await self._orders.open_orders(query)

    async def order(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        """Return an order by our name of it."""
        return await self._orders.find(query)

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return one page of fills."""
        return await self._fills.fills(query)

    async def account(self) -> VenueAccount:
        """Return balances, and positions of the perpetuals."""
        if self._kind is InstrumentKind.SPOT:
            raw = await self._exchange.info({"type": "spotClearinghouseState", "user": self._user})
            return parse_spot(raw, now_ns=self._time.now_ns())
        raw = await self._exchange.info({"type": "clearinghouseState", "user": self._user})
        return parse_perpetuals(raw, self._symbols)
