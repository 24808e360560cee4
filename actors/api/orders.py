"""Orders: read, place, cancel."""

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer, object_answer
from actors.api.commands import ask, cell_of
from actors.api.decode import Body, Listed, Query, decimal, path_id, read_body, read_query, time_ns, wrong
from actors.api.idempotency import Once
from actors.api.order_answers import denied, first_order, order_answer, replayed_order
from actors.api.problems import Problem, not_found
from actors.api.routing import Route, get
from actors.api.venues import venue_of
from config.settings import SymbolText
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, AgentId, OrderId
from engine.domain.kinds import (
    PRICED_TYPES,
    TRIGGERED_TYPES,
    OrderOrigin,
    OrderStatus,
    OrderType,
    Role,
    Side,
    TimeInForce,
)
from engine.messages.orders import CancelAnswer, CancelOrder, CancelOrders, OrderAnswer, OrderIntent, PlaceOrder
from engine.messages.read_ports import OrderFilter

ACK_S = 5.0
"""How long `?wait=ack` waits for the venue."""
STATUSES = frozenset(OrderStatus)
ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]


class OrdersQuery(Listed, frozen=True, kw_only=True):
    """`GET /orders`."""

    account_id: UUID | None = None
    symbol: SymbolText | None = None
    agent_id: UUID | None = None
    status: str | None = None
    """One or more, with commas."""
    client_order_id: str | None = None
    since: str | None = None
    until: str | None = None


class PlaceQuery(Query, frozen=True, kw_only=True):
    """`POST /orders`."""

    wait: str | None = None


class PlaceBody(Body, frozen=True, kw_only=True):
    """`POST /orders`."""

    account_id: UUID
    symbol: SymbolText
    side: Side
    type: OrderType
    quantity: str
    price: str | None = None
    stop_price: str | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    client_order_id: ClientId | None = None


class CancelQuery(Query, frozen=True, kw_only=True):
    """`DELETE /orders`: what is absent matches everything."""

    account_id: UUID | None = None
    symbol: SymbolText | None = None
    agent_id: UUID | None = None


async def list_orders(call: Call) -> web.Response:
    """Read orders, newest first."""
    query = read_query(call.request, OrdersQuery)
    statuses = tuple(query.status.split(",")) if query.status else ()
    if unknown := set(statuses) - STATUSES:
        raise wrong("status", f"any of {', '.join(sorted(STATUSES))}, not {len(unknown)} others")
    where = OrderFilter(
        account_id=None if query.account_id is None else AccountId(query.account_id),
        symbol=query.symbol,
        agent_id=None if query.agent_id is None else AgentId(query.agent_id),
        status=statuses,
        client_order_id=query.client_order_id,
        since_ns=time_ns(query.since, "since"),
        until_ns=time_ns(query.until, "until"),
    )
    return json_answer((await call.ports.reads.orders(call.user_id, where, query.page)).body)


async def get_order(call: Call) -> web.Response:
    """Read one order."""
    return await order_answer(call, OrderId(path_id(call.request)), 200)


async def list_events(call: Call) -> web.Response:
    """Read what happened to an order, oldest first."""
    order_id = OrderId(path_id(call.request))
    if await call.ports.reads.order(call.user_id, order_id) is None:
        raise not_found("order")
    return json_answer((await call.ports.reads.order_events(call.user_id, order_id)).body)


async def place_order(call: Call) -> web.Response:
    """Place an order; 201 once its intent is committed, or with `?wait=ack` once the venue has spoken."""
    is_waiting = _wants_ack(read_query(call.request, PlaceQuery))
    body, raw = await read_body(call.request, PlaceBody)
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return await replayed_order(call, once.stored)
        intent = await _intent(call, body, once)
        return context.answers.remember(once, await _place(call, intent, once, is_waiting), call.user_id)


async def _place(call: Call, intent: OrderIntent, once: Once, is_waiting: bool) -> web.Response:  # noqa: FBT001
    row = once.row(201, object_type="order", object_id=intent.order_id)
    detail = {"symbol": intent.symbol, "side": intent.side, "quantity": str(intent.quantity)}
    record = call.record("order.place", object_type="order", object_id=intent.order_id, detail=detail, idempotency=row)
    acks = call.context.acks
    ack = acks.expect(call.user_id, intent.order_id) if is_waiting else None
    try:
        answer: OrderAnswer = await ask(cell_of(call).gate, PlaceOrder(intent=intent, record=record))
        if answer.denial is not None:
            return denied(answer.denial, answer.order_id).response(str(call.correlation_id))
        if answer.duplicate:
            return await first_order(call, intent, answer.order_id)
        status = 201
        if ack is not None:
            ack.expire_at(call.ports.clock, ACK_S)
            status = 201 if await acks.until(ack) else 202
    finally:
        acks.forget(call.user_id, intent.order_id)
    return await order_answer(call, answer.order_id, status)


async def cancel_order(call: Call) -> web.Response:
    """Ask the venue to cancel one order; 202."""
    order_id = OrderId(path_id(call.request))
    context = call.context
    async with context.answers.once(call.request, b"", call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer({"order_ids": [order_id], "durable": True}, 202)
        row = once.row(202, object_type="cancel", object_id=order_id)
        record = call.record("order.cancel", object_type="order", object_id=order_id, idempotency=row)
        answer = CancelAnswer(order_ids=(), reason="not_found")
        for account_id in await _accounts_of(call, order_id):
            message = CancelOrder(
                user_id=call.user_id, account_id=account_id, order_id=order_id, reason="api", record=record
            )
            answer = await ask(cell_of(call).gate, message)
            if answer.reason != "not_found":
                break
        if answer.reason == "not_found":
            raise not_found("order")
        if not answer.order_ids and answer.reason:
            raise Problem(409, answer.reason, "the order is done already")
        return context.answers.remember(once, _cancel_answer(answer), call.user_id)


async def cancel_orders(call: Call) -> web.Response:
    """Ask for every open order that matches to be cancelled; 202."""
    query = read_query(call.request, CancelQuery)
    context = call.context
    async with context.answers.once(call.request, b"", call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer({"order_ids": [], "durable": True, "repeated": True}, 202)
        detail = {"account_id": query.account_id, "symbol": query.symbol, "agent_id": query.agent_id}
        row = once.row(202, object_type="cancel_orders")
        record = call.record("order.cancel_all", object_type="order", detail=detail, idempotency=row)
        message = CancelOrders(
            user_id=call.user_id,
            account_id=None if query.account_id is None else AccountId(query.account_id),
            symbol=query.symbol,
            agent_id=None if query.agent_id is None else AgentId(query.agent_id),
            reason="api",
            record=record,
        )
        answer: CancelAnswer = await ask(cell_of(call).gate, message)
        return context.answers.remember(once, _cancel_answer(answer), call.user_id)


ROUTES = (
    get("/orders", list_orders),
    Route(method="POST", path="/orders", handler=place_order, role=Role.TRADER, is_order=True),
    Route(method="DELETE", path="/orders", handler=cancel_orders, role=Role.TRADER, in_emergency=True),
    get("/orders/{id}", get_order),
    Route(method="DELETE", path="/orders/{id}", handler=cancel_order, role=Role.TRADER, in_emergency=True),
    get("/orders/{id}/events", list_events),
)


def _wants_ack(query: PlaceQuery) -> bool:
    if query.wait not in (None, "ack"):
        raise wrong("wait", "ack")
    return query.wait == "ack"


def _cancel_answer(answer: CancelAnswer) -> web.Response:
    return object_answer({"order_ids": answer.order_ids, "durable": answer.durable}, 202)


async def _intent(call: Call, body: PlaceBody, once: Once) -> OrderIntent:
    """Turn a body into an intent, its prices fitting its type."""
    _require_price("price", body.price, is_wanted=body.type in PRICED_TYPES)
    _require_price("stop_price", body.stop_price, is_wanted=body.type in TRIGGERED_TYPES)
    if body.post_only and body.type is not OrderType.LIMIT:
        raise wrong("post_only", "false, since only a limit order can rest")
    account_id = AccountId(body.account_id)
    order_id = OrderId(call.ports.ids.uuid())
    # A word before each, so that a client id never meets another call's key.
    if once.key is not None:
        intent_key = f"key:{once.key}"
    else:
        intent_key = f"client:{body.client_order_id}" if body.client_order_id else str(order_id)
    return OrderIntent(
        order_id=order_id,
        user_id=call.user_id,
        account_id=account_id,
        venue=await venue_of(call, account_id),
        symbol=body.symbol,
        side=body.side,
        type=body.type,
        quantity=decimal(body.quantity, "quantity"),
        price=None if body.price is None else decimal(body.price, "price"),
        stop_price=None if body.stop_price is None else decimal(body.stop_price, "stop_price"),
        time_in_force=body.time_in_force,
        post_only=body.post_only,
        reduce_only=body.reduce_only,
        client_order_id=body.client_order_id or str(order_id),
        intent_key=intent_key,
        origin=OrderOrigin.API,
        correlation_id=call.correlation_id,
        decided_at_ns=call.ports.clock.now_ns(),
    )


def _require_price(field: str, value: str | None, *, is_wanted: bool) -> None:
    if is_wanted and value is None:
        raise wrong(field, "a price, since the type of the order has one")
    if not is_wanted and value is not None:
        raise wrong(field, "nothing, since the type of the order has none")


async def _accounts_of(call: Call, order_id: OrderId) -> list[AccountId]:
    """Return the account of an order; while the database is away, those that it may be in."""

    class Found(msgspec.Struct):
        account_id: UUID

    try:
        row = await call.context.quickly(lambda: call.ports.reads.order(call.user_id, order_id))
    except DependencyAway:
        return call.context.accounts_seen(call.user_id)
    return [] if row is None else [AccountId(msgspec.json.decode(row, type=Found).account_id)]
