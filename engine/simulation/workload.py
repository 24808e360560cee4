"""The people of a run: they place, cancel and amend, halt and resume, and ask again until they are answered.

They live outside of every engine process, as clients of the API do. A command without an answer is asked again under
the same key: that is what keys are for.
"""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, AgentId, OrderId, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Scope, Side
from engine.messages.orders import AmendOrder, CancelAnswer, CancelOrder, CancelOrders
from engine.messages.risk import Halt, HaltAnswer, Resume
from engine.messages.rows import AgentRow, OrderRow, PositionRow
from engine.messages.rows_people import LimitRow
from engine.messages.signals import StopAgent
from engine.runtime.entropy import Rng
from engine.simulation.auditor_promises import Promises
from engine.simulation.ports import Ground, Setting
from engine.simulation.workload_asking import Nothing, ask, attempt
from engine.simulation.workload_executors import ExecutorPeople
from engine.simulation.workload_orders import Wish, draw_order, record_of
from engine.simulation.workload_setting import ANNA, ANNA_MARGIN, ANNA_SPOT, BERT, BERT_MARGIN, draw_setting

NS_PER_S: Final = 1_000_000_000
AGAIN_NS: Final = NS_PER_S
CLIENTS: Final = 2
"""People of one account who act at the same time."""
OWNERS: Final = {ANNA_SPOT: ANNA, ANNA_MARGIN: ANNA, BERT_MARGIN: BERT}
ACTIONS: Final = {
    "place": 60, "cancel": 18, "amend": 9, "again": 5, "cancel_all": 3, "halt": 2, "pause": 3,
}  # fmt: skip
"""How often each is drawn, in parts of the sum."""
NO_ROOM: Final = frozenset({"position_size", "position_notional", "open_orders"})
"""Denials that must not come when nothing is open and there is room."""


class People:
    """Everybody who trades by hand in one run; a `Workload`."""

    def __init__(self, promises: Promises, seed: int | str = 0) -> None:
        """Report what is asked and answered to `promises`; `seed` draws what they tell executors."""
        self._promises = promises
        self._counts: Counter[str] = Counter()
        self._instruments: dict[UUID, list[Instrument]] = {}
        self._pace_ns = NS_PER_S
        self._wishes: list[Wish] = []
        self._known: dict[AccountId, list[OrderId]] = {}
        self._is_agents_stopped = False
        self._is_room_checked: dict[AccountId, None] = {}
        self._executors = ExecutorPeople(seed, OWNERS, self._instruments)

    def setting(self, rng: Rng, start_ns: int) -> Setting:
        """Draw who trades what, and how busily."""
        setting = draw_setting(rng, start_ns)
        self._pace_ns = rng.choice((NS_PER_S // 2, NS_PER_S, 2 * NS_PER_S))
        by_symbol = {each.symbol: each for each in setting.instruments}
        self._instruments |= {
            ANNA_SPOT: [by_symbol["BTC/USDT"]],
            ANNA_MARGIN: [by_symbol["ETH/USDT:USDT"]],
            BERT_MARGIN: [by_symbol["SOL/USDT:USDT"]],
        }
        return setting

    def counts(self) -> dict[str, int]:
        """Return what was done, by kind."""
        return dict(sorted((self._counts + self._executors.counts).items()))

    # --- The storm ----------------------------------------------------------------------------------------------------

    async def storm(self, ground: Ground, duration_ns: int) -> None:
        """Act for so long, then wait for what is not answered yet."""
        until_ns = ground.clock.now_ns() + duration_ns
        people = [(account_id, number) for account_id in OWNERS for number in range(CLIENTS)]
        acts = [self._act(ground, account_id, number, until_ns) for account_id, number in people]
        if self._executors.exists:
            acts.append(self._executors.storm(ground, until_ns))
        await asyncio.gather(*acts)

    async def _act(self, ground: Ground, account_id: AccountId, number: int, until_ns: int) -> None:
        rng = ground.rng
        for step in range(1, 1_000_000):
            await ground.clock.sleep(rng.randrange(self._pace_ns // 4, self._pace_ns * 2))
            if ground.clock.now_ns() >= until_ns:
                return
            action = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            self._counts[action] += 1
            await self._do(ground, action, account_id, f"{account_id.hex[-2:]}-{number}-{step}")

    async def _do(self, ground: Ground, action: str, account_id: AccountId, key: str) -> None:
        if action == "place":
            await self._place(ground, self._wish(ground, account_id, key))
        elif action == "again" and self._wishes:
            await self._place(ground, ground.rng.choice(self._wishes))
        elif action == "cancel":
            await self._cancel(ground, account_id)
        elif action == "cancel_all":
            await self._cancel_all(ground, OWNERS[account_id], account_id)
        elif action == "amend":
            await self._amend(ground, account_id)
        elif action == "halt":
            await self._halt(ground, account_id)

    def _wish(self, ground: Ground, account_id: AccountId, key: str) -> Wish:
        instrument = ground.rng.choice(self._instruments[account_id])
        price = _price(ground, instrument)
        fields = draw_order(ground.rng, instrument, price)
        wish = Wish(OWNERS[account_id], account_id, instrument, key, fields)
        self._wishes.append(wish)
        return wish

    # --- Orders -------------------------------------------------------------------------------------------------------

    async def _place(self, ground: Ground, wish: Wish) -> None:
        """Ask for an order, and again until somebody answers."""
        while True:
            self._promises.asked(wish.account_id, wish.key)
            try:
                answer = await ask(ground, wish.user_id, wish.message(ground))
            except Nothing:
                self._counts["asked again"] += 1
                await ground.clock.sleep(AGAIN_NS + ground.rng.randrange(AGAIN_NS))
                continue
            except BadInput:
                self._promises.refused(wish.key)
                self._counts["refused"] += 1
                return
            self._promises.answered(wish.key, answer)
            if answer.denial is not None:
                self._counts[f"denied {answer.denial.code}"] += 1
            else:
                self._counts["duplicate" if answer.duplicate else "accepted"] += 1
                self._known.setdefault(wish.account_id, []).append(answer.order_id)
            return

    async def _cancel(self, ground: Ground, account_id: AccountId) -> None:
        known = self._known.get(account_id, [])[-10:]
        if not known:
            return
        user_id = OWNERS[account_id]
        message = CancelOrder(
            user_id=user_id,
            account_id=account_id,
            order_id=ground.rng.choice(known),
            reason="asked for",
            record=record_of(ground.ids, user_id, ground.clock.now_ns()),
        )
        self._heard(await attempt(ground, user_id, message))

    async def _cancel_all(self, ground: Ground, user_id: UserId, account_id: AccountId | None) -> bool:
        message = CancelOrders(
            user_id=user_id,
            account_id=account_id,
            reason="all",
            record=record_of(ground.ids, user_id, ground.clock.now_ns()),
        )
        return self._heard(await attempt(ground, user_id, message))

    def _heard(self, answer: Any) -> bool:
        if isinstance(answer, CancelAnswer):
            self._promises.cancel_answered(answer)
            self._counts["cancelled"] += len(answer.order_ids)
        return answer is not None

    async def _amend(self, ground: Ground, account_id: AccountId) -> None:
        rows: Any = [ground.tables.get(OrderRow, order_id) for order_id in self._known.get(account_id, [])[-10:]]
        working: list[OrderRow] = [row for row in rows if row is not None and row.lifecycle == "working"]
        if not working:
            return
        rng, row = ground.rng, ground.rng.choice(working)
        instrument = self._instruments[account_id][0]
        quantity = row.quantity + instrument.step_size * rng.randrange(-5, 20)
        price = row.price and row.price + instrument.tick_size * rng.randrange(-20, 20)
        changes: dict[str, Decimal] = {}
        if quantity > row.filled_quantity and rng.random() < 0.7:
            changes["quantity"] = quantity
        if (
            price is not None
            and price > 0
            and row.type == OrderType.LIMIT.value
            and (not changes or rng.random() < 0.5)
        ):
            changes["price"] = price
        if not changes:
            return
        user_id = OWNERS[account_id]
        message = AmendOrder(
            user_id=user_id,
            account_id=account_id,
            order_id=OrderId(row.id),
            reason="asked for",
            record=record_of(ground.ids, user_id, ground.clock.now_ns()),
            **changes,
        )
        if await attempt(ground, user_id, message) is not None:
            self._counts["amend answered"] += 1

    # --- Halts --------------------------------------------------------------------------------------------------------

    async def _halt(self, ground: Ground, account_id: AccountId) -> None:
        """Halt a scope, watch, and resume it for sure."""
        rng, user_id = ground.rng, OWNERS[account_id]
        scopes: list[tuple[Scope, UUID]] = [(Scope.USER, user_id), (Scope.ACCOUNT, account_id)]
        scopes += [
            (Scope.AGENT, _column(row, "id"))
            for row in ground.tables.rows(AgentRow)
            if _column(row, "account_id") == account_id
        ]
        scope, scope_id = rng.choice(scopes)
        named = None if scope is Scope.USER else scope_id
        record = record_of(ground.ids, user_id, ground.clock.now_ns())
        halt = Halt(user_id=user_id, scope=scope, scope_id=named, reason="look", record=record)
        over = self._promises.halt_asked(scope, scope_id)
        answer = await attempt(ground, user_id, halt)
        if isinstance(answer, HaltAnswer):
            self._promises.halt_answered(scope, scope_id, answer, over)
            self._counts["halted"] += 1
        await ground.clock.sleep(rng.randrange(NS_PER_S, 6 * NS_PER_S))
        await self._resume(ground, user_id, scope, scope_id)

    async def _resume(self, ground: Ground, user_id: UserId, scope: Scope, scope_id: UUID) -> None:
        self._promises.resume_asked(scope, scope_id)
        named = None if scope is Scope.USER else scope_id
        while True:
            record = record_of(ground.ids, user_id, ground.clock.now_ns())
            resume = Resume(user_id=user_id, scope=scope, scope_id=named, reason="looked", record=record)
            if await attempt(ground, user_id, resume) is not None:
                self._promises.resume_answered(scope, scope_id)
                self._counts["resumed"] += 1
                return
            await ground.clock.sleep(AGAIN_NS)

    # --- Going home ---------------------------------------------------------------------------------------------------

    async def calm(self, ground: Ground) -> None:
        """Stop the agents, cancel what is open, and when nothing is, see that there is room as before."""
        if not self._is_agents_stopped:
            self._is_agents_stopped = await self._stop_agents(ground)
        await self._executors.calm(ground)
        for user_id in (ANNA, BERT):
            await self._cancel_all(ground, user_id, None)
        await ground.clock.sleep(2 * NS_PER_S)
        if self._is_agents_stopped:
            for account_id in OWNERS:
                is_over = self._executors.is_over(ground, account_id)
                if is_over and account_id not in self._is_room_checked and _is_quiet(ground, account_id):
                    await self._check_room(ground, account_id)

    async def _stop_agents(self, ground: Ground) -> bool:
        answers = []
        for row in list(ground.tables.rows(AgentRow)):
            user_id = UserId(_column(row, "user_id"))
            message = StopAgent(user_id=user_id, agent_id=AgentId(_column(row, "id")))
            answers.append(await attempt(ground, user_id, message, door="coordinator"))
        return all(answer is not None for answer in answers)

    async def _check_room(self, ground: Ground, account_id: AccountId) -> None:
        """An order as large as the limit allows must pass: nothing that is over may still be reserved."""
        instrument = self._instruments[account_id][0]
        limit = _limit_of(ground, account_id)
        size = _size(ground, instrument, account_id)
        if size != _booked_size(ground, instrument, account_id):
            return  # A fill is still on its way.
        side = Side.SELL if size > 0 else Side.BUY
        quantity = limit + abs(size)
        if not instrument.is_perpetual:
            side, quantity = Side.BUY, limit - size
        if quantity < instrument.min_quantity:
            return
        price = _price(ground, instrument)
        far = price * Decimal("0.9") if side is Side.BUY else price * Decimal("1.1")
        fields = {
            "side": side,
            "quantity": quantity,
            "type": OrderType.LIMIT,
            "price": far // instrument.tick_size * instrument.tick_size,
        }
        key = f"room-{account_id.hex[-2:]}"
        wish = Wish(OWNERS[account_id], account_id, instrument, key, fields)
        self._is_room_checked[account_id] = None
        self._promises.asked(account_id, key)
        answer = await attempt(ground, wish.user_id, wish.message(ground))
        if answer is None:
            self._promises.refused(key)
            return
        self._promises.answered(key, answer)
        self._counts["room checked"] += 1
        if answer.denial is not None and answer.denial.code in NO_ROOM:
            self._promises.no_room(account_id, f"{side} {quantity} {instrument.symbol}", str(answer.denial))


def _column(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def _price(ground: Ground, instrument: Instrument) -> Decimal:
    """Return the price of a symbol at its venue now."""
    price: Decimal = ground.venues[instrument.venue].truth.prices[instrument.symbol]
    return price


def _limit_of(ground: Ground, account_id: AccountId) -> Decimal:
    found: Decimal = next(
        row.limit_value
        for row in ground.tables.rows(LimitRow)
        if row.account_id == account_id and row.limit_type == "position_size"
    )
    return found


def _size(ground: Ground, instrument: Instrument, account_id: AccountId) -> Decimal:
    """Return the true position."""
    truth = ground.venues[instrument.venue].truth
    trades = [each for each in truth.trades_of.get(account_id, []) if each.symbol == instrument.symbol]
    held = [each for each in trades if not each.is_void]
    return sum((each.quantity * each.order.side.sign for each in held), Decimal(0))


def _booked_size(ground: Ground, instrument: Instrument, account_id: AccountId) -> Decimal:
    """Return the position as it is stored."""
    for row in ground.tables.rows(PositionRow):
        if row.account_id == account_id and row.symbol == instrument.symbol:
            size: Decimal = row.size
            return size
    return Decimal(0)


def _is_quiet(ground: Ground, account_id: AccountId) -> bool:
    """Whether nothing of an account is open, here or at its venue."""
    rows = [row for row in ground.tables.rows(OrderRow) if row.account_id == account_id]
    accounts = [
        venue.truth.accounts[account_id] for venue in ground.venues.values() if account_id in venue.truth.accounts
    ]
    return all(row.lifecycle == "done" for row in rows) and not any(each.open_orders for each in accounts)
