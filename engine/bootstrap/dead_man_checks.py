"""Can the venue of an account hold the dead-man switch that the configuration asks for? One line per account."""

from collections.abc import Callable
from typing import Final, Literal

from config.settings import AccountSettings, Settings, duration_ns
from config.venues import venues_of
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Venue

Line = tuple[Literal["ok", "warning", "error"], str, str]
"""Level, what was asked, the answer."""

BEATS: Final = 3
"""Refreshes within one time-out of a switch."""


def dead_man_lines(
    settings: Settings, able: Capabilities | None, which: Callable[[AccountSettings, Venue], bool]
) -> list[Line]:
    """Judge the accounts that want a switch.

    Args:
        settings: The configuration.
        able: What their venue can do; None: it was not heard, or does not say.
        which: Account and its venue -> whether it is one of those that are asked for.
    """
    wanted = [(each, each.venue or venues_of(settings)[0]) for each in settings.accounts if each.dead_man is not None]
    return [_line(each, venue, able) for each, venue in wanted if which(each, venue)]


def _line(account: AccountSettings, venue: Venue, able: Capabilities | None) -> Line:
    assert account.dead_man is not None, "expected an account that wants a switch"
    what, timeout_ns = f"account {account.name} dead_man", duration_ns(account.dead_man)
    if able is None:
        return "warning", what, f"{venue} was not heard: it is not known whether it has a dead-man switch"
    if not able.dead_man_switch:
        return "error", what, f"{venue} has no dead-man switch: the account would open no risk; take dead_man out"
    if timeout_ns < able.dead_man_min_ns:
        shortest_s = able.dead_man_min_ns / 1e9
        return "error", what, f"{account.dead_man} is too short: the switch of {venue} waits {shortest_s:g} s or more"
    return (
        "ok",
        what,
        f"{venue} cancels after {account.dead_man} of silence, refreshed every {timeout_ns / BEATS / 1e9:g} s",
    )
