"""One account at Coinbase Advanced Trade, spot: what differs from other venues."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.bridge.departure import Departure
from connectors.bridge.errors import (
    AuthRefused,
    NotSent,
    Unknown,
)
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.coinbase import private_wire as wire
from connectors.coinbase.capabilities import capabilities
from connectors.coinbase.commands import Commands
from connectors.coinbase.exchange import Coinbase
from connectors.coinbase.fill_feed import FillFeed
from connectors.coinbase.fill_lists import FillLists
from connectors.coinbase.order_lists import KnownIds, OrderLists
from connectors.coinbase.parse import SequenceCheck
from connectors.coinbase.private_parse import balances_of
from connectors.coinbase.user_stream import UserPlan
from connectors.live.adapter import Accepted, AccountModes, PrivateSetup
from connectors.live.base import PrivateBase
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

PAGE: Final = 250
PAGES_MAX: Final = 40

_accounts = msgspec.json.Decoder(wire.Accounts).decode
_permissions = msgspec.json.Decoder(wire.Permissions).decode


class CoinbasePrivate(PrivateBase[Coinbase]):
    """See `connectors.live.adapter.PrivateAdapter`."""

    def __init__(self, setup: PrivateSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: The account; its credentials are `key` (the key's name) and `secret` (an EC private key, PEM).
            bridge: Shared with others at Coinbase.
            log: Bound to the account.
        """
        exchange = Coinbase(bridge, urls=setup.urls, name=setup.credentials["key"], secret=setup.credentials["secret"])
        super().__init__(setup, exchange, capabilities(setup.venue))
        self._log = log
        self._check: SequenceCheck = "connection" if setup.checks_sequence else "off"
        self._clock = bridge.clock
        self._odd_kinds: set[str] = set()
        self._orders = OrderLists(self._exchange, KnownIds(), self._time.now_ns)
        self._commands = Commands(self._exchange, self._orders)
        self._fills = FillLists(
            self._exchange,
            self._orders,
            account_id=setup.account_id,
            venue=setup.venue,
            since_ns=setup.since_ns,
            odd=self._odd,
        )

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

    # --- Commands -----------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueSubmit, departure: Departure) -> Accepted:
        """Place an order."""
        return await self._commands.submit(order, departure, self._setup.instruments.get(order.symbol))

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> None:
        """Cancel an order; its end comes by the stream."""
        await self._commands.cancel(cancel, departure)

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Change an order."""
        return await self._commands.amend(amend, departure)

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        """Coinbase has no such switch."""
        del timeout_ns, departure
        raise NotSent("unsupported", "Coinbase has no dead man's switch")

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
