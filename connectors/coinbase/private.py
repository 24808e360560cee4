"""One account at Coinbase Advanced Trade, spot: what differs from other venues.

An order is one request whose token ends at the order's time limit. Coinbase answers a client id that it has seen with
the first order, so a repeated request could make no second one; none is repeated all the same. Cancels go by Coinbase's
ids, and are only queued by their answer: the end comes by the stream.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.bridge.departure import Departure
from connectors.bridge.errors import (
    ALREADY_DONE,
    UNKNOWN_ORDER,
    AuthRefused,
    BridgeError,
    NotSent,
    Refused,
    Unknown,
)
from connectors.bridge.exchange import Bridge, Endpoint
from connectors.bridge.plan import StreamPlan
from connectors.coinbase import private_wire as wire
from connectors.coinbase.capabilities import capabilities
from connectors.coinbase.exchange import Coinbase, expires_ns
from connectors.coinbase.fill_feed import FillFeed
from connectors.coinbase.fill_lists import FillLists
from connectors.coinbase.order_lists import KnownIds, OrderLists, born_of
from connectors.coinbase.parse import SequenceCheck
from connectors.coinbase.private_parse import balances_of
from connectors.coinbase.reasons import refusal
from connectors.coinbase.requests import Body, cancel_orders, edit_order, new_order
from connectors.coinbase.symbols import product_of
from connectors.coinbase.user_stream import UserPlan
from connectors.live.adapter import Accepted, AccountModes, PrivateSetup
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Venue
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
    VenueOrders,
    VenueSubmit,
)
from engine.runtime.clock import NS_PER_S
from engine.runtime.log import Logger

PAGE: Final = 250
PAGES_MAX: Final = 40
YOUNG_NS: Final = 60 * NS_PER_S
"""An order younger than this may not be listed yet: its request may still be under way."""
EDIT_LOOKS_NS: Final = (0, 200_000_000, 400_000_000, 800_000_000, 1_600_000_000)
"""Before each look whether an edit that was taken has been done."""

_new_order = msgspec.json.Decoder(wire.NewOrder).decode
_cancels = msgspec.json.Decoder(wire.Cancels).decode
_edited = msgspec.json.Decoder(wire.Edited).decode
_accounts = msgspec.json.Decoder(wire.Accounts).decode
_permissions = msgspec.json.Decoder(wire.Permissions).decode


class CoinbasePrivate:
    """See `connectors.live.adapter.PrivateAdapter`."""

    def __init__(self, setup: PrivateSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: The account; its credentials are `key` (the key's name) and `secret` (an EC private key, PEM).
            bridge: Shared with others at Coinbase.
            log: Bound to the account.
        """
        self._setup = setup
        self._log = log
        self._check: SequenceCheck = "connection" if setup.checks_sequence else "off"
        self._time = bridge.time
        self._clock = bridge.clock
        self._capabilities = capabilities(setup.venue)
        self._odd_kinds: set[str] = set()
        self._exchange = Coinbase(
            bridge, urls=setup.urls, name=setup.credentials["key"], secret=setup.credentials["secret"]
        )
        self._orders = OrderLists(self._exchange, KnownIds(), self._time.now_ns)
        self._fills = FillLists(
            self._exchange,
            self._orders,
            account_id=setup.account_id,
            venue=setup.venue,
            since_ns=setup.since_ns,
            odd=self._odd,
        )

    @property
    def venue(self) -> Venue:
        """Its name in the configuration."""
        return self._setup.venue

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._capabilities

    @property
    def wire(self) -> Coinbase:
        """What its stream is dialled with."""
        return self._exchange

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def open(self) -> AccountModes:
        """Prove the clock, the key and its permissions."""
        assert self._exchange.tokens is not None, "a private connection signs"
        self._exchange.tokens.check()
        await self._exchange.follow_clock()
        try:
            raw = await self._exchange.ask(self._exchange.v3PrivateGetBrokerageKeyPermissions)
        except AuthRefused:
            # Coinbase says of a wrong time what it says of a wrong key: one of the clocks may have been set.
            self._time.doubt()
            await self._exchange.follow_clock()
            raw = await self._exchange.ask(self._exchange.v3PrivateGetBrokerageKeyPermissions)
        answer = _permissions(raw)
        if not answer.can_view:
            raise AuthRefused("no_permission", "the key may not even view")
        return AccountModes(
            can_trade=answer.can_trade,
            margin_mode="spot",
            external_id=answer.portfolio_uuid,
            clock_offset_ns=self._time.offset_ns,
        )

    def streams(self) -> Sequence[StreamPlan]:
        """Return the socket of the `user` channel."""
        assert self._exchange.tokens is not None, "a private connection signs"
        return [
            UserPlan(
                url=lambda: self._exchange.user_url,
                account_id=self._setup.account_id,
                token=self._exchange.tokens.of_subscription,
                feed=FillFeed(self._fills.of_orders, self._clock),
                learn=self._orders.known.see,
                check=self._check,
            )
        ]

    async def tend(self) -> None:
        """Follow the venue's clock."""
        await self._exchange.follow_clock()

    async def close(self) -> None:
        """Close sessions."""
        await self._exchange.close()

    # --- Commands -----------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueSubmit, departure: Departure) -> Accepted:
        """Place an order."""
        body = new_order(order, self._setup.instruments.get(order.symbol))
        answer = _new_order(
            await self._send(self._exchange.v3PrivatePostBrokerageOrders, body, departure, order.valid_until_ns)
        )
        if not answer.success:
            failure = answer.error_response or wire.Failure()
            raise refusal(
                [failure.error, failure.new_order_failure_reason, failure.preview_failure_reason],
                failure.error_details or failure.message,
            )
        placed = answer.success_response
        if placed is None or not placed.order_id:
            raise Unknown("bad_answer", "success without an order")
        if not _is_about(placed, order):
            raise Unknown("bad_answer", f"an answer about order {placed.client_order_id}")
        self._orders.known.learn(placed.order_id, order.venue_client_id)
        return Accepted(external_order_id=placed.order_id, venue_time_ns=self._time.now_ns())

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> None:
        """Cancel an order; its end comes by the stream."""
        order_id = await self._order_id(cancel)
        raw = await self._exchange.ask(
            self._exchange.v3PrivatePostBrokerageOrdersBatchCancel, cancel_orders(order_id), departure=departure
        )
        result = next((one for one in _cancels(raw).results if one.order_id == order_id), None)
        if result is None:
            raise Unknown("bad_answer", "no result for the order")
        if result.success or result.failure_reason == "DUPLICATE_CANCEL_REQUEST":
            return
        error = refusal([result.failure_reason])
        if isinstance(error, Refused) and error.code == UNKNOWN_ORDER and await self._is_over(order_id):
            error = Refused(ALREADY_DONE, "it is over", venue_code=error.venue_code)
        raise error

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Change an order; done when the venue shows it with its new values."""
        order = await self._open_order(amend)
        quantity = amend.quantity or order.quantity
        price = amend.price or order.price
        stop_price = amend.stop_price or order.stop_price
        body = edit_order(order.external_order_id, quantity=quantity, price=price, stop_price=stop_price)
        answer = _edited(
            await self._send(self._exchange.v3PrivatePostBrokerageOrdersEdit, body, departure, amend.valid_until_ns)
        )
        if not answer.success:
            raise _edit_refusal(answer)
        venue_time_ns = await self._edited_at(order.external_order_id, (quantity, price, stop_price))
        return VenueAmended(
            request_id=amend.request_id,
            order_id=amend.order_id,
            account_id=amend.account_id,
            external_order_id=order.external_order_id,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            venue_time_ns=venue_time_ns,
        )

    async def _edited_at(self, order_id: str, wanted: tuple[Decimal, Decimal | None, Decimal | None]) -> int:
        """Return when the venue showed an order with its new quantity, price and stop price.

        Raises:
            Unknown: It has not, in time; whatever a look comes to says nothing of the edit.
        """
        for pause_ns in EDIT_LOOKS_NS:
            if pause_ns:
                await self._clock.sleep(pause_ns)
            try:
                now = await self._orders.by_order_id(order_id)
            except BridgeError as error:
                raise Unknown("edit_queued", "the edit was taken; its order cannot be read") from error
            if now is not None and (now.quantity, now.price, now.stop_price) == wanted:
                return now.venue_time_ns
        raise Unknown("edit_queued", "the edit was taken, and is not done yet")

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        """Coinbase has no such switch."""
        del timeout_ns, departure
        raise NotSent("unsupported", "Coinbase has no dead man's switch")

    async def _send(self, endpoint: Endpoint, body: Body, departure: Departure, until_ns: int) -> bytes:
        """Send a command whose token ends with its time limit (wall clock)."""
        limit_ns = until_ns + self._time.offset_ns
        ends = expires_ns.set(limit_ns)
        try:
            return await self._exchange.ask(endpoint, body, departure=departure)
        except AuthRefused as error:
            if error.code != "bad_key" or self._time.now_ns() < limit_ns:
                raise
            # It was on its way for so long that its token had expired: that says nothing of the key.
            raise Refused("too_late", "Coinbase read it after its time limit") from error
        finally:
            expires_ns.reset(ends)

    async def _order_id(self, command: VenueCancel | VenueAmend) -> str:
        """Return Coinbase's id of the order that a command is about."""
        order_id = command.external_order_id or self._orders.known.order_id(command.venue_client_id)
        if order_id is not None:
            return order_id
        order = await self._orders.by_client_id(command.symbol, command.venue_client_id)
        if order is not None:
            return order.external_order_id
        born_ns = born_of(command.venue_client_id)
        if born_ns is not None and self._clock.now_ns() - born_ns < YOUNG_NS:
            # It may be on its way still, or the list may trail.
            raise Unknown("not_listed_yet", "Coinbase lists no such order yet")
        # Nothing left us, but that is what the venue would say.
        raise Refused(UNKNOWN_ORDER, "Coinbase lists no such order")

    async def _open_order(self, amend: VenueAmend) -> VenueOrder:
        order = await self._orders.by_order_id(await self._order_id(amend))
        if order is None:
            raise Refused(UNKNOWN_ORDER, "Coinbase has no such order")
        if not order.is_open:
            raise Refused(ALREADY_DONE, f"it is {order.done_reason}")
        return order

    async def _is_over(self, order_id: str) -> bool:
        """Tell an order that is done from one that never was: Coinbase calls both unknown when it cancels."""
        try:
            order = await self._orders.by_order_id(order_id)
        except BridgeError:
            return False
        return order is not None and not order.is_open

    # --- Questions ----------------------------------------------------------------------------------------------------

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        """Return one page of open orders."""
        return await self._orders.open_orders(query)

    async def order(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        """Return an order by our client id."""
        return await self._orders.find(query)

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return one page of fills."""
        return await self._fills.fills(query)

    async def account(self) -> VenueAccount:
        """Return balances, of all pages."""
        at_ns = self._time.now_ns()
        found: list[wire.Account] = []
        cursor = ""
        for _ in range(PAGES_MAX):
            params: dict[str, Any] = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
            page = _accounts(await self._exchange.ask(self._exchange.v3PrivateGetBrokerageAccounts, params))
            found += page.accounts
            if not page.has_next or not page.cursor or page.cursor == cursor:
                return VenueAccount(balances=balances_of(found), positions=(), cursor=None, venue_time_ns=at_ns)
            cursor = page.cursor
        raise Unknown("list_too_long", f"more than {PAGE * PAGES_MAX} wallets")

    def _odd(self, kind: str) -> None:
        # The list is read again and again, and holds what it holds.
        if kind not in self._odd_kinds:
            self._odd_kinds.add(kind)
            self._log.warning("fill_not_booked", venue=self.venue, kind=kind, account_id=str(self._setup.account_id))


def _is_about(placed: wire.Placed, order: VenueSubmit) -> bool:
    wanted = (order.venue_client_id, product_of(order.symbol), order.side.value.upper())
    told = (placed.client_order_id, placed.product_id, placed.side)
    return all(not one or one == other for one, other in zip(told, wanted, strict=True))


def _edit_refusal(answer: wire.Edited) -> Exception:
    errors = answer.errors if isinstance(answer.errors, tuple) else (answer.errors,)
    reasons = [reason for one in errors for reason in (one.edit_failure_reason, one.preview_failure_reason)]
    failure = answer.error_response or wire.Failure()
    return refusal([*reasons, failure.edit_order_failure_reason, failure.error], failure.error_details)
