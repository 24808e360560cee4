"""Reading the configuration: what is accepted, and what each error says."""

from decimal import Decimal
from pathlib import Path

import pytest

from config.loader import load_settings
from engine.domain.errors import ConfigError

ACCOUNT = '[[accounts]]\nname = "paper-1"\nuser = "a@b"\n'


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "cival.toml"
    file.write_text(text)
    return file


def refusal(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), environ=environ)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_shipped_configuration_is_valid_and_has_two_agents() -> None:
    settings = load_settings(None, environ={})
    assert [agent.type for agent in settings.agents] == ["trend_follower", "mean_reversion"]
    assert settings.accounts[0].mode == "paper"


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, ""), environ={}).server.port == 8710


def test_money_is_read_exactly(tmp_path: Path) -> None:
    file = write(tmp_path, ACCOUNT + "starting_balances = { USDT = 0.1, BTC = 12345678901.12345678 }\n")
    balances = load_settings(file, environ={}).accounts[0].starting_balances
    assert balances == {"USDT": Decimal("0.1"), "BTC": Decimal("12345678901.12345678")}


def test_the_environment_wins_over_the_file_and_a_flag_over_both(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1111\nhost = '127.0.0.2'\n")
    environ = {"CIVAL__SERVER__PORT": "2222", "CIVAL__LOG__LEVEL": "debug"}
    assert load_settings(file, environ=environ).server.port == 2222
    flags: dict[tuple[str, ...], tuple[str, object]] = {("server", "port"): ("--port", 3333)}
    settings = load_settings(file, environ=environ, flags=flags)
    assert (settings.server.port, settings.server.host, settings.log.level) == (3333, "127.0.0.2", "debug")


def test_a_typo_names_the_file_the_line_and_the_key_that_was_meant(tmp_path: Path) -> None:
    text = refusal(tmp_path, "[server]\n\nprot = 8710\n")
    assert text == f"{tmp_path}/cival.toml:3: server.prot: expected 'port', was 'an unknown key'"


def test_an_unknown_section_lists_the_known_ones(tmp_path: Path) -> None:
    text = refusal(tmp_path, "[qqqq]\nx = 1\n")
    assert ":1: qqqq: expected one of server, database" in text


def test_a_wrong_type_names_expectation_and_value(tmp_path: Path) -> None:
    text = refusal(tmp_path, '[server]\nport = "many"\n')
    assert text == f"{tmp_path}/cival.toml:2: server.port: expected int, was 'many'"


def test_a_value_out_of_range_names_the_range(tmp_path: Path) -> None:
    assert ":2: server.port: expected int <= 65535, was 70000" in refusal(tmp_path, "[server]\nport = 70000\n")


def test_a_missing_key_names_its_table(tmp_path: Path) -> None:
    assert ":1: accounts.0.user: expected a value" in refusal(tmp_path, '[[accounts]]\nname = "x"\n')


def test_an_error_of_an_environment_variable_names_the_variable(tmp_path: Path) -> None:
    text = refusal(tmp_path, "", CIVAL__SERVER__PORT="many")
    assert text == "server.port (from environment variable CIVAL__SERVER__PORT): expected int, was 'many'"


def test_an_environment_variable_that_leads_through_a_value_is_refused(tmp_path: Path) -> None:
    text = refusal(tmp_path, "[server]\nport = 1\n", CIVAL__SERVER__PORT__X="1")
    assert "CIVAL__SERVER__PORT__X" in text


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    assert "cival.toml:2: the file: expected valid TOML" in refusal(tmp_path, "[server]\nport = = 1\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: expected a readable file"):
        load_settings(tmp_path / "nowhere.toml", environ={})


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cival.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(file, environ={})


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    assert "at most 1000000 bytes" in refusal(tmp_path, "#" * 1_000_001)
