"""Applies the configuration file to the database: users, accounts, agents, limits.

An account or agent is written when it is new or when its text has changed since it was last applied; otherwise the
database wins, so that what a person changed over HTTP survives a restart. What is applied is audited and logged.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import msgspec

from actors.agents.catalogue import parse_parameters
from config.checks import limits_of
from config.settings import AccountSettings, AgentSettings, Settings, duration_ns
from engine.domain.errors import BadInput, ConfigError
from engine.domain.identifiers import Venue
from engine.domain.kinds import AgentStatus, Role, Scope
from engine.domain.ports import Clock, Ids
from engine.messages.render import plain
from engine.messages.rows import AgentRow, Row
from engine.messages.rows_agents import AgentVersionRow
from engine.messages.rows_people import AccountRow, AuditRow, LimitRow, UserRow
from engine.runtime.log import get_logger
from storage.applied import Applied, AppliedItem

CHANGED_BY = "configuration"
WINDOWED = {"orders_per_minute": 60}
"""Limits that count within a window, and its length in seconds."""

_log = get_logger(__name__)


@dataclass(slots=True)
class Plan:
    """What has to be written so that the database holds what the file says."""

    rows: list[Row] = field(default_factory=list)
    new_users: dict[str, UUID] = field(default_factory=dict)
    """Email -> id of users to make; whoever writes the plan gives them a password."""
    first_admin: str | None = None
    """Email of the admin to make, if there is nobody yet."""


class Configurator:
    """Compares the file with what is there."""

    def __init__(self, settings: Settings, applied: Applied, venue: Venue, *, clock: Clock, ids: Ids) -> None:
        """Take the file, the database's state, and the venue of accounts that name none."""
        self._settings = settings
        self._applied = applied
        self._venue = venue
        self._now_ns = clock.now_ns()
        self._ids = ids
        self._users = {email: item.id for email, item in applied.users.items()}
        self._accounts: dict[str, tuple[UUID, UUID]] = {}
        self._plan = Plan()

    def plan(self) -> Plan:
        """Return the rows to write.

        Raises:
            ConfigError: An agent's type or parameters are wrong.
        """
        check_agents(self._settings)
        for account in self._settings.accounts:
            self._user(account.user)
        for account in self._settings.accounts:
            self._account(account)
        for agent in self._settings.agents:
            self._agent(agent)
        return self._plan

    def _user(self, email: str) -> UUID:
        key = email.lower()
        if key not in self._users:
            self._users[key] = self._plan.new_users[email] = self._ids.uuid()
            if not self._applied.users and self._plan.first_admin is None:
                self._plan.first_admin = email
        return self._users[key]

    def _account(self, account: AccountSettings) -> None:
        user_id = self._user(account.user)
        venue = account.venue or self._venue
        there = self._applied.accounts.get((user_id, venue, account.name))
        account_id = self._ids.uuid() if there is None else there.id
        self._accounts[account.name] = (account_id, user_id)
        text_hash = _hash(account, venue)
        if there is not None and there.config_hash == text_hash:
            return
        self._plan.rows.append(
            AccountRow(
                id=account_id,
                user_id=user_id,
                name=account.name,
                exchange=venue,
                account_id=account.name,
                account_type=account.type,
                mode=account.mode,
                is_active=True,
                starting_balances=plain(account.starting_balances),
                config_hash=text_hash,
                created_at=self._since(there),
                dead_man_ms=None if account.dead_man is None else duration_ns(account.dead_man) // 1_000_000,
            )
        )
        given = limits_of(account.limits)
        for name, value in given.items():
            self._plan.rows.append(self._limit(user_id, account_id, name, value))
        for name in account.limits.__struct_fields__:
            former = self._applied.limits.get((account_id, name))
            # What was taken out of the file is lifted; what somebody set over HTTP is not.
            if name not in given and former is not None and former.is_active and former.id == uuid5(account_id, name):
                self._plan.rows.append(self._limit(user_id, account_id, name, former.value, is_active=False))
        self._audit(user_id, "account", account_id, account.name, is_new=there is None)

    def _limit(self, user_id: UUID, account_id: UUID, name: str, value: Decimal, *, is_active: bool = True) -> LimitRow:
        there = self._applied.limits.get((account_id, name))
        return LimitRow(
            # There is one limit of a type of an account as a whole, whoever made it.
            id=uuid5(account_id, name) if there is None else there.id,
            user_id=user_id,
            limit_type=name,
            symbol=None,
            scope=Scope.ACCOUNT,
            account_id=account_id,
            agent_id=None,
            limit_value=value,
            window_seconds=WINDOWED.get(name),
            is_active=is_active,
            created_at=self._now_ns,
            updated_at=self._now_ns,
        )

    def _agent(self, agent: AgentSettings) -> None:
        account_id, user_id = self._accounts[agent.account]
        there = self._applied.agents.get((account_id, agent.name))
        agent_id = self._ids.uuid() if there is None else there.id
        text_hash = _hash(agent)
        if there is not None and there.config_hash == text_hash:
            return
        self._plan.rows.append(
            AgentRow(
                id=agent_id,
                user_id=user_id,
                account_id=account_id,
                strategy_id=None,
                name=agent.name,
                agent_type=agent.type,
                symbols=agent.symbols,
                configuration=plain(agent.parameters),
                allocation=agent.allocation,
                status=AgentStatus.ACTIVE if agent.enabled else AgentStatus.INACTIVE,
                config_hash=text_hash,
                created_at=self._since(there),
                updated_at=self._now_ns,
            )
        )
        if there is not None:
            # Part of each intent key: what the agent decides from now on is something else.
            version = AgentVersionRow(id=agent_id, user_id=user_id, version=there.version + 1, updated_at=self._now_ns)
            self._plan.rows.append(version)
        self._audit(user_id, "agent", agent_id, agent.name, is_new=there is None)

    def _since(self, there: AppliedItem | None) -> int:
        return self._now_ns if there is None else there.created_at_ns

    def _audit(self, user_id: UUID, kind: str, object_id: UUID, name: str, *, is_new: bool) -> None:
        action = f"{kind}_{'created' if is_new else 'changed'}"
        _log.info(action, name=name, by=CHANGED_BY)
        self._plan.rows.append(
            AuditRow(
                id=self._ids.uuid(),
                user_id=user_id,
                actor_id=None,
                action=action,
                object_type=kind,
                object_id=str(object_id),
                outcome="done",
                detail={"name": name, "by": CHANGED_BY},
                remote_addr=None,
                correlation_id=None,
                created_at=self._now_ns,
            )
        )


def user_rows(plan: Plan, password_hashes: Mapping[str, str], now_ns: int) -> list[Row]:
    """Make the rows of a plan's new users; the first one of an empty database is its admin."""
    return [
        UserRow(
            id=user_id,
            email=email,
            password_hash=password_hashes[email],
            full_name=None,
            role=Role.ADMIN if email == plan.first_admin else Role.TRADER,
            is_active=True,
            time_zone="UTC",
            created_at=now_ns,
            updated_at=now_ns,
        )
        for email, user_id in plan.new_users.items()
    ]


def is_paper(settings: Settings) -> bool:
    """Whether no account of the file trades real money."""
    return all(account.mode == "paper" for account in settings.accounts)


def check_agents(settings: Settings) -> None:
    """Check the types and parameters of all agents.

    Raises:
        ConfigError: The first one that is wrong.
    """
    for index, agent in enumerate(settings.agents):
        _check_parameters(index, agent)


def _check_parameters(index: int, agent: AgentSettings) -> None:
    try:
        parse_parameters(agent.type, plain(agent.parameters))
    except BadInput as error:
        key = (
            "type"
            if error.field == "type"
            else f"parameters.{error.field}".replace("parameters.parameters", "parameters")
        )
        raise ConfigError(f"agents.{index}.{key} ({agent.name})", expected=error.expected, was=error.was) from None


def _hash(*parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
