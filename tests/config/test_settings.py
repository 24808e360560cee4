"""Durations and defaults of the configuration."""

import pytest

from config.settings import Settings, duration_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [("250ms", 250_000_000), ("30s", 30 * 10**9), ("5m", 300 * 10**9), ("12h", 43_200 * 10**9), ("1d", 86_400 * 10**9)],
)
def test_a_duration_becomes_nanoseconds(text: str, expected: int) -> None:
    assert duration_ns(text) == expected


def test_the_engine_listens_to_this_machine_only_unless_told() -> None:
    assert Settings().server.host == "127.0.0.1"


def test_every_account_has_limits_unless_told() -> None:
    risk = Settings().risk
    unset = {name for name in risk.__struct_fields__ if getattr(risk, name) is None}
    assert unset == {"daily_loss"}, "what a loss means depends on what the account holds"
