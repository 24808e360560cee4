"""What has changed between two configurations: key by key, and which of it a running engine can take over.

Taken over: the log's level, the defaults of `[risk]`, the limits of accounts, and agents. Everything else waits for a
restart. Only names of keys are told, never values: some are secrets.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from config.settings import AccountSettings, AgentSettings, Settings

T = TypeVar("T", AccountSettings, AgentSettings)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload has to do."""

    live: tuple[str, ...]
    """Keys of the log and of `[risk]` that change in a running engine; limits and agents follow from the database."""
    needs_restart: tuple[str, ...]
    kept: tuple[str, ...]
    """Accounts and agents that are no longer in the file."""


def compare(running: Settings, wanted: Settings) -> Changes:
    """Compare what runs with what the file says now."""
    live: list[str] = []
    later: list[str] = []
    for section in Settings.__struct_fields__:
        if section in ("accounts", "agents"):
            continue
        for key in _changed(getattr(running, section), getattr(wanted, section), section):
            (live if _is_live(key) else later).append(key)
    before, after = _by_name(running.accounts), _by_name(wanted.accounts)
    for name, account in after.items():
        old = before.get(name)
        if old is None:
            later.append(f"accounts.{account.name}")
        else:
            keys = _changed(old, account, f"accounts.{account.name}")
            later += [key for key in keys if ".limits." not in key]
    gone = [f"accounts.{old.name}" for name, old in before.items() if name not in after]
    agents = _by_name(wanted.agents)
    gone += [f"agents.{old.name}" for name, old in _by_name(running.agents).items() if name not in agents]
    return Changes(live=tuple(live), needs_restart=tuple(later), kept=tuple(gone))


def taken_over(running: Settings, wanted: Settings) -> Settings:
    """Return what runs after a reload: what needs a restart is as before, so that the next reload names it again."""
    wanted_accounts = _by_name(wanted.accounts)
    accounts = tuple(
        msgspec.structs.replace(account, limits=wanted_accounts[name].limits) if name in wanted_accounts else account
        for name, account in _by_name(running.accounts).items()
    )
    return msgspec.structs.replace(
        running,
        accounts=accounts,
        agents=wanted.agents,
        risk=wanted.risk,
        log=msgspec.structs.replace(running.log, level=wanted.log.level),
    )


def _is_live(key: str) -> bool:
    return key == "log.level" or key.startswith("risk.")


def _by_name(items: Sequence[T]) -> dict[tuple[object, ...], T]:
    """Return accounts, or agents, by what the file tells them apart by."""
    return {
        (each.user, each.name, getattr(each, "venue", None), getattr(each, "account", None)): each for each in items
    }


def _changed(old: Any, new: Any, path: str) -> list[str]:
    """Name the innermost keys that differ."""
    if isinstance(old, msgspec.Struct) and type(old) is type(new):
        names = old.__struct_fields__
        return [key for name in names for key in _changed(getattr(old, name), getattr(new, name), f"{path}.{name}")]
    if isinstance(old, dict) and isinstance(new, dict):
        names = tuple(dict.fromkeys((*old, *new)))
        return [key for name in names for key in _changed(old.get(name), new.get(name), f"{path}.{name}")]
    return [] if old == new else [path]
