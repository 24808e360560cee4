"""Amends on their way through a gate: what they add is checked like an order, and reserved before they leave."""

from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec

from actors.checks import Checks
from actors.exposures import Exposures
from actors.gate_halts import HaltingGate
from engine.domain.identifiers import CorrelationId, OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import PRICED_TYPES, TRIGGERED_TYPES
from engine.domain.values import ZERO, subtract
from engine.domain.violation import Violation
from engine.messages.orders import AmendAnswer, AmendOrder, Denial, OrderChanged, OrderIntent
from engine.runtime.actor import handles
from engine.runtime.future import AsyncioFuture

AMEND_TIMEOUT_S: Final = 30.0
"""Seconds for a router to answer an amend; it answers at once or after one commit."""
UNSUPPORTED: Final = "amend_unsupported"


class AmendTaken(msgspec.Struct, frozen=True):
    """To myself: the router has answered an amend."""

    order_id: OrderId


class AmendingGate(HaltingGate):
    """The way to change an order."""

    @handles(AmendOrder)
    def on_amend(self, message: AmendOrder) -> AsyncioFuture[AmendAnswer] | AmendAnswer:
        """Check what an amend adds to the exposure, then hand it to the router, whose answer is the answer.

        Raises:
            NotReady: The database is away, or a replay catches up.
        """
        self._require_store()
        self._require_present(message.account_id)
        router = self._routers.get(message.account_id)
        if router is None:
            return AmendAnswer(order_id=message.order_id, reason="not_found")
        order = self._exposures.amendable(message.order_id)
        if order is not None and order.account_id == message.account_id:
            if not self._checks.can_amend(message.account_id):
                return self._refuse(message, AmendAnswer(order_id=message.order_id, reason=UNSUPPORTED))
            instrument = self._instruments[order.venue, order.symbol]
            broken = _check(message, order, instrument, self._exposures, self._checks, self._cell.clock.now_ns())
            if broken is not None:
                denial = Denial(code=broken.code, limit=broken.limit, value=broken.value, message=str(broken))
                return self._refuse(message, AmendAnswer(order_id=message.order_id, denial=denial))
        reply: AsyncioFuture[AmendAnswer] = router.ask(message, timeout_s=AMEND_TIMEOUT_S)
        reply.when_done(partial(self._taken, message.order_id))
        return reply

    def _taken(self, order_id: OrderId, *_answer: Any) -> None:
        if self.actor_ref.is_alive():
            self.actor_ref.tell(AmendTaken(order_id))

    @handles(AmendTaken)
    def on_taken(self, message: AmendTaken) -> None:
        """From here on the router tells what may become of the order."""
        self._exposures.settle_amend(message.order_id)

    def _refuse(self, message: AmendOrder, answer: AmendAnswer) -> AsyncioFuture[AmendAnswer] | AmendAnswer:
        if message.record is None:
            return answer
        unit = self._cell.numbers.open(rows=message.record.rows)
        self._cell.writer.tell(unit)
        reply: AsyncioFuture[AmendAnswer] = self.new_future()
        self._hold(unit, partial(reply.set, answer))
        return reply


def _check(
    message: AmendOrder, order: OrderChanged, instrument: Instrument, exposures: Exposures, checks: Checks, now_ns: int
) -> Violation | None:
    """Return what forbids an amend; otherwise the worst of the order before and after is reserved."""
    own = message.price or order.price
    quantity = order.quantity if message.quantity is None else message.quantity
    is_stop = order.type in TRIGGERED_TYPES and order.type not in PRICED_TYPES
    price = message.stop_price or order.price if is_stop else own
    broken = checks.halted(order.account_id, order.agent_id)
    if broken is None:
        broken = _venue_rules(message, order, instrument, quantity)
    if broken is not None or price is None:
        return broken
    booked = exposures.set_aside(order.order_id)
    left = max(subtract(quantity, booked), ZERO)
    grows = quantity > order.quantity or price != order.price
    if left and grows:
        amended = _as_intent(message, order, left, now_ns)
        broken = checks.check_amend(amended, instrument, price, now_ns)
        if broken is None:
            checks.count(amended, now_ns)
    if broken is None:
        exposures.ask_amend(order.order_id, message.quantity, None if price == order.price else price)
    else:
        exposures.settle_amend(order.order_id)
    return broken


def _venue_rules(
    message: AmendOrder, order: OrderChanged, instrument: Instrument, quantity: Decimal
) -> Violation | None:
    is_limit, is_stop = order.type in PRICED_TYPES, order.type in TRIGGERED_TYPES
    # Of an order with two prices the gate knows the limit only; any price of ours is a multiple of the tick.
    broken = instrument.check_order(
        type=order.type,
        quantity=quantity,
        price=message.price or (order.price if is_limit else None),
        stop_price=message.stop_price or (order.price if is_stop else None),
        reduce_only=order.reduce_only,
    )
    return broken[0] if broken else None


def _as_intent(message: AmendOrder, order: OrderChanged, left: Decimal, now_ns: int) -> OrderIntent:
    """Return the order as it would be, for the rules: only what they look at is true."""
    is_limit, is_stop = order.type in PRICED_TYPES, order.type in TRIGGERED_TYPES
    return OrderIntent(
        order_id=order.order_id,
        user_id=order.user_id,
        account_id=order.account_id,
        venue=order.venue,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=left,
        price=message.price or (order.price if is_limit else None),
        stop_price=message.stop_price or (order.price if is_stop else None),
        reduce_only=order.reduce_only,
        client_order_id=str(order.order_id),
        intent_key=str(order.order_id),
        origin=order.origin,
        agent_id=order.agent_id,
        correlation_id=CorrelationId(order.order_id),
        decided_at_ns=now_ns,
    )
