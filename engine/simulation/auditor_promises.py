"""Judges what people are told: an answer is true when it is given, and every command gets exactly one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from engine.domain.kinds import Scope, TradingState
from engine.messages.orders import CancelAnswer, OrderAnswer
from engine.messages.risk import HaltAnswer
from engine.messages.rows import TradingStateRow
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_orders import Orders
from engine.simulation.probes import DUPLICATE_KEY, HALT_WITH_ORDERS, Probes

Covered = tuple[str, UUID]
"""Scope and its id."""
WIDE: Final = (Scope.ENGINE.value, Scope.USER.value)


@dataclass(slots=True)
class _Asked:
    """One order that a person has asked for, under one key, however often."""

    account_id: UUID
    order_id: UUID | None = None


class Promises:
    """What was asked and answered; the workload reports it, whichever process gave the answer."""

    __slots__ = (
        "_asked",
        "_findings",
        "_orders",
        "_probes",
        "_resumes",
        "_resumes_answered",
        "_spoken",
        "_stored",
        "answers",
    )

    def __init__(self, findings: Findings, orders: Orders, probes: Probes) -> None:
        """Start before the first word."""
        self._findings = findings
        self._orders = orders
        self._probes = probes
        self._asked: dict[str, _Asked] = {}
        self._stored: dict[Covered, TradingStateRow] = {}
        self._spoken: dict[Covered, TradingState] = {}
        """Halts that were answered and that nobody has asked to lift."""
        self._resumes: Counter[Covered] = Counter()
        """Resumes that were asked: one without an answer may still lift a halt that was asked after it."""
        self._resumes_answered: Counter[Covered] = Counter()
        self.answers = 0

    # --- Orders -------------------------------------------------------------------------------------------------------

    def asked(self, account_id: UUID, key: str) -> None:
        """A person asks for an order, or asks again with the same key."""
        self._asked.setdefault(key, _Asked(account_id))
        self._findings.saw("asked", key)

    def answered(self, key: str, answer: OrderAnswer) -> None:
        """The engine has answered: the order is stored under this key, and it is always the same."""
        self.answers += 1
        self._findings.saw("answered", key, answer.order_id, answer.denial and answer.denial.code)
        asked = self._asked[key]
        if answer.duplicate:
            self._probes.sometimes(DUPLICATE_KEY)
        if asked.order_id is not None and asked.order_id != answer.order_id:
            self._findings.broken("I15", f"{key} was answered with {asked.order_id}, then with {answer.order_id}")
        asked.order_id = answer.order_id
        stored = self._orders.intents.get((asked.account_id, key))
        row = self._orders.rows.get(answer.order_id)
        if answer.denial is not None:
            # Denials may be folded into one row; then the key is that of the last.
            if row is not None and row.done_reason != "denied":
                self._findings.broken("I15", f"{key} was answered as denied, order {row.id} is {row.status}")
        elif stored != answer.order_id:
            self._findings.broken("I3", f"{key} was answered with order {answer.order_id}, stored is {stored}")

    def refused(self, key: str) -> None:
        """The engine has said, finally, that nothing comes of it."""
        self._asked.pop(key, None)

    def open_keys(self) -> list[str]:
        """Return the keys that have no answer yet."""
        return [key for key, asked in self._asked.items() if asked.order_id is None]

    def no_room(self, account_id: UUID, order: str, denial: str) -> None:
        """Nothing is open, the position is within its limit, and what would still fit was denied.

        What a venue has counted and not shown yet is reserved rightly; it will be asked again.
        """
        if any(row.missing_quantity for row in self._orders.rows.values() if row.account_id == account_id):
            return
        self._findings.broken("I9", f"{account_id}: {order} fits and was denied, something is still reserved: {denial}")

    def cancel_answered(self, answer: CancelAnswer) -> None:
        """The engine has answered a cancel: what it names has a request that is stored, or has ended."""
        self.answers += 1
        if not answer.durable:
            return
        requested = {row.order_id for row in self._orders.requests.values()} if answer.order_ids else ()
        for order_id in answer.order_ids:
            row = self._orders.rows.get(order_id)
            if row is None or (order_id not in requested and row.lifecycle != "done"):
                self._findings.broken("I3", f"a cancel of order {order_id} was answered and is not stored")

    # --- Halts --------------------------------------------------------------------------------------------------------

    def state(self, row: TradingStateRow) -> None:
        """A halt or resume is stored. A resume was asked by somebody: before or after the halt that it lifts."""
        covered = (row.scope, row.scope_id)
        self._stored[covered] = row
        if row.state == TradingState.ACTIVE.value and self._resumes[covered] > self._resumes_answered[covered]:
            self._spoken.pop(covered, None)

    def halt_asked(self, scope: Scope, scope_id: UUID) -> int:
        """Somebody halts a scope; return what to give back with the answer: how many resumes are over by now."""
        self._findings.saw("halt asked", scope.value, scope_id)
        return self._resumes_answered[scope.value, scope_id]

    def halt_answered(self, scope: Scope, scope_id: UUID, answer: HaltAnswer, resumes_over: int | None = None) -> None:
        """A halt was acknowledged: from now on no new order leaves in its scope.

        Args:
            scope: What is halted.
            scope_id: Its id.
            answer: The acknowledgement.
            resumes_over: What `halt_asked` has returned; None if the halt was asked just now.
        """
        self.answers += 1
        covered = (scope.value, scope_id)
        self._findings.saw("halt answered", *covered, answer.durable)
        if answer.cancels_requested:
            self._probes.sometimes(HALT_WITH_ORDERS)
        row = self._stored.get(covered)
        over = self._resumes_answered[covered] if resumes_over is None else resumes_over
        is_lifted = row is not None and row.state == TradingState.ACTIVE.value
        if is_lifted and answer.durable and self._resumes[covered] > over:
            return  # Somebody else's resume, asked at the same time, came behind it and is stored as well.
        self._spoken[covered] = answer.state
        if answer.durable and (row is None or row.state != answer.state.value):
            self._findings.broken("I12", f"the halt of {scope.value} {scope_id} was answered and is not stored")

    def resume_asked(self, scope: Scope, scope_id: UUID) -> None:
        """Somebody wants to lift a halt; it may be lifted from now on."""
        self._findings.saw("resume asked", scope.value, scope_id)
        self._spoken.pop((scope.value, scope_id), None)
        self._resumes[scope.value, scope_id] += 1

    def resume_answered(self, scope: Scope, scope_id: UUID) -> None:
        """A resume was acknowledged: what is halted from now on stays so until somebody asks again."""
        self._findings.saw("resume answered", scope.value, scope_id)
        self._resumes_answered[scope.value, scope_id] += 1

    def died(self) -> None:
        """An engine has died: a halt that was in force and not stored is not in force any more."""
        for covered in list(self._spoken):
            row = self._stored.get(covered)
            if row is None or row.state == TradingState.ACTIVE.value:
                del self._spoken[covered]

    def halted(self, user_id: UUID, account_id: UUID, agent_id: UUID | None) -> str | None:
        """Return the scope by which no new order of this kind may leave; None if it may."""
        if not self._spoken:
            return None
        keys: Iterable[Covered] = [(scope, user_id) for scope in WIDE]
        keys = [*keys, (Scope.ACCOUNT.value, account_id)]
        if agent_id is not None:
            keys.append((Scope.AGENT.value, agent_id))
        for key in keys:
            if self._spoken.get(key) is TradingState.HALTED:
                return key[0]
        return None
