"""Orders: change one that rests at the venue."""

from aiohttp import web

from actors.api.call import Call, object_answer
from actors.api.commands import ask, cell_of
from actors.api.decode import Body, decimal, path_id, read_body, wrong
from actors.api.idempotency import Once
from actors.api.order_answers import account_of, denied
from actors.api.problems import Problem, not_found
from actors.api.routing import Route
from engine.domain.identifiers import OrderId
from engine.domain.kinds import Role
from engine.messages.orders import AmendAnswer, AmendOrder


class AmendBody(Body, frozen=True, kw_only=True):
    """`PATCH /orders/{id}`: what is absent stays as it is."""

    quantity: str | None = None
    """The whole quantity afterwards, what is filled included."""
    price: str | None = None
    stop_price: str | None = None


async def amend_order(call: Call) -> web.Response:
    """Ask the venue to change an order; 202 once the request is committed."""
    order_id = OrderId(path_id(call.request))
    body, raw = await read_body(call.request, AmendBody)
    if body.quantity is None and body.price is None and body.stop_price is None:
        raise wrong("quantity", "a new quantity, price or stop_price")
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer({"order_id": order_id, "repeated": True}, 202)
        return context.answers.remember(once, await _amend(call, order_id, body, once), call.user_id)


async def _amend(call: Call, order_id: OrderId, body: AmendBody, once: Once) -> web.Response:
    account_id = await account_of(call, order_id)
    detail = {"quantity": body.quantity, "price": body.price, "stop_price": body.stop_price}
    row = once.row(202, object_type="amend", object_id=order_id)
    message = AmendOrder(
        user_id=call.user_id,
        account_id=account_id,
        order_id=order_id,
        quantity=None if body.quantity is None else decimal(body.quantity, "quantity"),
        price=None if body.price is None else decimal(body.price, "price"),
        stop_price=None if body.stop_price is None else decimal(body.stop_price, "stop_price"),
        reason="api",
        record=call.record("order.amend", object_type="order", object_id=order_id, detail=detail, idempotency=row),
    )
    answer: AmendAnswer = await ask(cell_of(call).gate, message)
    if answer.denial is not None:
        return denied(answer.denial, order_id).response(str(call.correlation_id))
    if answer.reason == "not_found":
        raise not_found("order")
    if answer.request_id is None:
        raise Problem(409, answer.reason, "the order cannot be changed so")
    return object_answer({"order_id": order_id, "request_id": answer.request_id}, 202)


ROUTES = (Route(method="PATCH", path="/orders/{id}", handler=amend_order, role=Role.TRADER, is_order=True),)
