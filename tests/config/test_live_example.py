"""The example of a live configuration is one."""

from pathlib import Path

import config
from config.loader import load_settings
from config.venues import is_live, symbols_of, venues_of
from connectors.catalogue import market_of
from engine.bootstrap.checks import check_config
from engine.bootstrap.configure import check_agents
from engine.bootstrap.live_accounts import keys_of

FILE = Path(config.__file__).with_name("live.example.toml")


def test_it_is_a_configuration_of_venues_that_there_are() -> None:
    settings = load_settings(FILE, environ={})
    check_agents(settings)
    assert venues_of(settings) == ("binance", "coinbase")
    assert [market_of(name, settings.venues[name].market) for name in venues_of(settings)] == ["spot", "spot"]
    assert [symbols_of(settings, name) for name in venues_of(settings)] == [("BTC/USDT",), ("BTC/USD", "ETH/USD")]
    assert all(is_live(settings, name) for name in venues_of(settings))


def test_its_keys_are_references_and_are_asked_for(tmp_path: Path) -> None:
    settings = load_settings(FILE, environ={})
    paper, real = settings.accounts
    assert keys_of(paper, {}) == {}
    assert (real.mode, real.api_key) == ("live", "env:BINANCE_API_KEY")
    wrong = [each.what for each in check_config(settings) if each.level == "error"]
    assert wrong == ["accounts.real-1.api_key", "accounts.real-1.api_secret"]
