"""The made-up venue's connector, written as a real venue's is, and its rig."""

from collections.abc import Sequence

import msgspec

from connectors.bridge.departure import Departure
from connectors.bridge.errors import Refused
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.live.adapter import Accepted, AccountModes
from engine.domain.capabilities import Capabilities
from engine.domain.kinds import DoneReason, OrderType
from engine.messages.venues import (
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueAmend,
    VenueAmended,
    VenueBalance,
    VenueCancel,
    VenueFills,
    VenueOrderDone,
    VenueOrders,
    VenueSubmit,
)
from engine.runtime.clock import Clock
from tests.support.venues.core import SimAccount, SimClock, SimMarket
from tests.support.venues.exchange import SimExchange
from tests.support.venues.plain import PlainVenue
from tests.support.venues.plain_client import (
    CAPABILITIES,
    DONE,
    NS_PER_MS,
    AccountWire,
    FillsWire,
    OrdersWire,
    OrderWire,
    PlainExchange,
    UserPlan,
    done_of,
    fill_of,
    venue_order,
)
from tests.support.venues.rig import Key, Paths, Said, VenueRig


class PlainAdapter:
    """One account."""

    venue = "plain"
    capabilities = CAPABILITIES

    def __init__(self, exchange: PlainExchange) -> None:
        self.wire = exchange

    async def open(self) -> AccountModes:
        await self.wire.follow_clock()
        seen = msgspec.json.decode(await self.wire.ask(self.wire.privateGetAccount), type=AccountWire)
        return AccountModes(
            can_trade=seen.can_trade,
            position_mode="hedge" if seen.hedged else "net",
            clock_offset_ns=self.wire.bridge.time.offset_ns,
        )

    def streams(self) -> Sequence[StreamPlan]:
        return (UserPlan(self.wire),)

    async def submit(self, order: VenueSubmit, departure: Departure) -> Accepted:
        params = {
            "client": order.venue_client_id,
            "symbol": order.symbol.replace("/", ""),
            "side": order.side.value,
            "type": order.type.value,
            "quantity": str(order.quantity),
            "price": None if order.price is None else str(order.price),
            "tif": "IOC" if order.type is OrderType.MARKET else order.time_in_force.value,
            "post_only": order.post_only,
            "valid_until": self.wire.bridge.time.to_venue_ms(order.valid_until_ns),
        }
        raw = await self.wire.ask(self.wire.privatePostOrder, params, departure=departure)
        taken = msgspec.json.decode(raw, type=OrderWire)
        reason = DONE.get(taken.state)
        events = () if reason is None else (done_of(taken, reason),)
        return Accepted(external_order_id=taken.id, venue_time_ns=taken.at * NS_PER_MS, events=events)

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> VenueOrderDone | None:
        params = {"client": cancel.venue_client_id}
        raw = await self.wire.ask(self.wire.privateDeleteOrder, params, departure=departure)
        return done_of(msgspec.json.decode(raw, type=OrderWire), DoneReason.CANCELLED)

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        params = {
            "client": amend.venue_client_id,
            "quantity": None if amend.quantity is None else str(amend.quantity),
            "price": None if amend.price is None else str(amend.price),
        }
        raw = await self.wire.ask(self.wire.privatePutOrder, params, departure=departure)
        changed = msgspec.json.decode(raw, type=OrderWire)
        return VenueAmended(
            request_id=amend.request_id, order_id=amend.order_id, account_id=amend.account_id,
            external_order_id=changed.id, quantity=changed.quantity, price=changed.price, stop_price=changed.stop,
            venue_time_ns=changed.at * NS_PER_MS,
        )  # fmt: skip

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        raw = await self.wire.ask(self.wire.privateGetOpen, {"after": query.after or "0"})
        page = msgspec.json.decode(raw, type=OrdersWire)
        after = page.orders[-1].id if page.more else None
        return VenueOrders(orders=tuple(venue_order(each) for each in page.orders), next_after=after)

    async def order(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        try:
            raw = await self.wire.ask(self.wire.privateGetOrder, {"client": query.venue_client_id})
        except Refused as error:
            if error.code != "unknown_order":
                raise
            return OrderAbsent(venue_time_ns=self.wire.bridge.time.now_ns())
        return OrderFound(order=venue_order(msgspec.json.decode(raw, type=OrderWire)))

    async def fills(self, query: FillsQuery) -> VenueFills:
        params = {"after": query.cursor or "0"}
        if query.venue_client_id is not None:
            params["client"] = query.venue_client_id
        page = msgspec.json.decode(await self.wire.ask(self.wire.privateGetFills, params), type=FillsWire)
        cursor = page.fills[-1].id if page.fills else query.cursor
        return VenueFills(fills=tuple(fill_of(each) for each in page.fills), cursor=cursor, has_more=page.more)

    async def account(self) -> VenueAccount:
        seen = msgspec.json.decode(await self.wire.ask(self.wire.privateGetAccount), type=AccountWire)
        balances = tuple(
            VenueBalance(asset=asset, free=free, locked=locked) for asset, (free, locked) in seen.balances.items()
        )
        return VenueAccount(balances=balances, positions=(), cursor=None, venue_time_ns=seen.at * NS_PER_MS)

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        params = {"timeout_ms": timeout_ns // NS_PER_MS}
        raw = await self.wire.ask(self.wire.privatePostDeadman, params, departure=departure)
        return int(msgspec.json.decode(raw)["until"]) * NS_PER_MS

    async def tend(self) -> None:
        await self.wire.follow_clock()

    async def close(self) -> None:
        await self.wire.close()


class PlainRig(VenueRig):
    """The rig."""

    name = "plain"
    symbol = "BTC/USDT"
    paths = Paths(
        submit="POST /order", cancel="DELETE /order", order=r"GET /order\?", open_orders="GET /open",
        fills="GET /fills", account="GET /account", user="/user",
    )  # fmt: skip

    def __init__(self, clock: SimClock | None = None) -> None:
        exchange = SimExchange(clock or SimClock(), duplicates="for_ever")
        self._market = exchange.add_market(SimMarket("BTCUSDT", "BTC", "USDT"))
        account = SimAccount("alice", api_key="key-of-alice", secret="secret-of-alice")
        self._account = exchange.add_account(account, USDT="1000000", BTC="10")
        self.server = PlainVenue(exchange)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def account(self) -> SimAccount:
        return self._account

    @property
    def market(self) -> SimMarket:
        return self._market

    def exchange(self, clock: Clock, *, key: Key = "good") -> PlainExchange:
        config = {
            "apiKey": "key-of-nobody" if key == "unknown" else self._account.api_key,
            "secret": "secret-of-nobody" if key == "wrong_secret" else self._account.secret,
            "urls": {"api": {"rest": self.server.http, "ws": self.server.ws}},
        }
        return PlainExchange(Bridge(PlainExchange.limits, clock), config, budget_key="alice")

    def adapter(self, clock: Clock, *, key: Key = "good", since_ns: int = 0) -> PlainAdapter:
        return PlainAdapter(self.exchange(clock, key=key))

    @property
    def rate_limited(self) -> Said:
        return Said(429, '{"error": "too_many", "text": "slow down"}', {"Retry-After": "2"})

    @property
    def banned(self) -> Said:
        return Said(418, '{"error": "banned", "text": "go away"}', {"Retry-After": "120"})

    @property
    def clock_refused(self) -> Said:
        return Said(400, '{"error": "bad_time", "text": "time is outside of the window"}')

    @property
    def maintenance(self) -> Said:
        return Said(503, '{"error": "closed", "text": "back at noon"}')

    def end_session(self) -> bool:
        return self.server.sockets.send({"type": "ended"}, self.paths.user) > 0

    def odd_frames(self) -> list[str]:
        return ['{"type": "order", "order": {"id": 7}}', '{"type": "order", "order": ', "[]", "null", "12", '{"a": 1}']
