"""What the types cannot say about a configuration."""

from pathlib import Path

import pytest

from config.checks import is_loopback
from config.loader import load_settings
from engine.domain.errors import ConfigError

ACCOUNT = '[[accounts]]\nname = "paper-1"\nuser = "a@b"\n'
REMOTE = '[venues.other]\nkind = "remote"\nurl = "unix:/run/other.sock"\n'
LIVE = '[market]\nsource = "live"\nvenues = ["binance"]\nsymbols = ["BTC/USDT"]\n'
AGENT = '[[agents]]\nname = "t"\ntype = "trend_follower"\naccount = "paper-1"\nsymbols = ["BTC/USDT"]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[risk]\norder_notional = nan\n", ":2: risk.order_notional: expected a finite number"),
        ("[risk]\norder_notional = 0\n", ":2: risk.order_notional: expected a number above zero, was Decimal('0')"),
        ("[risk]\norder_notional = -1\n", "expected a number above zero"),
        ("[risk]\norder_notional = 1e30\n", ":2: risk.order_notional: expected"),
        (ACCOUNT + "starting_balances = { USDT = 0 }\n", ":4: accounts.0.starting_balances.USDT: expected a number"),
        (ACCOUNT + "limits = { order_notional = 0 }\n", "accounts.0.limits.order_notional"),
        ('[server]\nhost = "0.0.0.0"\n', ":2: server.host: expected a loopback address, or tls_cert"),
        ('[server]\ntls_cert = "x"\n', "server.tls_key: expected a file"),
        ('[market]\nsource = "replay"\n', "market.path: expected a file or directory of recorded data"),
        (
            '[market]\nsource = "replay"\npath = "/no/such"\n',
            ":3: market.path: expected a file or directory that exists",
        ),
        ('[market]\nspeed = "fast"\n', ":2: market.speed: expected a factor above zero such as 20, or max"),
        ('[market]\nspeed = "0"\n', "market.speed"),
        (ACCOUNT + ACCOUNT, ":5: accounts.1.name: expected a name that the user has only once"),
        (AGENT, ":4: agents.0.account: expected the name of an account"),
        (ACCOUNT + AGENT + AGENT, "agents.1.name: expected a name that no other agent has"),
        ('[retention]\nwrite_units = "23h"\n', ":2: retention.write_units: expected a day or more, was '23h'"),
        ('[venues.x]\nkind = "remote"\n', ":1: venues.x.url: expected tcp://host:port or unix:/path, since the venue"),
        (
            '[venues.x]\nkind = "remote"\nurl = "ws://h:1"\n',
            ":3: venues.x.url: expected tcp://host:port or unix:/path, was 'ws://h:1'",
        ),
        ('[venues.x]\nurl = "tcp://h:1"\n', ":2: venues.x.url: expected none, or kind = \"remote\", was 'tcp://h:1'"),
        ('[venues.x]\ntoken = "secret"\n', ":2: venues.x.token: expected none, or kind = \"remote\", was 'one'"),
        (ACCOUNT + 'mode = "live"\n', ':4: accounts.0.mode: expected paper, or a venue whose source is "live", was'),
        (ACCOUNT + 'api_key = "env:KEY"\n', ":4: accounts.0.api_key: expected none, or mode = \"live\", was 'a key'"),
        (
            ACCOUNT + 'venue = "other"\nmode = "live"\napi_secret = "hush"\n' + REMOTE,
            ":6: accounts.0.api_secret: expected none: a remote venue has its token, was 'a key'",
        ),
        (
            ACCOUNT + 'mode = "live"\napi_key = "env:KEY"\n' + LIVE,
            "accounts.0.api_secret: expected env:NAME, file:PATH or credential:NAME, since the account is live",
        ),
        (ACCOUNT + 'venue = "coinbase"\nmode = "live"\n' + LIVE, ":5: accounts.0.mode: expected paper, or a venue"),
        ('[market]\nsource = "live"\n', "market.venues: expected the names of the venues to follow, since source is"),
        (
            '[market]\nsource = "live"\nvenues = ["binance"]\n',
            "market.symbols: expected the symbols to follow at binance, such as BTC/USDT, was 'none'",
        ),
        ('[market]\nvenues = ["a", "a"]\n', ":2: market.venues: expected each venue once, was 'a, a'"),
        (
            '[market]\nsource = "replay"\npath = "."\nvenues = ["a", "b"]\n',
            ":4: market.venues: expected one venue: a replay is that of one, was 'a, b'",
        ),
        (
            '[market]\nsource = "replay"\npath = "."\nvenues = ["a"]\n[venues.a]\nsource = "live"\n',
            ":6: venues.a.source: expected none: a replay plays alone, was 'live'",
        ),
        (
            '[market]\nsource = "live"\nvenues = ["other"]\nsymbols = ["BTC/USDT"]\n' + REMOTE,
            "venues.other.source: expected simulated: a remote venue tells no prices, was 'live'",
        ),
        (
            ACCOUNT + 'venue = "other"\nmode = "live"\nstarting_balances = { USDT = 1 }\n' + REMOTE,
            ":6: accounts.0.starting_balances: expected none: a live account has what its venue says",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ={})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)]
)
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_wide_bind_is_allowed_behind_a_tls_proxy(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[server]\nhost = "0.0.0.0"\nbehind_tls_proxy = true\n')
    assert load_settings(file, environ={}).server.behind_tls_proxy


@pytest.mark.parametrize("where", ['venue = "other"\n', ""])
def test_a_live_account_is_allowed_at_a_remote_venue(where: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(ACCOUNT + where + 'mode = "live"\n' + REMOTE + '[market]\nvenues = ["other"]\n')
    (account,) = load_settings(file, environ={}).accounts
    assert account.mode == "live"


def test_a_live_account_is_allowed_where_the_prices_are_live(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    keys = 'api_key = "env:KEY"\napi_secret = "file:/run/secret"\n'
    file.write_text(LIVE + ACCOUNT + 'mode = "live"\n' + keys)
    (account,) = load_settings(file, environ={}).accounts
    assert (account.mode, account.api_key) == ("live", "env:KEY")


@pytest.mark.parametrize("silence", ["2s", "25h"])
def test_a_dead_man_switch_is_neither_nervous_nor_asleep(silence: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(ACCOUNT + f'dead_man = "{silence}"\n')
    with pytest.raises(ConfigError, match="3s to 24h"):
        load_settings(file, environ={})
    file.write_text(ACCOUNT + 'dead_man = "60s"\n')
    (account,) = load_settings(file, environ={}).accounts
    assert account.dead_man == "60s"
