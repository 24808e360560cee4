"""What of a configuration file is written to the database."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest

from config.loader import load_settings
from config.settings import Settings
from engine.bootstrap.configure import Configurator, Plan, is_paper, user_rows
from engine.domain.errors import ConfigError
from engine.messages.rows import AgentRow, Row
from engine.messages.rows_agents import AgentVersionRow
from engine.messages.rows_people import AccountRow, AuditRow, LimitRow, UserRow
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from storage.applied import Applied, AppliedItem, AppliedLimit

TEXT = """
[[accounts]]
name = "paper-1"
user = "Demo@localhost"
starting_balances = { USDT = 1000.5 }
limits = { order_notional = 100, orders_per_minute = 7 }

[[agents]]
name = "trend-1"
type = "trend_follower"
account = "paper-1"
symbols = ["BTC/USDT"]
parameters = { fast = 5, slow = 9 }
"""


R = TypeVar("R", bound=Row)


def settings_of(tmp_path: Path, text: str = TEXT) -> Settings:
    file = tmp_path / "c.toml"
    file.write_text(text)
    return load_settings(file, environ={})


def plan_of(settings: Settings, applied: Applied | None = None, venue: str = "simulated") -> Plan:
    clock = VirtualClock(1_700_000_000_000_000_000)
    return Configurator(settings, applied or Applied(), venue, clock=clock, ids=Ids(clock, seeded_rng(1))).plan()


def only(plan: Plan, kind: type[R]) -> list[R]:
    return [row for row in plan.rows if isinstance(row, kind)]


def as_applied(plan: Plan) -> Applied:
    """What the database says after the plan was written."""
    return Applied(
        users={email.lower(): AppliedItem(user_id, 1) for email, user_id in plan.new_users.items()},
        accounts={
            (row.user_id, row.exchange, row.name): AppliedItem(row.id, row.created_at, row.config_hash)
            for row in only(plan, AccountRow)
        },
        agents={
            (row.account_id, row.name): AppliedItem(row.id, row.created_at, row.config_hash)
            for row in only(plan, AgentRow)
        },
        limits={
            (row.account_id, row.limit_type): AppliedLimit(row.id, row.limit_value, is_active=row.is_active)
            for row in only(plan, LimitRow)
            if row.account_id is not None
        },
    )


def test_an_empty_database_gets_everything(tmp_path: Path) -> None:
    plan = plan_of(settings_of(tmp_path))
    (account,), (agent,) = only(plan, AccountRow), only(plan, AgentRow)
    assert (account.exchange, account.starting_balances, account.mode) == ("simulated", {"USDT": "1000.5"}, "paper")
    assert (agent.account_id, agent.user_id, agent.status) == (account.id, account.user_id, "active")
    assert {row.limit_type: (str(row.limit_value), row.window_seconds) for row in only(plan, LimitRow)} == {
        "order_notional": ("100", None),
        "orders_per_minute": ("7", 60),
    }
    assert [row.action for row in only(plan, AuditRow)] == ["account_created", "agent_created"]


def test_what_was_applied_and_has_not_changed_is_left_alone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    again = plan_of(settings, as_applied(plan_of(settings)))
    assert again.rows == []
    assert again.new_users == {}


def test_a_changed_agent_keeps_its_id_and_its_birthday(tmp_path: Path) -> None:
    first = plan_of(settings_of(tmp_path))
    changed = plan_of(settings_of(tmp_path, TEXT.replace("fast = 5", "fast = 6")), as_applied(first))
    (old,), (new,) = only(first, AgentRow), only(changed, AgentRow)
    assert (new.id, new.created_at, new.configuration["fast"]) == (old.id, old.created_at, 6)
    assert only(changed, AccountRow) == []
    assert [row.action for row in only(changed, AuditRow)] == ["agent_changed"]
    assert [(row.id, row.version) for row in only(changed, AgentVersionRow)] == [(old.id, 2)]
    assert only(first, AgentVersionRow) == []


def test_a_limit_that_is_taken_out_of_the_file_is_lifted(tmp_path: Path) -> None:
    first = plan_of(settings_of(tmp_path))
    changed = plan_of(settings_of(tmp_path, TEXT.replace("order_notional = 100, ", "")), as_applied(first))
    ids = {row.limit_type: row.id for row in only(first, LimitRow)}
    assert {(row.id, row.limit_type, row.is_active) for row in only(changed, LimitRow)} == {
        (ids["orders_per_minute"], "orders_per_minute", True),
        (ids["order_notional"], "order_notional", False),
    }


def test_a_limit_that_somebody_set_is_taken_over_and_never_lifted(tmp_path: Path) -> None:
    first = as_applied(plan_of(settings_of(tmp_path)))
    (account,) = (item.id for item in first.accounts.values())
    theirs = AppliedLimit(UUID(int=9), Decimal(3), is_active=True)
    applied = replace(first, limits={(account, name): theirs for name in ("order_notional", "open_orders")})
    text = TEXT.replace("order_notional = 100", "order_notional = 101")
    (notional, rate) = only(plan_of(settings_of(tmp_path, text), applied), LimitRow)
    assert (notional.limit_type, notional.id, str(notional.limit_value)) == ("order_notional", UUID(int=9), "101")
    assert rate.limit_type == "orders_per_minute"


def test_another_venue_is_another_account(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    first = plan_of(settings)
    other = plan_of(settings, as_applied(first), venue="binance")
    assert only(other, AccountRow)[0].id != only(first, AccountRow)[0].id
    assert only(other, AgentRow)[0].account_id == only(other, AccountRow)[0].id


def test_the_first_user_of_an_empty_database_is_its_admin(tmp_path: Path) -> None:
    text = TEXT + '\n[[accounts]]\nname = "paper-2"\nuser = "second@localhost"\n'
    plan = plan_of(settings_of(tmp_path, text))
    rows = user_rows(plan, dict.fromkeys(plan.new_users, "hash"), 5)
    roles = {row.email: row.role for row in rows if isinstance(row, UserRow)}
    assert roles == {"Demo@localhost": "admin", "second@localhost": "trader"}


def test_a_user_is_recognised_in_letters_of_either_case(tmp_path: Path) -> None:
    known = AppliedItem(UUID(int=5), 1)
    plan = plan_of(settings_of(tmp_path), Applied(users={"demo@localhost": known}))
    assert plan.new_users == {}
    assert plan.first_admin is None
    assert only(plan, AccountRow)[0].user_id == UUID(int=5)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"trend_follower"', '"trend_folower"', "agents.0.type (trend-1): expected one of mean_reversion"),
        ("fast = 5", "fsat = 5", "agents.0.parameters (trend-1): expected parameters of trend_follower"),
        ("fast = 5", "fast = 50", "agents.0.parameters.fast (trend-1): expected less than slow (9)"),
    ],
)
def test_a_wrong_agent_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_of(settings_of(tmp_path, TEXT.replace(old, new)))
    assert says in str(caught.value)


def test_the_shipped_configuration_trades_paper_money() -> None:
    assert is_paper(load_settings(None, environ={}))
