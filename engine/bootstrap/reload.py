"""Reads the configuration again while the engine runs: on SIGHUP, and for `POST /api/v1/control/reload`.

A file that cannot be used changes nothing. What was applied is in force when the answer is given, and committed with
its audit rows: limits by the writer, agents by their cells. What may not change while the engine runs is only named.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from config.checks import limits_of
from config.settings import Settings
from engine.bootstrap.cells import CellDirectory
from engine.bootstrap.changes import compare, taken_over
from engine.bootstrap.configure import Configurator, check_agents
from engine.bootstrap.service import ServiceManager
from engine.bootstrap.stores import Stores
from engine.domain.errors import CivalError
from engine.domain.identifiers import UserId, Venue
from engine.domain.kinds import Scope
from engine.messages.cell import ConfigureAgent, DefaultLimitsChanged
from engine.messages.risk import LimitChanged
from engine.messages.rows import AgentRow, Row
from engine.messages.rows_people import AccountRow, AuditRow, LimitRow
from engine.messages.signals import AgentAnswer
from engine.messages.system import ReloadAnswer, ReloadConfiguration
from engine.messages.writing import CommandRecord, unit_without_cell
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import Clock
from engine.runtime.entropy import Ids
from engine.runtime.errors import ActorDeadError, Timeout
from engine.runtime.log import set_level
from engine.runtime.ref import Ref
from storage.applied import Applied, read_applied

AGENT_S = 5.0
"""How long a cell may take to commit one agent."""

R = TypeVar("R", bound=Row)


class Reloader(AsyncioActor):
    """One per engine; one reload at a time."""

    def __init__(
        self,
        *,
        load: Callable[[], Settings],
        running: Settings,
        venue: Venue,
        stores: Stores,
        cells: CellDirectory,
        host: Ref[Any],
        service: ServiceManager,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Keep what a reload needs.

        Args:
            load: Reads file, environment and flags as the start did.
            running: What the start has read.
            venue: Of accounts that name none.
            stores: Where limits and agents are.
            cells: Finds the gate and coordinator of a user.
            host: Told of other default limits.
            service: Told that a reload begins and ends.
            clock: Wall clock.
            ids: Of rows.
        """
        super().__init__()
        self._load = load
        self._running = running
        self._venue = venue
        self._stores = stores
        self._cells = cells
        self._host = host
        self._service = service
        self._clock = clock
        self._ids = ids

    @handles(ReloadConfiguration)
    async def on_reload(self, message: ReloadConfiguration) -> ReloadAnswer:
        """Read, compare, apply; never fail because of what the file holds."""
        self._service.reloading(self._clock.monotonic_ns() // 1_000)
        try:
            answer = await self._reload(message.record)
        except CivalError as error:
            # One line: the file is wrong, not the code.
            self.log.error("configuration_not_reloaded", error=str(error))  # noqa: TRY400
            return ReloadAnswer(error=str(error))
        finally:
            self._service.ready_again()
        self.log.info(
            "configuration_reloaded",
            applied=answer.applied,
            needs_restart=answer.needs_restart,
            kept=answer.kept,
            refused=answer.refused,
        )
        return answer

    async def _reload(self, record: CommandRecord | None) -> ReloadAnswer:
        wanted = await asyncio.to_thread(self._load)
        check_agents(wanted)
        changes = compare(self._running, wanted)
        target = taken_over(self._running, wanted)
        applied = await read_applied(self._stores.daemon_pool)
        rows = self._plan(target, applied)
        limits = await self._apply_limits(rows, record)
        agents, refused = await self._apply_agents(rows, applied)
        if wanted.risk != self._running.risk:
            await self._host.ask(DefaultLimitsChanged(limits=tuple(limits_of(wanted.risk).items())))
        set_level(wanted.log.level)
        self._running = target
        return ReloadAnswer(
            applied=(*changes.live, *limits, *agents),
            needs_restart=changes.needs_restart,
            kept=changes.kept,
            refused=refused,
        )

    def _plan(self, target: Settings, applied: Applied) -> Sequence[Row]:
        """Return the rows that differ, of accounts that run: an account of its own needs a cell that knows it."""
        accounts = tuple(
            account
            for account in target.accounts
            if (user := applied.users.get(account.user.lower())) is not None
            and (user.id, account.venue or self._venue, account.name) in applied.accounts
        )
        names = {account.name for account in accounts}
        agents = tuple(agent for agent in target.agents if agent.account in names)
        settings = msgspec.structs.replace(target, accounts=accounts, agents=agents)
        return Configurator(settings, applied, self._venue, clock=self._clock, ids=self._ids).plan().rows

    async def _apply_limits(self, rows: Sequence[Row], record: CommandRecord | None) -> tuple[str, ...]:
        """Commit accounts and their limits with the caller's audit row, then tell the gates; the keys."""
        accounts = {row.id: row for row in _only(rows, AccountRow)}
        limits = _only(rows, LimitRow)
        audits = [row for row in _only(rows, AuditRow) if row.object_type == "account"]
        batch = (*accounts.values(), *limits, *audits, *(record.rows if record is not None else ()))
        if batch:
            await self._stores.writer.ask(unit_without_cell(self._ids, batch))
        for row in limits:
            refs = self._cells.of(UserId(row.user_id))
            # A cell that does not run reads the limits when it starts.
            if refs is not None and refs.gate.is_alive():
                refs.gate.tell(
                    LimitChanged(
                        user_id=UserId(row.user_id),
                        limit_type=row.limit_type,
                        symbol=row.symbol,
                        scope=Scope(row.scope),
                        scope_id=row.account_id,
                        value=row.limit_value if row.is_active else None,
                    )
                )
        return tuple(f"accounts.{accounts[_account(row)].name}.limits.{row.limit_type}" for row in limits)

    async def _apply_agents(self, rows: Sequence[Row], applied: Applied) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Have new and changed agents configured by their cells; the keys, and why others were not."""
        audits = {row.object_id: row for row in _only(rows, AuditRow)}
        versions = {item.id: item.version for item in applied.agents.values()}
        done, refused = [], []
        for row in _only(rows, AgentRow):
            record = CommandRecord(audit=audits[str(row.id)])
            reason = await self._configure(row, versions.get(row.id, 1), record)
            if reason:
                refused.append(f"agents.{row.name}: {reason}")
            else:
                done.append(f"agents.{row.name}")
        return tuple(done), tuple(refused)

    async def _configure(self, row: AgentRow, version: int, record: CommandRecord) -> str:
        """Return why an agent was not configured; empty if it was."""
        user_id = UserId(row.user_id)
        refs = self._cells.of(user_id)
        if refs is None:
            return "its cell does not run now; the next start or reload applies it"
        message = ConfigureAgent(user_id=user_id, agent=row, version=version, record=record)
        try:
            answer: AgentAnswer = await refs.coordinator.ask(message, timeout_s=AGENT_S)
        except (CivalError, ActorDeadError, Timeout) as error:
            return f"{error}"
        return "" if answer.status is not None else answer.reason


def _only(rows: Sequence[Row], kind: type[R]) -> list[R]:
    return [row for row in rows if isinstance(row, kind)]


def _account(row: LimitRow) -> UUID:
    assert row.account_id is not None, "expected a limit of an account"
    return row.account_id
