"""What a client is told about an order."""

from decimal import Decimal
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer
from actors.api.problems import Problem, not_found
from engine.domain.identifiers import AccountId, OrderId
from engine.messages.orders import Denial, OrderIntent
from engine.messages.read_ports import StoredAnswer


class _Terms(msgspec.Struct):
    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None


class _DeniedRow(msgspec.Struct):
    denial_code: str | None
    denial_limit: str | None
    denial_value: str | None


def denied(denial: Denial, order_id: OrderId) -> Problem:
    """Say which rule refused the order, with its limit and the value that broke it."""
    detail = denial.message or f"the rule {denial.code} allows {denial.limit}, the order would make it {denial.value}"
    return Problem(422, denial.code, detail, limit=denial.limit, value=denial.value, order_id=str(order_id))


async def order_answer(call: Call, order_id: OrderId, status: int) -> web.Response:
    """Answer with an order's row.

    Raises:
        Problem: 404.
    """
    row = await call.ports.reads.order(call.user_id, order_id)
    if row is None:
        raise not_found("order")
    return json_answer(row, status)


async def replayed_order(call: Call, stored: StoredAnswer) -> web.Response:
    """Answer a repeated call as the first time, from the order that the first one made."""
    assert stored.object_id is not None, "expected an idempotency key of an order to name it"
    order_id = OrderId(UUID(stored.object_id))
    row = await call.ports.reads.order(call.user_id, order_id)
    if row is None:
        raise not_found("order")
    return _of_row(call, row, order_id, stored.status_code)


async def first_order(call: Call, intent: OrderIntent, order_id: OrderId) -> web.Response:
    """Answer an order whose client id or key is taken: with the first order if it is the same one.

    Raises:
        Problem: 409 if it has other terms.
    """
    row = await call.ports.reads.order(call.user_id, order_id)
    if row is None:
        raise not_found("order")
    first = msgspec.json.decode(row, type=_Terms)
    mine = _Terms(intent.symbol, intent.side, intent.type, intent.quantity, intent.price, intent.stop_price)
    if first != mine:
        detail = "the account has an order with this client_order_id and other terms"
        raise Problem(409, "client_order_id_taken", detail, order_id=str(order_id))
    return _of_row(call, row, order_id, 201)


def _of_row(call: Call, row: bytes, order_id: OrderId, status: int) -> web.Response:
    found = msgspec.json.decode(row, type=_DeniedRow)
    if found.denial_code is not None:
        denial = Denial(code=found.denial_code, limit=found.denial_limit or "", value=found.denial_value or "")
        return denied(denial, order_id).response(str(call.correlation_id))
    return json_answer(row, status)


class _Owned(msgspec.Struct):
    account_id: UUID


async def account_of(call: Call, order_id: OrderId) -> AccountId:
    """Return the account of an order.

    Raises:
        Problem: 404.
    """
    row = await call.ports.reads.order(call.user_id, order_id)
    if row is None:
        raise not_found("order")
    return AccountId(msgspec.json.decode(row, type=_Owned).account_id)
