"""One account at Kraken, spot: orders, fills and balances by REST, executions by stream (WebSocket v2).

An order carries a deadline, which Kraken takes between 2 and 60 s from now: one that is to end sooner may be acted on
for up to `VALIDITY_MAX_NS` after it was sent. Kraken refuses a client id only while an order under it is open, so none
is ever sent again. Cancels and the ends of orders are told by the stream, which tells of an order only what has
changed: the rest is remembered. Fees are asked for in the quote asset (`fciq`), in which TradesHistory tells them.
An `exec_id` is the trade's id of TradesHistory by the documents' examples; it was not seen on a real account.
Source: docs.kraken.com, REST "Account Data" and "Trading", WebSocket v2 `executions`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.bridge.departure import Departure
from connectors.bridge.errors import UNKNOWN_SYMBOL, AuthRefused, Refused, Unknown
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamItem, StreamPlan, StreamReady
from connectors.kraken.exchange import Kraken
from connectors.kraken.public import SILENCE_NS, asset_of, instrument_of, is_idle, subscribe
from connectors.live.adapter import Accepted, AccountModes, PrivateSetup
from connectors.live.base import JsonPlan, PrivateBase, listing_of
from connectors.live.newest import Newest
from engine.domain import capabilities as can
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.kinds import DoneReason, InstrumentKind, Liquidity, OrderType, Side, TimeInForce
from engine.domain.values import text_of
from engine.messages import venues as said
from engine.messages.render import from_rfc3339, rfc3339
from engine.runtime.clock import NS_PER_S
from engine.runtime.log import Logger

PAGE, ORDER_TRADES_MAX = 50, 20
"""Trades that TradesHistory and QueryTrades tell at once."""
SOONEST_NS, LATEST_NS = 4 * NS_PER_S, 55 * NS_PER_S
"""Of a deadline, from now."""
VALIDITY_MAX_NS: Final = 6 * NS_PER_S
"""The soonest deadline, and what the clocks may differ: Kraken tells its time in whole seconds."""
READ_LAG_NS: Final = 5 * NS_PER_S
"""How long its lists may trail; not published."""
NEEDED: Final = {"query-funds", "query-open-trades", "query-closed-trades", "create-ws-token"}
TYPES: Final = {OrderType.MARKET: "market", OrderType.LIMIT: "limit", OrderType.STOP: "stop-loss",
                OrderType.STOP_LIMIT: "stop-loss-limit", OrderType.TAKE_PROFIT: "take-profit",
                OrderType.TAKE_PROFIT_LIMIT: "take-profit-limit"}  # fmt: skip
_KINDS: Final = {word: kind for kind, word in TYPES.items()}
"""What others have placed and we have no word for is nearest to a limit order."""
_DONE: Final = {"closed": DoneReason.FILLED, "filled": DoneReason.FILLED, "canceled": DoneReason.CANCELLED,
                "expired": DoneReason.EXPIRED}  # fmt: skip
_OPEN: Final = frozenset({"pending_new", "new", "amended", "restated", "iceberg_refill", "status"})


def capabilities(venue: Venue) -> can.Capabilities:
    """Return the abilities of a Kraken account under this name."""
    return can.Capabilities(
        venue=venue, kinds=frozenset({InstrumentKind.SPOT}), order_types=frozenset(TYPES),
        times_in_force=frozenset(TimeInForce), post_only=True, dead_man_switch=True,
        client_id=can.ClientIdRule(pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", is_queryable=True,
                                   duplicates=can.DuplicateRule.REFUSES_WHILE_OPEN),
        private_streams=frozenset({can.PrivateStream.ORDERS, can.PrivateStream.FILLS}), read_lag_ns=READ_LAG_NS,
        validity=can.ValidityKind.EXPIRES_AFTER, validity_max_ns=VALIDITY_MAX_NS)  # fmt: skip


class KrakenPrivate(PrivateBase[Kraken]):
    """See `connectors.live.adapter.PrivateAdapter`."""

    def __init__(self, setup: PrivateSetup, bridge: Bridge, log: Logger) -> None:  # noqa: ARG002
        """Keep what it works with; its credentials are `key` and `secret`."""
        exchange = Kraken(bridge, setup.urls, setup.credentials["key"], setup.credentials["secret"])
        super().__init__(setup, exchange, capabilities(setup.venue))
        self._pairs: dict[Symbol, str] = {}
        self._symbols: dict[str, Symbol] = {}
        """By both of Kraken's names."""
        self._known = Newest()
        """What was told of the newest orders, by Kraken's id, in the words of the stream."""

    async def do(self, name: str, departure: Departure | None = None, /, **params: Any) -> Any:
        """Ask for something private, and return the result."""
        return (await self.ask(f"privatePost{name}", params, departure))["result"]

    async def open(self) -> AccountModes:
        """Prove the clock, the key and its permissions; learn the names of the pairs."""
        await self._exchange.follow_clock()
        permissions = set((await self.do("GetApiKeyInfo"))["permissions"])
        if missing := NEEDED - permissions:
            raise AuthRefused("no_permission", f"the key lacks {', '.join(sorted(missing))}")
        pairs = (await self.ask("publicGetAssetPairs"))["result"]
        _, known = listing_of(pairs.items(), lambda entry: instrument_of(entry[1], self.venue))
        self._pairs = {symbol: pair["altname"] for symbol, (_, pair) in known.items()}
        self._symbols = {name: symbol for symbol, (key, pair) in known.items() for name in (key, pair["altname"])}
        return AccountModes(
            can_trade="modify-trades" in permissions, margin_mode="spot", clock_offset_ns=self._time.offset_ns
        )

    def streams(self) -> Sequence[StreamPlan]:
        """Return the socket of `executions`."""
        return [UserPlan(self)]

    async def submit(self, order: said.VenueSubmit, departure: Departure) -> Accepted:
        """Place an order."""
        self.check_steps(order)
        pair = self._pairs.get(order.symbol)
        if pair is None:
            raise Refused(UNKNOWN_SYMBOL, f"Kraken lists no {order.symbol}")
        now_ns, until_ns = self._time.now_ns(), order.valid_until_ns + self._time.offset_ns
        deadline_ns = min(max(until_ns, now_ns + SOONEST_NS), now_ns + LATEST_NS)
        params = {**order_params(order), "pair": pair, "deadline": f"{rfc3339(deadline_ns)[:19]}Z"}
        (order_id,) = (await self.do("AddOrder", departure, **params))["txid"]
        self._known.told(order_id, cl_ord_id=order.venue_client_id, symbol=order.symbol, side=order.side.value)
        return Accepted(external_order_id=order_id, venue_time_ns=self._time.now_ns())

    async def cancel(self, cancel: said.VenueCancel, departure: Departure) -> None:
        """Cancel an order; its end comes by the stream."""
        name = {"txid": cancel.external_order_id} if cancel.external_order_id else {"cl_ord_id": cancel.venue_client_id}
        await self.do("CancelOrder", departure, **name)

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        """Let Kraken cancel everything after a silence, in whole seconds."""
        told = await self.do("CancelAllOrdersAfter", departure, timeout=-(-timeout_ns // NS_PER_S))
        return from_rfc3339(told["triggerTime"]) if timeout_ns else 0

    async def open_orders(self, query: said.OpenOrdersQuery) -> said.VenueOrders:  # noqa: ARG002
        """Return all open orders: Kraken lists them in one page."""
        at_ns, listed = self._time.now_ns(), (await self.do("OpenOrders"))["open"]
        return said.VenueOrders(orders=tuple(self._order(key, told, at_ns) for key, told in listed.items()))

    async def order(self, query: said.OrderQuery) -> said.OrderFound | said.OrderAbsent:
        """Return an order by our client id."""
        at_ns = self._time.now_ns()
        found = await self._find(query.venue_client_id)
        return said.OrderAbsent(venue_time_ns=at_ns) if found is None else said.OrderFound(order=found[0])

    async def fills(self, query: said.FillsQuery) -> said.VenueFills:
        """Return the oldest fills after a trade, whose id is the cursor. Kraken pages from the newest one backwards."""
        if query.venue_client_id is not None:
            return await self._fills_of(query.venue_client_id, query.cursor)
        start = query.cursor or str(self._setup.since_ns // NS_PER_S - 1)
        asked = {"start": start, "consolidate_taker": "false"}
        page = await self.do("TradesHistory", **asked)
        count, rest = page["count"], page["count"] - PAGE
        if rest > 0:
            page = await self.do("TradesHistory", **asked, end=next(iter(page["trades"])), ofs=rest)
        if page["count"] != count:
            raise Unknown("list_moved", "the list of fills has changed between two pages")
        fills = await self._fills(dict(reversed(page["trades"].items())))
        return said.VenueFills(fills=fills, cursor=fills[-1].cursor if fills else query.cursor, has_more=rest > 0)

    async def account(self) -> said.VenueAccount:
        """Return balances; what is staked or lent (`XBT.F`) cannot be traded with."""
        at_ns, listed = self._time.now_ns(), (await self.do("BalanceEx")).items()
        held = [(asset_of(name), Decimal(told["balance"]), Decimal(told["hold_trade"]))
                for name, told in listed if "." not in name]  # fmt: skip
        balances = tuple(said.VenueBalance(asset=name, free=total - locked, locked=locked)
                         for name, total, locked in held if total)  # fmt: skip
        return said.VenueAccount(balances=balances, positions=(), cursor=None, venue_time_ns=at_ns)

    async def _find(self, client_id: str) -> tuple[said.VenueOrder, Sequence[str]] | None:
        """Return an order and the ids of its trades. It leaves the open ones before it is among the closed."""
        at_ns = self._time.now_ns()
        for name, key in (("OpenOrders", "open"), ("ClosedOrders", "closed")):
            told = await self.do(name, cl_ord_id=client_id, trades="true")
            for order_id, one in told[key].items():
                if one.get("cl_ord_id") == client_id:
                    return self._order(order_id, one, at_ns), one.get("trades") or ()
            if told.get("count", 0) > len(told[key]):
                raise Unknown("list_too_long", "the order is not on the first page")
        return None

    async def _fills_of(self, client_id: str, cursor: str | None) -> said.VenueFills:
        found = await self._find(client_id)
        ids = list(found[1]) if found else []
        ids = ids[ids.index(cursor) + 1 :] if cursor in ids else ids
        asked = ids[:ORDER_TRADES_MAX]
        told = await self.do("QueryTrades", txid=",".join(asked)) if asked else {}
        fills = await self._fills({key: told[key] for key in asked})
        return said.VenueFills(fills=fills, cursor=asked[-1] if asked else cursor, has_more=len(ids) > len(asked))

    async def _fills(self, trades: Mapping[str, Any]) -> tuple[said.VenueFill, ...]:
        missing = {told["ordertxid"]: None for told in trades.values() if told["ordertxid"] not in self._known}
        for key, order in (await self.do("QueryOrders", txid=",".join(missing)) if missing else {}).items():
            self._order(key, order, self._time.now_ns())
        return tuple(self._fill(trade_id, told) for trade_id, told in trades.items())

    # --- Words --------------------------------------------------------------------------------------------------------

    def _order(self, order_id: str, told: Any, at_ns: int) -> said.VenueOrder:
        """Return an order of the lists."""
        pair, prices = told["descr"]["pair"], [Decimal(told["descr"][name]) for name in ("price", "price2")]
        stop = prices.pop(0) if told["descr"]["ordertype"].startswith(("stop", "take")) else 0
        news = {
            "cl_ord_id": told.get("cl_ord_id") or "", "symbol": self._symbols.get(pair, pair), "order_qty": told["vol"],
            "side": told["descr"]["type"], "order_type": told["descr"]["ordertype"], "cum_qty": told["vol_exec"],
            "limit_price": prices[0], "stop_price": stop, "post_only": "post" in told["oflags"],
            "time_in_force": told.get("timeinforce"), "avg_price": told["price"]}  # fmt: skip
        return order_of(order_id, self._known.told(order_id, **news), at_ns, _DONE.get(told["status"]))

    def _fill(self, trade_id: str, told: Any) -> said.VenueFill:
        """Return a trade of the lists."""
        symbol, order = self._symbols.get(told["pair"], told["pair"]), self._known.told(told["ordertxid"])
        fee = {"qty": told["fee"], "asset": symbol.partition("/")[2]}
        news = {
            "exec_id": trade_id, "cl_ord_id": order.get("cl_ord_id"), "symbol": symbol, "side": told["type"],
            "fees": [fee], "last_price": told["price"], "last_qty": told["vol"],
            "liquidity_ind": "m" if told.get("maker") else "t"}  # fmt: skip
        return self._executed(told["ordertxid"], news, int(Decimal(told["time"]) * NS_PER_S))

    def _executed(self, order_id: str, one: Mapping[str, Any], at_ns: int) -> said.VenueFill:
        (fee,) = one["fees"]
        return said.VenueFill(
            account_id=self._setup.account_id, venue=self.venue, symbol=one["symbol"], side=Side(one["side"]),
            venue_client_id=one.get("cl_ord_id") or "", external_order_id=order_id, external_trade_id=one["exec_id"],
            price=Decimal(one["last_price"]), quantity=Decimal(one["last_qty"]), fee=Decimal(fee["qty"]),
            fee_asset=fee["asset"], liquidity=Liquidity.MAKER if one["liquidity_ind"] == "m" else Liquidity.TAKER,
            executed_at_ns=at_ns, cursor=one["exec_id"])  # fmt: skip

    def heard(self, news: Mapping[str, Any], sequence: int) -> StreamItem:
        """Return what the stream tells of an order.

        Raises:
            BadInput: A kind of execution that is not known.
        """
        kind, order_id, at_ns = news["exec_type"], news["order_id"], from_rfc3339(news["timestamp"])
        one = self._known.told(order_id, **news)
        if kind == "trade":
            return self._executed(order_id, one, at_ns)
        if kind in _DONE:
            return said.VenueOrderDone(
                account_id=self._setup.account_id, venue_client_id=one.get("cl_ord_id") or "", symbol=one["symbol"],
                external_order_id=order_id, reason=_DONE[kind], filled_quantity=Decimal(one.get("cum_qty", 0)),
                venue_time_ns=at_ns)  # fmt: skip
        if kind not in _OPEN:
            raise BadInput("exec_type", expected="a known kind of execution", was=kind)
        return said.VenueOrderUpdate(
            account_id=self._setup.account_id, order=order_of(order_id, one, at_ns, None, sequence)
        )


def order_of(
    order_id: str, one: Mapping[str, Any], at_ns: int, done: DoneReason | None, sequence: int = 0
) -> said.VenueOrder:
    """Return an order in the words of the stream."""
    price, stop, average = (Decimal(one.get(name) or 0) or None for name in ("limit_price", "stop_price", "avg_price"))
    word = one.get("time_in_force")
    return said.VenueOrder(
        venue_client_id=one.get("cl_ord_id") or "", external_order_id=order_id, symbol=one["symbol"],
        side=Side(one["side"]), type=_KINDS.get(one["order_type"], OrderType.LIMIT), quantity=Decimal(one["order_qty"]),
        price=price, stop_price=stop, time_in_force=TimeInForce(word) if word in ("IOC", "FOK") else TimeInForce.GTC,
        filled_quantity=Decimal(one.get("cum_qty", 0)), is_open=done is None, done_reason=done, venue_time_ns=at_ns,
        post_only=bool(one.get("post_only")), sequence=sequence, average_price=average)  # fmt: skip


def order_params(order: said.VenueSubmit) -> dict[str, str]:
    """Return the parameters of AddOrder that follow from the order alone.

    Raises:
        Refused: Kraken has no such order.
    """
    if order.reduce_only or order.type not in TYPES:
        raise Refused("unsupported", f"a {order.type} order, or one that only reduces")
    prices = [text_of(price) for price in (order.stop_price, order.price) if price is not None]
    time_in_force = {"timeinforce": order.time_in_force.value} if "limit" in TYPES[order.type] else {}
    return {
        "type": order.side.value, "ordertype": TYPES[order.type], "volume": text_of(order.quantity),
        "cl_ord_id": order.venue_client_id, "oflags": "fciq,post" if order.post_only else "fciq", **time_in_force,
        **dict(zip(("price", "price2"), prices, strict=False))}  # fmt: skip


class UserPlan(JsonPlan):
    """The private socket of one account: its orders and trades, by the channel `executions`."""

    silence_ns = SILENCE_NS

    def __init__(self, account: KrakenPrivate) -> None:
        """Keep whose socket it is."""
        super().__init__("user", lambda: str(account.wire.urls["api"]["ws"]["privateV2"]))
        self._account = account

    async def opening(self) -> Sequence[str]:
        """Return the subscription: open orders now, every change later. Trades that were missed are compared."""
        token = (await self._account.do("GetWebSocketsToken"))["token"]
        return [subscribe("executions", token=token, snap_orders=True, snap_trades=False)]

    def read(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:  # noqa: ARG002
        """Read one frame."""
        if frame.get("channel") == "executions":
            return [self._account.heard(one, frame["sequence"]) for one in frame["data"]]
        if is_idle(frame):
            return []
        if frame.get("method") != "subscribe":
            raise BadInput("channel", expected="executions", was=frame.get("channel") or frame)
        if frame["success"]:
            return [StreamReady()]
        why = frame["error"]
        return [StreamBroken(AuthRefused("no_permission", why)) if "Permission" in why else StreamEnded(why)]
