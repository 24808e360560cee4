"""The people of a run who leave the work to executors: they start plans, pause, resume and stop them.

They have streams of chance of their own, so that what everybody else does stays the same with and without them.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from actors.executors.settings import ExecutorSettings
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, ExecutorId, UserId
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO
from engine.messages.executors import ExecutorAnswer, PauseExecutor, ResumeExecutor, StartExecutor, StopExecutor
from engine.messages.rows_executors import ExecutorRow
from engine.runtime.entropy import Ids, Rng, seeded_rng
from engine.simulation.ports import Ground
from engine.simulation.workload_asking import Nothing, ask
from engine.simulation.workload_orders import record_of
from engine.simulation.workload_plans import draw_plan, ends_by_itself

NS_PER_S: Final = 1_000_000_000
ACTIONS: Final = {"start": 10, "stop": 3, "pause": 2, "resume": 4}
"""How often each is drawn, in parts of the sum."""
LIVING: Final = frozenset({"active", "paused", "stopping", "error"})
LIVING_MAX: Final = 3
"""Plans of one account at a time."""


class ExecutorPeople:
    """Everybody who uses executors in one run; in about half of the seeds there is nobody."""

    def __init__(self, seed: int | str, owners: Mapping[AccountId, UserId], instruments: Mapping[UUID, Any]) -> None:
        """Draw whether there is anybody, and how busy they are.

        Args:
            seed: Of the run.
            owners: Account -> user.
            instruments: Account -> what it trades, filled in when the setting is drawn.
        """
        rng = seeded_rng(f"{seed}/executors")
        self.exists = rng.random() < 0.5
        self._pace_ns = rng.choice((2, 4, 8)) * NS_PER_S
        self._owners = owners
        self._instruments = instruments
        self._rngs = {account_id: seeded_rng(f"{seed}/executors/{account_id}") for account_id in owners}
        self._ids_rng = seeded_rng(f"{seed}/executors/ids")
        self._stopped: dict[UUID, bool] = {}
        """Executors that were told to end when everybody goes home -> whether they are to close their position."""
        self.counts: Counter[str] = Counter()

    async def storm(self, ground: Ground, until_ns: int) -> None:
        """Act for every account until then."""
        if self.exists:
            await asyncio.gather(*(self._act(ground, account_id, until_ns) for account_id in self._owners))

    async def _act(self, ground: Ground, account_id: AccountId, until_ns: int) -> None:
        rng, ids = self._rngs[account_id], Ids(ground.clock, self._ids_rng)
        while True:
            await ground.clock.sleep(rng.randrange(self._pace_ns // 4, self._pace_ns * 2))
            if ground.clock.now_ns() >= until_ns:
                return
            action = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            if action == "start":
                await self._start(ground, account_id, rng, ids)
            else:
                await self._change(ground, account_id, rng, action)

    # --- Commands -----------------------------------------------------------------------------------------------------

    async def _start(self, ground: Ground, account_id: AccountId, rng: Rng, ids: Ids) -> None:
        """Start one plan. Without an answer nobody knows whether it runs; the next look will tell."""
        instrument: Instrument = rng.choice(self._instruments[account_id])
        price = ground.venues[instrument.venue].truth.prices[instrument.symbol]
        settings = draw_plan(rng, instrument, price)
        if len(self._living(ground, account_id)) >= LIVING_MAX:
            return
        row = _row(settings, self._owners[account_id], account_id, instrument, ids.uuid(), ground.clock.now_ns())
        record = record_of(ids, self._owners[account_id], ground.clock.now_ns())
        answer = await self._ask(ground, StartExecutor(user_id=self._owners[account_id], executor=row, record=record))
        if answer is not None:
            self.counts[f"started {settings.kind}"] += 1

    async def _change(self, ground: Ground, account_id: AccountId, rng: Rng, action: str) -> None:
        living, chance, flatten = self._living(ground, account_id), rng.random(), rng.random() < 0.5
        if action == "resume":
            living = [row for row in living if row.status in ("paused", "error")]
        if not living:
            return
        row = living[int(chance * len(living))]
        user_id, executor_id = self._owners[account_id], ExecutorId(row.id)
        message: Any
        if action == "stop":
            message = StopExecutor(user_id=user_id, executor_id=executor_id, reason="enough", flatten=flatten)
        elif action == "pause":
            message = PauseExecutor(user_id=user_id, executor_id=executor_id, reason="look")
        else:
            message = ResumeExecutor(user_id=user_id, executor_id=executor_id, reason="looked")
        if await self._ask(ground, message) is not None:
            self.counts[f"executor {action}"] += 1

    async def _ask(self, ground: Ground, message: Any) -> ExecutorAnswer | None:
        try:
            answer: ExecutorAnswer = await ask(ground, message.user_id, message, door="executors")
        except Nothing:
            self.counts["executor not answered"] += 1
            return None
        except BadInput:
            self.counts["executor refused"] += 1
            return None
        return answer

    # --- Going home ---------------------------------------------------------------------------------------------------

    async def calm(self, ground: Ground) -> None:
        """End what does not end by itself."""
        for row in self._living(ground, None):
            if row.status == "active" and ends_by_itself(row.kind, row.configuration):
                continue
            if row.status != "stopping":
                flatten = self._stopped.setdefault(row.id, self._rngs[AccountId(row.account_id)].random() < 0.5)
                user_id, executor_id = UserId(row.user_id), ExecutorId(row.id)
                await self._ask(
                    ground, StopExecutor(user_id=user_id, executor_id=executor_id, reason="home", flatten=flatten)
                )

    def is_over(self, ground: Ground, account_id: AccountId) -> bool:
        """Whether no plan of an account runs any more."""
        return not self.exists or not self._living(ground, account_id)

    def _living(self, ground: Ground, account_id: AccountId | None) -> list[ExecutorRow]:
        rows: list[ExecutorRow] = list(ground.tables.rows(ExecutorRow)) if self.exists else []
        return [row for row in rows if row.status in LIVING and account_id in (None, row.account_id)]


def _row(
    settings: ExecutorSettings,
    user_id: UserId,
    account_id: AccountId,
    instrument: Instrument,
    executor_id: UUID,
    now_ns: int,
) -> ExecutorRow:
    """Return the row as the API makes it of a request."""
    return ExecutorRow(
        id=executor_id,
        user_id=user_id,
        account_id=account_id,
        kind=settings.kind,
        symbol=instrument.symbol,
        side=settings.side.value,
        configuration=msgspec.to_builtins(settings),
        status="active",
        intent_key=str(executor_id),
        realized_pnl=ZERO,
        correlation_id=executor_id,
        created_at=now_ns,
        updated_at=now_ns,
    )
