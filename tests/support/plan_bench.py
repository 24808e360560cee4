"""Carries out the plan of one executor against a venue that does whatever a test, or chance, tells it to.

It places and cancels as the desk does, without actors: enough to see what a policy adds up to.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from actors.executors.exits import is_same
from actors.executors.plan import Plan, SlotName, View, Wanted
from actors.executors.running import Running, SlotOrder
from engine.domain.identifiers import AccountId, OrderId, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import Liquidity, OrderOrigin, OrderStatus, Side
from engine.messages.orders import Fill, OrderChanged
from engine.messages.rows_executors import ExecutorRow

START_NS = 1_700_000_000_000_000_000
ZERO = Decimal(0)


class PlanBench:
    """One executor, its market, and its orders."""

    def __init__(self, kind: str, configuration: dict[str, Any], instrument: Instrument, price: str = "100") -> None:
        row = ExecutorRow(
            id=UUID(int=1), user_id=UUID(int=2), account_id=UUID(int=3), kind=kind, symbol=instrument.symbol,
            side=str(configuration["side"]), configuration=configuration, status="active", intent_key="test",
            realized_pnl=ZERO, correlation_id=UUID(int=1), created_at=START_NS, updated_at=START_NS,
        )  # fmt: skip
        self.running = Running(row, instrument.venue, instrument)
        self.running.settings.check(instrument)
        self.instrument = instrument
        self.now_ns = START_NS
        self.price = Decimal(price)
        self.plan = Plan(wanted={})
        self.placed: list[tuple[SlotName, Wanted]] = []
        self._orders = 0
        self._trades = 0

    def view(self) -> View:
        """Return what the policy sees: one tick of spread around the price."""
        return View(
            now_ns=self.now_ns,
            started_ns=START_NS,
            instrument=self.instrument,
            slots={name: slot.view() for name, slot in self.running.slots.items()},
            bid=self.price,
            ask=self.price + self.instrument.tick_size,
            is_spot=not self.instrument.is_perpetual,
        )

    def advance(self) -> Plan:
        """Ask the policy and do what it wants."""
        plan = self.plan = self.running.policy.plan(self.view())
        for name, order in self.living():
            desired = plan.wanted.get(name)
            if desired is None or not is_same(order.living(), desired):
                order.is_cancelling = True
        for name, desired in plan.wanted.items():
            slot = self.running.slots.get(name)
            if slot is None or slot.order is None:
                self._orders += 1
                self.running.placed(name, OrderId(UUID(int=1_000 + self._orders)), desired)
                self.placed.append((name, desired))
        return plan

    def living(self) -> list[tuple[SlotName, SlotOrder]]:
        """Return every order that may still do something."""
        return [(name, slot.order) for name, slot in self.running.slots.items() if slot.order is not None]

    def order(self, name: SlotName) -> SlotOrder:
        """Return the living order of a slot."""
        found = self.running.slots[name].order
        assert found is not None, f"no order in {name}"
        return found

    def wanted(self) -> dict[SlotName, Wanted]:
        """Advance, and return what is wanted."""
        return dict(self.advance().wanted)

    # --- What the venue does ----------------------------------------------------------------------------------------

    def accept(self, name: SlotName) -> None:
        """Confirm a slot's order."""
        self._tell(self.order(name), OrderStatus.OPEN)

    def fill(self, name: SlotName, quantity: Decimal | str | None = None, price: Decimal | None = None) -> None:
        """Fill some of a slot's order, all by default, at its price."""
        order = self.order(name)
        left = order.terms.quantity - order.booked
        amount = min(left, left if quantity is None else Decimal(quantity))
        is_done = amount == left
        self._trades += 1
        at = price or order.terms.price or self.price
        fill = Fill(
            external_trade_id=str(self._trades), order_id=order.order_id, account_id=AccountId(UUID(int=3)),
            venue=self.instrument.venue, symbol=self.instrument.symbol, side=order.terms.side, price=at,
            quantity=amount, fee=ZERO, fee_asset=self.instrument.quote, liquidity=Liquidity.TAKER,
            executed_at_ns=self.now_ns,
        )  # fmt: skip
        filled = order.booked + amount
        self.running.filled(fill, self.now_ns)
        self._tell(order, OrderStatus.FILLED if is_done else OrderStatus.PARTIAL, filled)

    def end(self, name: SlotName, status: OrderStatus = OrderStatus.CANCELLED) -> None:
        """End a slot's order with what it has filled."""
        self._tell(self.order(name), status, is_done=True)

    def _tell(
        self, order: SlotOrder, status: OrderStatus, filled: Decimal | None = None, *, is_done: bool | None = None
    ) -> None:
        terms = order.terms
        done = status is OrderStatus.FILLED if is_done is None else is_done
        booked = order.booked if filled is None else filled
        self.running.changed(
            OrderChanged(
                order_id=order.order_id, user_id=UserId(UUID(int=2)), account_id=AccountId(UUID(int=3)),
                venue=self.instrument.venue, symbol=self.instrument.symbol, side=terms.side, type=terms.type,
                price=terms.price, quantity=terms.quantity, filled_quantity=booked,
                expected_quantity=booked if done else terms.quantity, status=status, is_done=done,
                origin=OrderOrigin.EXECUTOR,
            ),
            self.now_ns,
        )  # fmt: skip

    # --- What it adds up to ------------------------------------------------------------------------------------------

    def filled(self, side: Side) -> Decimal:
        """Sum of all fills of a side."""
        return sum((slot.filled for slot in self.running.slots.values() if slot.side is side), ZERO)
