"""Judges executors by a model of its own: what a plan may order, what must be guarded, what must be over when it ends.

It knows of executors what their rows, the rows of their orders and the trades say, and what the venue has done against
its word. An order's place (executor, slot, generation) is read from its intent key.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from engine.domain.instrument import Instrument
from engine.messages.rows import OrderRow, TradeRow
from engine.messages.rows_executors import ExecutorRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.rows_trades import TradeChangeRow
from engine.simulation.auditor_findings import ZERO, Findings, minus, plus
from engine.simulation.auditor_orders import Orders
from engine.simulation.auditor_plans import FLATTEN, Amounts, limits_of, wants_guard
from engine.simulation.probes import (
    EXECUTOR_ALARM,
    EXECUTOR_CRASH,
    EXECUTOR_DONE,
    EXECUTOR_FLAT,
    EXECUTOR_HALTED,
    Probes,
)

ENDED: Final = frozenset({"done", "cancelled"})
GUARD_NS: Final = 15_000_000_000
"""How long an engine that runs, and whose database answers, may leave a position unguarded without an alarm."""
ALARM: Final = "position_unprotected"
ALARM_OVER: Final = "position_protected"


class Place(NamedTuple):
    """Where an order of an executor belongs."""

    executor_id: UUID
    slot: str
    generation: int


class Executors:
    """All executors of a run, as an auditor counts them."""

    def __init__(self, findings: Findings, orders: Orders, probes: Probes) -> None:
        """Start with none."""
        self._findings = findings
        self._probes = probes
        self._orders = orders
        self._instruments: Mapping[str, Instrument] = {}
        self._venues: Mapping[str, Any] = {}
        self.rows: dict[UUID, ExecutorRow] = {}
        self._places: dict[UUID, Place] = {}
        """Order -> its place."""
        self._slots: dict[UUID, dict[str, list[UUID]]] = {}
        """Executor -> slot -> its orders, the oldest first."""
        self._gross: dict[UUID, Decimal] = {}
        """Order -> all that it has traded, also what was taken back."""
        self._refused: set[UUID] = set()
        """Orders that the venue, or its silence, has said it does not have."""
        self._since_ns: dict[UUID, int] = {}
        """Executor -> since when its position is unguarded."""
        self._alarmed: set[UUID] = set()
        self._fences: dict[UUID, int] = {}
        self._excused_until_ns = 0
        self._touched: dict[UUID, None] = {}
        self._ended: dict[UUID, None] = {}

    def use(self, instruments: Mapping[str, Instrument], venues: Mapping[str, Any]) -> None:
        """Take over what is traded, and where."""
        self._instruments = instruments
        self._venues = venues

    def excuse(self, until_ns: int) -> None:
        """Nobody can be expected to ring an alarm before then: the database or the process is not there."""
        self._excused_until_ns = max(self._excused_until_ns, until_ns)

    def died(self) -> None:
        """An engine process has died."""
        if any(row.status not in ENDED for row in self.rows.values()):
            self._probes.sometimes(EXECUTOR_CRASH)

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def row(self, row: ExecutorRow) -> None:
        """Take how an executor stands."""
        before = self.rows.get(row.id)
        self.rows[row.id] = row
        if before is None:
            return
        self._touched[row.id] = None
        if row.configuration != before.configuration or row.created_at != before.created_at:
            self._broken("E1", row, "is another plan than the one that was started")
        if before.status in ENDED and row.status != before.status:
            self._broken("E1", row, f"was {before.status} and is {row.status}")
        if row.status in ENDED and before.status not in ENDED:
            self._ended[row.id] = None
            self._probes.sometimes(EXECUTOR_DONE if row.status == "done" else "an executor that was stopped")
        if row.status == "paused" and before.status == "active" and (row.status_reason or "").startswith("halted"):
            self._probes.sometimes(EXECUTOR_HALTED)

    def order(self, row: OrderRow) -> None:
        """Take a state of an order, before the others of its unit are judged."""
        if row.executor_id is None:
            return
        if row.done_reason in ("rejected", "never_existed", "denied"):
            self._refused.add(row.id)
        place = self._places.get(row.id) or self._first(row, row.executor_id)
        self._touched[place.executor_id] = None

    def trade(self, row: TradeRow) -> None:
        """Take a trade."""
        place = self._places.get(row.order_id)
        if place is not None:
            self._gross[row.order_id] = plus(self._gross.get(row.order_id, ZERO), row.quantity)
            self._touched[place.executor_id] = None

    def change(self, row: TradeChangeRow) -> None:
        """Take that a trade counts no more; one in whose place another has come was never there."""
        trade = self._orders.trade_ids.get(row.id)
        if trade is None or row.voided_by is None or trade.order_id not in self._places:
            return
        if row.voided_by != row.id:
            self._gross[trade.order_id] = minus(self._gross.get(trade.order_id, ZERO), trade.quantity)
        self._touched[self._places[trade.order_id].executor_id] = None

    def alert(self, row: RiskAlertRow) -> None:
        """Take an alarm."""
        executor_id = UUID(row.data["executor_id"]) if row.data and "executor_id" in row.data else None
        if executor_id is None:
            return
        if row.alert_type == ALARM:
            self._alarmed.add(executor_id)
            self._probes.sometimes(EXECUTOR_ALARM)
        elif row.alert_type == ALARM_OVER:
            self._alarmed.discard(executor_id)

    def _first(self, row: OrderRow, executor_id: UUID) -> Place:
        """A place is taken once, and only when the order before it has ended."""
        place = self._places[row.id] = _place_of(row)
        executor = self.rows.get(executor_id)
        if place.executor_id != executor_id:
            self._findings.broken("E1", f"order {row.id} of executor {executor_id} has the key {row.intent_key}")
        elif executor is None:
            self._findings.broken("E1", f"order {row.id} of executor {executor_id}, which is not stored")
        elif executor.status in ENDED and executor_id not in self._ended:
            self._broken("E4", executor, f"orders {place.slot} {place.generation} after its end")
        slot = self._slots.setdefault(executor_id, {}).setdefault(place.slot, [])
        for earlier in slot:
            before = self._orders.rows[earlier]
            if before.lifecycle != "done" and executor is not None:
                self._broken("E1", executor, f"{place.slot} {place.generation} is ordered while {earlier} lives")
            if self._places[earlier].generation >= place.generation and executor is not None:
                self._broken("E1", executor, f"{place.slot} {place.generation} comes after a later one")
        slot.append(row.id)
        return place

    # --- The end of a unit --------------------------------------------------------------------------------------------

    def end_of_unit(self, user_id: UUID, fence: int | None) -> None:
        """Judge what the unit has changed, and whether a position of its user is guarded."""
        if not self.rows:
            return
        touched, self._touched = self._touched, {}
        ended, self._ended = self._ended, {}
        for executor_id in touched:
            row = self.rows.get(executor_id)
            if row is not None:
                self._judge_amounts(row)
                self._note_guard(row)
        for executor_id in ended:
            self._judge_end(self.rows[executor_id])
        if fence is not None:
            self._look_at_guards(user_id, fence)

    def _amounts(self, row: ExecutorRow) -> dict[str, Amounts]:
        """Add up the slots of an executor."""
        found: dict[str, Amounts] = {}
        for slot, order_ids in self._slots.get(row.id, {}).items():
            net = gross = used = ZERO
            for order_id in order_ids:
                order, filled = self._orders.rows[order_id], self._orders.filled.get(order_id, ZERO)
                net, gross = plus(net, filled), plus(gross, self._gross.get(order_id, ZERO))
                used = plus(used, filled if order.lifecycle == "done" else max(order.quantity, filled))
            found[slot] = Amounts(self._orders.rows[order_ids[0]].side == row.side, net, gross, used)
        return found

    def _judge_amounts(self, row: ExecutorRow) -> None:
        """Never is more on its way, or traded, than the plan says."""
        for what, used, most in limits_of(row, self._amounts(row)):
            if used > most and used > plus(most, self._beyond_word(row)):
                self._broken("E2", row, f"{what}: {used} is ordered or traded, the plan says {most}")

    def _beyond_word(self, row: ExecutorRow) -> Decimal:
        """Return what the venue has traded of its orders against its word: beyond their size, end or refusal."""
        extra = ZERO
        for order_id in (each for slot in self._slots[row.id].values() for each in slot):
            order = self._orders.rows[order_id]
            truth = self._venues[order.exchange].truth
            theirs = truth.find(order.account_id, order.venue_client_id)
            if theirs is None:
                continue
            late = [
                each for each in theirs.trades if theirs.ended_at_ns is not None and each.at_ns > theirs.ended_at_ns
            ]
            for trade in theirs.trades if order_id in self._refused else late:
                extra = plus(extra, trade.quantity)
            extra = plus(extra, max(minus(theirs.executed, theirs.quantity), ZERO))
        return extra

    # --- Guards -------------------------------------------------------------------------------------------------------

    def _unguarded(self, row: ExecutorRow) -> Decimal:
        """Return what an executor holds and no stop at the venue guards."""
        amounts, guard = self._amounts(row), ZERO
        held = ZERO
        for each in amounts.values():
            held = plus(held, each.net if each.opens else minus(ZERO, each.net))
        for order_id in self._slots.get(row.id, {}).get("stop", []):
            order = self._orders.rows[order_id]
            if order.lifecycle == "working":
                guard = plus(guard, minus(order.quantity, order.filled_quantity))
        return max(minus(held, guard), ZERO)

    def _note_guard(self, row: ExecutorRow) -> None:
        is_open = row.status not in ENDED and row.status != "stopping" and wants_guard(row)
        if is_open and self._unguarded(row):
            self._since_ns.setdefault(row.id, self._findings.now_ns)
        else:
            self._since_ns.pop(row.id, None)

    def _look_at_guards(self, user_id: UUID, fence: int) -> None:
        """A position without its stop has an alarm, as soon as an engine has had the time for it."""
        now_ns = self._findings.now_ns
        if self._fences.get(user_id) != fence:
            self._fences[user_id] = fence
            for executor_id in self._since_ns:
                if self.rows[executor_id].user_id == user_id:
                    self._since_ns[executor_id] = now_ns
        for executor_id, since_ns in self._since_ns.items():
            row = self.rows[executor_id]
            late_ns = now_ns - max(since_ns, self._excused_until_ns)
            if row.user_id == user_id and late_ns > GUARD_NS and executor_id not in self._alarmed:
                self._broken("E3", row, f"{self._unguarded(row)} unguarded for {late_ns // 10**9} s without an alarm")

    # --- Ends ---------------------------------------------------------------------------------------------------------

    def _judge_end(self, row: ExecutorRow) -> None:
        """Nothing lives of an executor that has ended, and it has come to what it says."""
        for slot, order_ids in self._slots.get(row.id, {}).items():
            for order_id in order_ids:
                order = self._orders.rows[order_id]
                if order.lifecycle != "done":
                    self._broken("E4", row, f"has ended, {slot} order {order_id} is {order.lifecycle}")
        amounts = self._amounts(row)
        if FLATTEN in amounts and amounts[FLATTEN].net:
            self._probes.sometimes(EXECUTOR_FLAT)
        for slot, each in amounts.items():
            shown = Decimal(str(((row.slots or {}).get(slot) or {}).get("filled", 0)))
            if shown != each.net and abs(minus(shown, each.net)) > self._beyond_word(row):
                self._broken("E4", row, f"says that {slot} has filled {shown}, its trades are {each.net}")
        self._judge_reason(row, amounts)

    def _judge_reason(self, row: ExecutorRow, amounts: dict[str, Amounts]) -> None:
        entered = plus(ZERO, sum((each.net for each in amounts.values() if each.opens), ZERO))
        left = plus(ZERO, sum((each.net for each in amounts.values() if not each.opens), ZERO))
        held, step = minus(entered, left), self._instruments[row.symbol].step_size
        extra = self._beyond_word(row) if amounts else ZERO
        if row.status_reason in ("stopped", "target_reached") and abs(held) >= plus(step, extra):
            self._broken("E4", row, f"{row.status_reason}, and holds {held}")
        elif row.status_reason == "not_entered" and entered > extra:
            self._broken("E4", row, f"not entered, and has bought or sold {entered}")
        elif row.status_reason == "filled" and entered < minus(Decimal(row.configuration["quantity"]), extra):
            self._broken("E4", row, f"filled, and has come to {entered} of {row.configuration['quantity']}")

    def unsettled(self) -> Iterator[tuple[str, str]]:
        """Tell which executors have not ended; everybody has gone home."""
        for row in self.rows.values():
            if row.status not in ENDED:
                yield "E4", f"executor {row.id} ({row.kind}) is still {row.status}: {row.status_reason}"

    def _broken(self, invariant: str, row: ExecutorRow, detail: str) -> None:
        self._findings.broken(invariant, f"executor {row.id} ({row.kind} {row.side} {row.symbol}): {detail}")


def _place_of(row: OrderRow) -> Place:
    kind, executor_id, rest = row.intent_key.split(":", 2)
    slot, _, generation = rest.rpartition(":")
    assert kind == "executor", f"expected the key of an executor's order, was {row.intent_key}"
    return Place(UUID(executor_id), slot, int(generation))
