"""A cell with a desk of executors, at a paper venue, which can die at every durable step."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from actors.executors.desk import ExecutorDesk
from engine.domain.identifiers import ExecutorId
from engine.messages.executors import ExecutorAnswer, PauseExecutor, ResumeExecutor, StartExecutor, StopExecutor
from engine.messages.rows import OrderRow, TradingStateRow
from engine.messages.rows_executors import ExecutorRow
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_people import RiskAlertRow
from storage.load_executors import executor_state
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.crashes import CrashRig

RUNNING = frozenset({"active", "paused", "stopping", "error"})


class ExecutorRig(CrashRig):
    """One user with one account and executors on it."""

    async def _start_above(self) -> None:
        await super()._start_above()
        orders = self.rows(OrderRow)
        self.desk = await self.system.start(
            ExecutorDesk,
            name="executors",
            cell=self.cell,
            gate=self.gate,
            instruments=self.by_name,
            marks=self.marks,
            venues={ACCOUNT: self.venue},
            executors=[
                executor_state(row, [order for order in orders if order.executor_id == row.id])
                for row in self.rows(ExecutorRow)
                if row.status in RUNNING
            ],
            states=self.rows(TradingStateRow),
            halts=self.rows(HaltRow),
        )

    async def begin(self, kind: str, number: int = 1, **configuration: Any) -> ExecutorId:
        """Start an executor and let it do what it can."""
        executor_id = ExecutorId(an_id(900 + number))
        row = ExecutorRow(
            id=executor_id, user_id=USER, account_id=ACCOUNT, kind=kind, symbol=self.instruments[0].symbol,
            side=str(configuration["side"]), configuration=configuration, status="active", intent_key=str(executor_id),
            realized_pnl=Decimal(0), correlation_id=executor_id, created_at=START_NS, updated_at=START_NS,
        )  # fmt: skip
        await self.command(StartExecutor(user_id=USER, executor=row))
        return executor_id

    async def command(self, message: Any) -> ExecutorAnswer:
        """Tell the desk, and wait until nothing more happens."""
        reply = self.desk.ask(message)
        await self.settle()
        answer: ExecutorAnswer = await reply
        return answer

    async def stop_executor(self, executor_id: ExecutorId, *, flatten: bool = False) -> ExecutorAnswer:
        """End an executor."""
        return await self.command(StopExecutor(user_id=USER, executor_id=executor_id, reason="test", flatten=flatten))

    async def pause(self, executor_id: ExecutorId) -> ExecutorAnswer:
        """Let it place nothing new."""
        return await self.command(PauseExecutor(user_id=USER, executor_id=executor_id, reason="test"))

    async def resume(self, executor_id: ExecutorId) -> ExecutorAnswer:
        """Let it go on."""
        return await self.command(ResumeExecutor(user_id=USER, executor_id=executor_id, reason="test"))

    async def market(self, bid: str, ask: str, sizes: str = "10 10") -> None:
        """Show a quote and let everything happen."""
        self.quote(bid, ask, sizes=sizes)
        await self.settle()

    async def pass_market(self, seconds: float) -> None:
        """Let market time pass; what is due happens at its time."""
        until_ns = self.clock.now_ns() + int(seconds * 1_000_000_000)
        while (due_ns := self.clock.next_timer_ns()) is not None and due_ns <= until_ns:
            self.clock.advance_to(max(due_ns, self.clock.now_ns()))
            await self.settle()
        self.clock.advance_to(until_ns)
        await self.settle()

    def executor(self, executor_id: UUID) -> ExecutorRow:
        """Return the row of an executor."""
        (row,) = (row for row in self.rows(ExecutorRow) if row.id == executor_id)
        return row

    def open_orders_of(self, executor_id: UUID) -> dict[str, OrderRow]:
        """Return its living orders by slot; two in one slot fail."""
        found: dict[str, OrderRow] = {}
        for row in self.rows(OrderRow):
            if row.executor_id == executor_id and row.lifecycle != "done":
                slot = row.intent_key.split(":", 2)[2].rpartition(":")[0]
                assert slot not in found, f"two orders in {slot}"
                found[slot] = row
        return found

    def alerts(self) -> list[str]:
        """Return the kinds of all alerts, in order."""
        return [row.alert_type for row in self.rows(RiskAlertRow)]
