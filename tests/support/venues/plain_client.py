"""The made-up venue for ccxt: its exchange class, its stream, and what its answers mean."""

# ruff: noqa: N815 - implicit methods are called as ccxt calls them.

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from connectors.bridge.answers import Rule, VenueError, Verdict
from connectors.bridge.budget import Limit
from connectors.bridge.errors import AuthRefused
from connectors.bridge.exchange import Guarded
from connectors.bridge.loading import ccxt_module
from connectors.bridge.plan import (
    NS_PER_S,
    StreamAnswer,
    StreamBroken,
    StreamEnded,
    StreamItem,
    StreamPlan,
    StreamReady,
    StreamRequest,
)
from engine.domain.capabilities import AmendKind, Capabilities, ClientIdRule, DuplicateRule, PrivateStream, ValidityKind
from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, InstrumentKind, Liquidity, OrderType, Side, TimeInForce
from engine.messages.venues import (
    VenueFill,
    VenueOrder,
    VenueOrderDone,
    VenueOrderUpdate,
)
from tests.support.venues.plain import sign
from tests.support.venues.rig import RIG_ACCOUNT

_Base: Any = ccxt_module("async_support.base.exchange").Exchange
_Entry: Any = ccxt_module("base.types").Entry
NS_PER_MS = 1_000_000
DONE = {"filled": DoneReason.FILLED, "cancelled": DoneReason.CANCELLED, "expired": DoneReason.EXPIRED}

CAPABILITIES = Capabilities(
    venue="plain",
    kinds=frozenset({InstrumentKind.SPOT}),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    times_in_force=frozenset(TimeInForce),
    client_id=ClientIdRule(pattern=r"cv-[0-9a-f]{32}", duplicates=DuplicateRule.REFUSES, is_queryable=True),
    post_only=True,
    amend=AmendKind.IN_PLACE,
    dead_man_switch=True,
    private_streams=frozenset({PrivateStream.ORDERS, PrivateStream.FILLS}),
    validity=ValidityKind.VALID_UNTIL,
    validity_max_ns=5 * NS_PER_S,
)


class OrderWire(msgspec.Struct):
    id: str
    client: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    quantity: Decimal
    price: Decimal | None
    stop: Decimal | None
    filled: Decimal
    state: str
    post_only: bool
    at: int


class FillWire(msgspec.Struct):
    id: str
    order: str
    client: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    at: int


class ErrorWire(msgspec.Struct):
    error: str = ""
    text: str = ""


class OrdersWire(msgspec.Struct):
    orders: list[OrderWire]
    more: bool


class FillsWire(msgspec.Struct):
    fills: list[FillWire]
    more: bool


class AccountWire(msgspec.Struct):
    balances: dict[str, tuple[Decimal, Decimal]]
    can_trade: bool
    hedged: bool
    at: int


class FrameWire(msgspec.Struct):
    type: str
    word: str = ""
    order: OrderWire | None = None
    fill: FillWire | None = None
    id: str = ""
    error: str = ""
    text: str = ""


def refused(word: str) -> Rule:
    return Rule(Verdict.REFUSED, word)


class PlainExchange(Guarded, _Base):  # type: ignore[misc]  # ccxt has no types.
    """The made-up venue as ccxt would have it."""

    publicGetTime = _Entry("time", "public", "GET", {})
    privateGetOrder = _Entry("order", "private", "GET", {})
    privateGetOpen = _Entry("open", "private", "GET", {})
    privateGetFills = _Entry("fills", "private", "GET", {})
    privateGetAccount = _Entry("account", "private", "GET", {})
    privatePostOrder = _Entry("order", "private", "POST", {})
    privatePostDeadman = _Entry("deadman", "private", "POST", {})
    privateDeleteOrder = _Entry("order", "private", "DELETE", {})
    privatePutOrder = _Entry("order", "private", "PUT", {})

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(name="weight", units=100_000, period_ns=NS_PER_S),
        Limit(name="orders", units=50_000, period_ns=10 * NS_PER_S, is_per_key=True),
    )
    rules: ClassVar[Mapping[str, Rule]] = {
        "insufficient_balance": refused("insufficient_funds"),
        "unknown_order": refused("unknown_order"),
        "already_done": refused("already_done"),
        "would_take": refused("post_only_would_take"),
        "duplicate_client_id": Rule(Verdict.DUPLICATE),
        "bad_key": Rule(Verdict.AUTH, "bad_key"),
        "bad_sign": Rule(Verdict.AUTH, "bad_signature"),
        "no_permission": Rule(Verdict.AUTH, "no_permission"),
        "bad_ip": Rule(Verdict.AUTH, "ip_not_allowed"),
        "bad_time": Rule(Verdict.CLOCK, "bad_time"),
        "closed": Rule(Verdict.CLOSED),
    }

    def describe(self) -> Any:
        return self.deep_extend(super().describe(), {"id": "plain", "name": "Plain"})

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None, *_: Any) -> Any:
        query = self.urlencode(params) if method in ("GET", "DELETE") and params else ""
        body = self.json(params) if method in ("POST", "PUT") else None
        url = f"/{path}" + (f"?{query}" if query else "")
        at = str(self.milliseconds())
        headers = {"Content-Type": "application/json"} if body else {}
        if api == "private":
            headers |= {"X-Key": self.apiKey, "X-Time": at, "X-Sign": sign(self.secret, at, method, url, body or "")}
        return {"url": self.urls["api"]["rest"] + url, "method": method, "body": body, "headers": headers}

    def venue_error(self, status: int, body: bytes) -> VenueError | None:
        if status < 300:
            return None
        try:
            said = msgspec.json.decode(body, type=ErrorWire)
        except msgspec.MsgspecError:
            return None
        return VenueError(said.error, said.text) if said.error else None

    def cost_of(self, path: str, api: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, int]:
        return {"weight": 5 if path in ("fills", "account") else 1, "orders": int(method == "POST" and path == "order")}

    async def venue_time_ns(self) -> int:
        return int(msgspec.json.decode(await self.ask(self.publicGetTime))["now"]) * NS_PER_MS


class UserPlan(StreamPlan):
    """Tells of the account."""

    name = "user"
    renew_ns = 1800 * NS_PER_S
    lifetime_ns = 24 * 3600 * NS_PER_S

    def __init__(self, exchange: PlainExchange) -> None:
        self._exchange = exchange
        self._decode = msgspec.json.Decoder(FrameWire).decode
        self._renewals = 0

    async def url(self) -> str:
        return str(self._exchange.urls["api"]["ws"]) + "/user"

    async def opening(self) -> Sequence[str]:
        at = self._exchange.milliseconds()
        signature = sign(self._exchange.secret, str(at), "WS", "/user", "")
        frame = {"op": "auth", "key": self._exchange.apiKey, "time": at, "sign": signature}
        return (msgspec.json.encode(frame).decode(),)

    async def renew(self) -> StreamRequest:
        self._renewals += 1
        number = str(self._renewals)
        return StreamRequest(number, msgspec.json.encode({"op": "prolong", "id": number}).decode())

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        frame = self._decode(raw)
        match frame.type:
            case "ready":
                return (StreamReady(),)
            case "answer":
                return (StreamAnswer(frame.id, raw),)
            case "ended":
                return (StreamEnded("the session has expired"),)
            case "refused":
                rule = PlainExchange.rules.get(frame.error)
                code = rule.word if rule is not None else frame.error
                return (StreamBroken(AuthRefused(code, frame.text)),)
            case "order" if frame.order is not None:
                return events_of(frame.order, frame.fill)
        raise BadInput(frame.type, expected="a kind of frame that is known", was=raw)


def events_of(order: OrderWire, fill: FillWire | None) -> tuple[StreamItem, ...]:
    items: list[StreamItem] = [] if fill is None else [fill_of(fill)]
    reason = DONE.get(order.state)
    if reason is not None:
        items.append(done_of(order, reason))
    elif fill is None:
        items.append(VenueOrderUpdate(account_id=RIG_ACCOUNT, order=venue_order(order)))
    return tuple(items)


def done_of(order: OrderWire, reason: DoneReason) -> VenueOrderDone:
    return VenueOrderDone(
        account_id=RIG_ACCOUNT, venue_client_id=order.client, external_order_id=order.id, symbol=unified(order.symbol),
        reason=reason, filled_quantity=order.filled, venue_time_ns=order.at * NS_PER_MS,
    )  # fmt: skip


def fill_of(fill: FillWire) -> VenueFill:
    return VenueFill(
        account_id=RIG_ACCOUNT, venue="plain", symbol=unified(fill.symbol), side=fill.side,
        venue_client_id=fill.client, external_order_id=fill.order, external_trade_id=fill.id, price=fill.price,
        quantity=fill.quantity, fee=fill.fee, fee_asset=fill.fee_asset,
        liquidity=Liquidity.MAKER if fill.maker else Liquidity.TAKER, executed_at_ns=fill.at * NS_PER_MS,
        cursor=fill.id,
    )  # fmt: skip


def venue_order(order: OrderWire) -> VenueOrder:
    return VenueOrder(
        venue_client_id=order.client, external_order_id=order.id, symbol=unified(order.symbol), side=order.side,
        type=order.type, quantity=order.quantity, price=order.price, stop_price=order.stop, time_in_force=order.tif,
        filled_quantity=order.filled, is_open=order.state not in DONE, done_reason=DONE.get(order.state),
        venue_time_ns=order.at * NS_PER_MS, post_only=order.post_only,
    )  # fmt: skip


def unified(symbol: str) -> str:
    return f"{symbol.removesuffix('USDT')}/USDT"
