"""Which keys differ between two configurations, and which of them a running engine takes over."""

from pathlib import Path

import pytest

from config.settings import Settings
from engine.bootstrap.changes import Changes, compare, taken_over
from tests.support.host import CONFIG, settings_of

OTHER = '\n[[accounts]]\nname = "paper-2"\nuser = "bob@localhost"\n'


def of(folder: Path, text: str) -> Settings:
    return settings_of(folder, text)


def between(folder: Path, old: str, new: str) -> Changes:
    return compare(of(folder, old), of(folder, new))


def test_the_same_file_has_not_changed(tmp_path: Path) -> None:
    assert between(tmp_path, CONFIG, CONFIG) == Changes(live=(), needs_restart=(), kept=())


@pytest.mark.parametrize(
    ("text", "live", "needs_restart"),
    [
        ('[log]\nlevel = "debug"\n', ("log.level",), ()),
        ('[log]\nformat = "json"\n', (), ("log.format",)),
        ("[risk]\nopen_orders = 5\norder_notional = 9\n", ("risk.order_notional", "risk.open_orders"), ()),
        ("[server]\nport = 1\nmetrics_port = 2\n", (), ("server.port", "server.metrics_port")),
        ('[database]\nurl = "postgresql://u:hush@h/d"\n', (), ("database.url",)),
        ('[market]\nsymbols = ["ETH/USDT"]\n', (), ("market.symbols",)),
        ('[venues.simulated]\nsubmit_latency = "5ms"\n', (), ("venues.simulated",)),
        (OTHER, (), ("accounts.paper-2",)),
    ],
)
def test_each_changed_key_is_named_once(
    text: str, live: tuple[str, ...], needs_restart: tuple[str, ...], tmp_path: Path
) -> None:
    changes = between(tmp_path, CONFIG, CONFIG + text)
    assert changes == Changes(live=live, needs_restart=needs_restart, kept=())
    assert "hush" not in str(changes)


def test_an_accounts_limits_are_taken_over_and_its_money_is_not(tmp_path: Path) -> None:
    user = 'user = "demo@localhost"'
    new = CONFIG.replace("USDT = 100000", "USDT = 5").replace(user, user + "\nlimits = { open_orders = 3 }")
    assert between(tmp_path, CONFIG, new).needs_restart == ("accounts.paper-1.starting_balances.USDT",)


def test_what_is_no_longer_in_the_file_is_kept(tmp_path: Path) -> None:
    agents = CONFIG.index("[[agents]]")
    assert between(tmp_path, CONFIG, CONFIG[:agents]).kept == ("agents.trend-1",)
    assert between(tmp_path, CONFIG + OTHER, CONFIG).kept == ("accounts.paper-2",)


def test_what_needs_a_restart_is_named_again_at_the_next_reload(tmp_path: Path) -> None:
    old = of(tmp_path, CONFIG)
    new = of(tmp_path, CONFIG + '[log]\nlevel = "debug"\nformat = "json"\n[risk]\nopen_orders = 5\n' + OTHER)
    running = taken_over(old, new)
    assert (running.log.level, running.log.format, running.risk, running.accounts) == (
        "debug", old.log.format, new.risk, old.accounts,
    )  # fmt: skip
    assert compare(running, new) == Changes(live=(), needs_restart=("log.format", "accounts.paper-2"), kept=())
