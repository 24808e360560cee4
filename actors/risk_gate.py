"""The one way to an order: every intent of a user passes here, is checked against every rule, and reserves exposure.

The gate knows the reservations of all accounts and agents of the user, the limits and the trading states. What it
refuses becomes an order row that was never sent, with code, limit and value. Halts overtake everything else.

While the database is away nothing passes but cancels and halts.
"""

from functools import partial
from typing import Any, Final

import msgspec

from actors.gate_losses import LossGate
from actors.intent_memory import is_own_key, nothing_of
from engine.domain.errors import BadInput, DependencyAway
from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO
from engine.domain.violation import Violation
from engine.messages.orders import (
    CancelAnswer,
    CancelOrder,
    CancelOrders,
    CheckIntent,
    Denial,
    DenyOrder,
    OrderAnswer,
    OrderIntent,
    PlaceOrder,
    SubmitOrder,
)
from engine.messages.writing import WriteUnit
from engine.runtime.actor import handles
from engine.runtime.future import AsyncioFuture

CANCEL_TIMEOUT_S: Final = 30.0
"""Seconds for a router to answer a cancel; it answers at once or after one commit."""
AWAY: Final = "not_ready"
"""Code of a denial while the database is away."""


class IntentLooked(msgspec.Struct, frozen=True):
    """To myself: what the archive knows of an intent; an error if it could not be asked."""

    message: PlaceOrder
    found: OrderId | None
    reply: AsyncioFuture[OrderAnswer]
    error: Exception | None = None


class RiskGate(LossGate):
    """One per user."""

    # --- Intents ------------------------------------------------------------------------------------------------------

    @handles(PlaceOrder)
    def on_place(self, message: PlaceOrder) -> AsyncioFuture[OrderAnswer]:
        """Check a person's order. Answered when its unit, or its denial's, is durable.

        Raises:
            NotReady: The database is away, or a replay catches up.
            BadInput: The account or the instrument is unknown.
        """
        self._require_store()
        self._instrument(message.intent)
        self._require_present(message.intent.account_id)
        reply: AsyncioFuture[OrderAnswer] = self.new_future()
        if self._intents.find(message.intent) is None and is_own_key(message.intent):
            self.spawn(self._look(message, reply), name="look-up-intent")
        else:
            self._place(message, reply)
        return reply

    async def _look(self, message: PlaceOrder, reply: AsyncioFuture[OrderAnswer]) -> None:
        intent = message.intent
        found: OrderId | None = None
        failure: Exception | None = None
        try:
            found = await self._archive.find_intent(intent.account_id, intent.intent_key, intent.client_order_id)
        except DependencyAway as error:
            failure = error
        self.actor_ref.tell(IntentLooked(message, found, reply, failure))

    @handles(IntentLooked)
    def on_looked(self, message: IntentLooked) -> None:
        """Go on with an intent whose key might have been used before."""
        intent = message.message.intent
        if message.error is not None or self._is_store_away:
            message.reply.fail(message.error or self._away())
            return
        if message.found is not None:
            self._intents.keep(intent.account_id, message.found, intent.intent_key, intent.client_order_id)
        self._place(message.message, message.reply)

    def _place(self, message: PlaceOrder, reply: AsyncioFuture[OrderAnswer]) -> None:
        intent = message.intent
        unit = self._cell.numbers.open(intent.correlation_id, message.record.rows)
        first = self._intents.find(intent)
        if first is not None:
            self._cell.writer.tell(unit)
            answer = OrderAnswer(order_id=first, duplicate=True)
        else:
            denial = self._decide(intent, unit)
            answer = OrderAnswer(order_id=intent.order_id, denial=denial)
        self._hold(unit, partial(reply.set, answer))

    @handles(CheckIntent)
    def on_check(self, message: CheckIntent) -> None:
        """Check an intent of an agent or executor."""
        intent = message.intent
        if self._intents.find(intent) is not None:
            # Told twice: the first order stands, and whoever counts on this one hears that nothing comes of it.
            self._cell.writer.tell(message.unit)
            self._cell.bus.publish(nothing_of(intent), key=self._cell.user_id)
            return
        self._decide(intent, message.unit)

    def _decide(self, intent: OrderIntent, unit: WriteUnit) -> Denial | None:
        """Pass an intent on with its unit, accepted or denied."""
        router = self._routers[intent.account_id]
        instrument = self._instrument(intent)
        now_ns = self._cell.clock.now_ns()
        self._intents.keep(intent.account_id, intent.order_id, intent.intent_key, intent.client_order_id)
        price = self._checks.value_at(intent)
        denial: Denial | None = None
        if self._is_store_away:
            denial = Denial(code=AWAY, limit="the database", value="away")
        else:
            broken = self._checks.check(intent, instrument, price, now_ns)
            if broken is not None:
                denial = _denial(broken)
        if denial is not None:
            router.tell(DenyOrder(intent=intent, denial=denial, unit=unit))
            return denial
        self._checks.count(intent, now_ns)
        self._exposures.take(intent, instrument, price or ZERO)
        router.tell(SubmitOrder(intent=intent, unit=unit))
        return None

    def _instrument(self, intent: OrderIntent) -> Instrument:
        if intent.account_id not in self._routers:
            raise BadInput("account_id", expected="an account of this user", was=str(intent.account_id))
        found = self._instruments.get((intent.venue, intent.symbol))
        if found is None or intent.venue != self._venues[intent.account_id]:
            raise BadInput("symbol", expected=f"an instrument of {self._venues[intent.account_id]}", was=intent.symbol)
        return found

    # --- Cancels ------------------------------------------------------------------------------------------------------

    @handles(CancelOrder)
    def on_cancel(self, message: CancelOrder) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        """Hand a cancel to the router, whose answer is the answer."""
        router = self._routers.get(message.account_id)
        if router is None:
            return CancelAnswer(order_ids=(), reason="not_found")
        return router.ask(message, timeout_s=CANCEL_TIMEOUT_S)

    @handles(CancelOrders)
    def on_cancel_orders(self, message: CancelOrders) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        """Hand a cancel of many to every router that it concerns, and join their answers."""
        account_ids = [each for each in self._routers if message.account_id in (None, each)]
        if not account_ids:
            return CancelAnswer(order_ids=(), reason="not_found")
        first, *others = (
            # The record of the command travels once.
            self._routers[account_id].ask(
                message if place == 0 else msgspec.structs.replace(message, record=None), timeout_s=CANCEL_TIMEOUT_S
            )
            for place, account_id in enumerate(account_ids)
        )
        return first.join(*others).map(_joined)


def _denial(broken: Violation) -> Denial:
    return Denial(code=broken.code, limit=broken.limit, value=broken.value, message=str(broken))


def _joined(answers: Any) -> CancelAnswer:
    order_ids = tuple(order_id for answer in answers for order_id in answer.order_ids)
    return CancelAnswer(order_ids=order_ids, durable=all(answer.durable for answer in answers))
