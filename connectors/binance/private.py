"""One account at Binance, spot or USD-M: what differs from other venues.

An order is one request whose window ends with the order's time limit; a client id may be used again once its first
order is over, so nothing is ever sent twice. Fills and ends come by the stream; what the answer to an order tells of an
immediate end is told too.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from connectors.binance import private_wire as wire
from connectors.binance import requests
from connectors.binance.capabilities import capabilities
from connectors.binance.exchange import CLASSES, Binance
from connectors.binance.generations import Generations, next_of
from connectors.binance.history import History
from connectors.binance.known_orders import KnownOrders
from connectors.binance.private_parse import PrivateParser
from connectors.binance.private_rest import RestParser, read
from connectors.binance.requests import Request, timestamp_ms
from connectors.binance.symbols import Market, Symbols, raw_name
from connectors.binance.user_stream import SpotUserPlan, UsdmUserPlan
from connectors.binance.words import ALGO, NS_PER_MS
from connectors.bridge.departure import Departure, Free, Priority
from connectors.bridge.errors import ALREADY_DONE, UNKNOWN_ORDER, AuthRefused, BridgeError, Refused, Unknown
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.live.adapter import Accepted, AccountModes, PrivateSetup
from connectors.live.base import PrivateBase
from engine.domain.errors import NotReady
from engine.domain.identifiers import Symbol
from engine.domain.kinds import DoneReason
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
    VenueOrder,
    VenueOrderDone,
    VenueOrders,
    VenueSubmit,
)
from engine.runtime.log import Logger

MARKETS: Final[dict[str, Market]] = {"spot": "spot", "usdm": "usdm"}

_spot_account = msgspec.json.Decoder(wire.SpotAccount).decode
_config = msgspec.json.Decoder(wire.UsdmConfig).decode
_symbol_configs = msgspec.json.Decoder(tuple[wire.SymbolConfig, ...]).decode
_listen_key = msgspec.json.Decoder(wire.ListenKey).decode


class BinancePrivate(PrivateBase[Binance]):
    """See `connectors.live.adapter.PrivateAdapter`."""

    def __init__(self, setup: PrivateSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: The account; its credentials are `key` and `secret`.
            bridge: Shared with others at this market.
            log: Bound to the account.
        """
        self._market = MARKETS[setup.market]
        exchange = CLASSES[self._market](
            bridge, urls=setup.urls, key=setup.credentials["key"], secret=setup.credentials["secret"]
        )
        super().__init__(setup, exchange, capabilities(setup.venue, self._market))
        self._log = log
        self._symbols = Symbols(self._market)
        venue, account_id = setup.venue, setup.account_id
        self._pushed = PrivateParser(venue=venue, account_id=account_id, symbols=self._symbols)
        self._rest = RestParser(venue=venue, account_id=account_id, symbols=self._symbols)
        self._known = KnownOrders()
        self._armed: set[str] = set()
        """Symbols whose countdown runs."""
        self._generations = Generations()
        self._countdown_ms = 0
        """0 while the dead man's switch is off."""
        self._history = History(setup=setup, ask=self._ask, parser=self._rest, known=self._known)

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def open(self) -> AccountModes:
        """Prove clock, key and permission to trade, and read how the account stands."""
        self._symbols.learn(self._setup.instruments.values())
        await self._exchange.follow_clock()
        modes = await (self._open_spot() if self._market == "spot" else self._open_usdm())
        if not modes.can_trade:
            raise AuthRefused("no_permission", "the venue does not let this account trade")
        await self._prove_trading()
        return modes

    async def _prove_trading(self) -> None:
        """Find out whether the key may trade: of an order that is only tested nothing but that counts."""
        symbol = next((raw_name(symbol) for symbol in self._setup.instruments), "BTCUSDT")
        try:
            await self._ask(requests.order_test(symbol, self._market))
        except Refused:
            return
        except AuthRefused as error:
            # The same key has just read the account.
            raise AuthRefused("no_permission", error.message) from error

    async def _open_spot(self) -> AccountModes:
        account = read(_spot_account, await self._ask(requests.account("spot")), "account")
        return AccountModes(
            can_trade=account.can_trade,
            margin_mode="spot",
            external_id=str(account.uid or ""),
            clock_offset_ns=self._time.offset_ns,
        )

    async def _open_usdm(self) -> AccountModes:
        config = read(_config, await self._ask(requests.account_config()), "accountConfig")
        if config.dual_side_position:
            why = "it holds two positions per pair (hedge mode); set it to one-way mode at the venue"
            raise NotReady(f"account at {self.venue}", why=why)
        listed = read(_symbol_configs, await self._ask(requests.symbol_config()), "symbolConfig")
        ours = [row for row in listed if self._symbols.of_account(row.symbol) in self._setup.instruments]
        kinds = {row.margin_type for row in ours}
        margin_mode = {"CROSSED": "cross", "ISOLATED": "isolated"}.get(next(iter(kinds))) if len(kinds) == 1 else None
        return AccountModes(
            can_trade=config.can_trade,
            margin_mode=margin_mode or "",
            leverage={self._symbols.of_account(row.symbol): row.leverage for row in ours},
            clock_offset_ns=self._time.offset_ns,
        )

    def streams(self) -> Sequence[StreamPlan]:
        """Return the user stream."""
        if self._market == "spot":
            return (
                SpotUserPlan(
                    url=lambda: self._exchange.api_url,
                    signed=self._exchange.signed_params,
                    parser=self._pushed,
                    learn=self._known.see,
                ),
            )
        return (
            UsdmUserPlan(
                base=lambda: self._exchange.stream_url,
                new_key=lambda: self._listen_key("POST"),
                keep_key=lambda: self._listen_key("PUT"),
                parser=self._pushed,
                learn=self._known.see,
            ),
        )

    async def _listen_key(self, method: requests.Method) -> str:
        raw = await self._ask(requests.listen_key(method))
        return read(_listen_key, raw, "listenKey").listen_key

    async def tend(self) -> None:
        """Follow the venue's clock, and learn instruments that were listed meanwhile."""
        self._symbols.learn(self._setup.instruments.values())
        await self._exchange.follow_clock()

    # --- Commands -----------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueSubmit, departure: Departure) -> Accepted:
        """Place an order; what the answer tells of an immediate end comes with it."""
        request = requests.submit(order, self._market, timestamp=self._timestamp(order.valid_until_ns))
        self._known.symbols.add(raw_name(order.symbol))
        await self._protect(raw_name(order.symbol))
        if request.path == "algoOrder":
            return await self._submit_conditional(order, request, departure)
        placed = self._rest.order(await self._exchange.send(request, departure))
        self._must_be(placed, order.venue_client_id, order.symbol)
        return Accepted(
            external_order_id=placed.external_order_id,
            venue_time_ns=placed.venue_time_ns,
            events=() if placed.done_reason is None else (self._done(placed),),
        )

    async def _submit_conditional(self, order: VenueSubmit, request: Request, departure: Departure) -> Accepted:
        self._known.expect_conditional(order.venue_client_id)
        placed, child_id = self._rest.algo_order(await self._exchange.send(request, departure))
        if placed is None:
            return Accepted(external_order_id=child_id, venue_time_ns=self._time.now_ns())
        self._must_be(placed, order.venue_client_id, order.symbol)
        return Accepted(external_order_id=placed.external_order_id, venue_time_ns=placed.venue_time_ns)

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> VenueOrderDone | None:
        """Cancel an order by its ids."""
        is_algo = await self._waits(cancel)
        request = requests.cancel(cancel, self._market, timestamp=self._time.now_ms(), is_algo=is_algo)
        raw = await self._exchange.send(request, departure)
        if is_algo:
            # The answer has no time; the stream tells the end.
            return None
        order = self._rest.order(raw)
        if order.symbol != cancel.symbol:
            raise Unknown("foreign_answer", f"a cancel of {cancel.symbol} was answered with {order.symbol}")
        return None if order.done_reason is None else self._done(order, cancel.venue_client_id)

    async def _waits(self, cancel: VenueCancel) -> bool:
        """Whether an order waits for its trigger; of one that an earlier process has sent the venue is asked."""
        client_id = cancel.venue_client_id
        waits = self._known.is_conditional(client_id, cancel.external_order_id)
        is_known = bool(cancel.external_order_id) or self._known.order(client_id) is not None
        if waits or is_known or self._market == "spot":
            return waits
        with suppress(BridgeError):
            raw = await self._exchange.send(requests.algo_query(client_id), Free(Priority.CANCEL))
            return self._rest.algo_order(raw)[0] is not None
        return False

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Change an order: USD-M in place, spot by another order in one request."""
        known = await self._find(amend.symbol, amend.venue_client_id)
        if known is None:
            raise Refused(UNKNOWN_ORDER)
        if not known.is_open or (amend.quantity is not None and amend.quantity <= known.filled_quantity):
            # The venue would take the second as a wish to cancel.
            raise Refused(ALREADY_DONE)
        timestamp = self._timestamp(amend.valid_until_ns)
        if self._market == "spot":
            wire_id = self._generations.newest(amend.venue_client_id)
            request = requests.replace_spot(amend, known, wire_id, timestamp=timestamp)
            changed = self._rest.replaced(await self._exchange.send(request, departure))
            self._generations.remember(amend.venue_client_id, str(request.params["newClientOrderId"]))
            self._must_be(changed, amend.venue_client_id, amend.symbol)
        else:
            request = requests.amend_usdm(amend, known, timestamp=timestamp)
            changed = self._rest.order(await self._exchange.send(request, departure))
        if not changed.is_open and changed.done_reason is not DoneReason.FILLED:
            raise Unknown("ended", f"the order is {changed.done_reason} now")
        return VenueAmended(
            request_id=amend.request_id,
            order_id=amend.order_id,
            account_id=amend.account_id,
            external_order_id=changed.external_order_id,
            quantity=changed.quantity,
            price=changed.price,
            stop_price=changed.stop_price or amend.stop_price or known.stop_price,
            venue_time_ns=changed.venue_time_ns,
        )

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        """Arm the countdown of every symbol in which this account has, or had, orders.

        The venue counts per symbol. Before there is any, one is armed all the same: it shows that the switch works; and
        the first order in a symbol arms it before it leaves.
        """
        if not self._capabilities.dead_man_switch:
            raise Refused("dead_man_unsupported", "spot has no dead man's switch")
        self._countdown_ms = timeout_ns // NS_PER_MS
        symbols = self._known.symbols or {raw_name(symbol) for symbol in list(self._setup.instruments)[:1]}
        at_ns = self._time.now_ns()
        for symbol in sorted(symbols | self._armed):
            await self._count_down(symbol, departure)
            departure = Free(Priority.CANCEL)
        return at_ns + timeout_ns if timeout_ns else 0

    async def _count_down(self, symbol: str, departure: Departure) -> None:
        request = requests.dead_man(symbol, self._countdown_ms, timestamp=self._time.now_ms())
        await self._exchange.send(request, departure)
        if self._countdown_ms:
            self._armed.add(symbol)
        else:
            self._armed.discard(symbol)

    async def _protect(self, symbol: str) -> None:
        """Arm the countdown of a symbol that is new, while the switch is on."""
        if self._countdown_ms and symbol not in self._armed:
            try:
                await self._count_down(symbol, Free(Priority.CANCEL))
            except BridgeError as error:
                self._log.warning("symbol_not_armed", symbol=symbol, why=str(error))

    def _timestamp(self, valid_until_ns: int) -> int:
        return timestamp_ms(self._time.to_venue_ms(valid_until_ns), self._time.now_ms())

    def _must_be(self, order: VenueOrder, client_id: str, symbol: Symbol) -> None:
        if (order.venue_client_id, order.symbol) != (client_id, symbol):
            raise Unknown("foreign_answer", f"an order for {symbol} was answered with another")
        self._known.see(order)

    def _done(self, order: VenueOrder, client_id: str = "") -> VenueOrderDone:
        return VenueOrderDone(
            account_id=self._setup.account_id,
            venue_client_id=client_id or order.venue_client_id,
            external_order_id=order.external_order_id,
            symbol=order.symbol,
            reason=order.done_reason or DoneReason.CANCELLED,
            filled_quantity=order.filled_quantity,
            venue_time_ns=order.venue_time_ns,
        )

    # --- Questions ----------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request) -> bytes:
        return await self._exchange.send(request)

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        """Return all open orders.

        USD-M's conditional orders are asked for first: one that is triggered between the two questions is in both
        answers then, not in none, and its ordinary form counts.
        """
        del query
        found: dict[tuple[Symbol, str], VenueOrder] = {}
        if self._market == "usdm":
            waiting = self._rest.algo_orders(await self._ask(requests.open_algo_orders()))
            found = {(order.symbol, order.venue_client_id): order for order in waiting}
        for order in self._rest.orders(await self._ask(requests.open_orders(self._market))):
            found[order.symbol, order.venue_client_id or order.external_order_id] = order
        for order in found.values():
            self._known.see(order)
        return VenueOrders(orders=tuple(found.values()))

    async def order(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        """Return an order by our client id; absent only where the venue says so, as of the time of asking."""
        asked_ns = self._time.now_ns()
        order = await self._find(query.symbol, query.venue_client_id)
        return OrderAbsent(venue_time_ns=asked_ns) if order is None else OrderFound(order=order)

    async def _find(self, symbol: Symbol, client_id: str) -> VenueOrder | None:
        """Return an order by our client id, in its newest form."""
        order = await (self._find_spot if self._market == "spot" else self._find_usdm)(raw_name(symbol), client_id)
        if order is not None:
            self._known.see(order)
        return order

    async def _find_spot(self, symbol: str, client_id: str) -> VenueOrder | None:
        """Go through the generations of an order: the next one was placed only if this one was cancelled for it."""
        wire_id: str | None = self._generations.newest(client_id)
        newest: VenueOrder | None = None
        while wire_id is not None:
            raw = await self._unless_absent(requests.order_query(symbol, "spot", client_id=wire_id))
            if raw is None:
                break
            newest = self._rest.order(raw)
            if wire_id != client_id:
                self._generations.remember(client_id, wire_id)
            is_replaceable = newest.done_reason is DoneReason.CANCELLED and not newest.filled_quantity
            wire_id = next_of(wire_id) if is_replaceable else None
        return newest

    async def _find_usdm(self, symbol: str, client_id: str) -> VenueOrder | None:
        """Look for a conditional order first: it may become an ordinary one between two questions, never back."""
        raw = await self._unless_absent(requests.algo_query(client_id))
        order, order_id = (None, "") if raw is None else self._rest.algo_order(raw)
        if order is not None:
            return order
        raw = await self._unless_absent(requests.order_query(symbol, "usdm", client_id=client_id, order_id=order_id))
        if raw is None and order_id:
            raise Unknown("triggered", f"the venue does not show what {ALGO}{client_id} has become")
        return None if raw is None else self._rest.order(raw)

    async def _unless_absent(self, request: Request) -> bytes | None:
        try:
            return await self._ask(request)
        except Refused as refused:
            if refused.venue_code == "-2013":
                return None
            raise

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return fills after the cursor, which holds one place per symbol."""
        return await self._history.fills(query)

    async def account(self) -> VenueAccount:
        """Return balances and positions."""
        balances = self._rest.balances(await self._ask(requests.account(self._market)))
        held = () if self._market == "spot" else self._rest.positions(await self._ask(requests.positions()))
        return VenueAccount(balances=balances, positions=held, cursor=None, venue_time_ns=self._time.now_ns())
