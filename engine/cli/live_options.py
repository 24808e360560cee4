"""What commands that reach a live venue share: which one, which symbols, times as people write them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from config.loader import load_settings
from config.settings import Settings, duration_ns

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"[0-9]{1,9}(ms|s|m|h|d)")
_NS_PER_US = 1_000


class DurationType(click.ParamType[int]):
    """`90s`, `10m`, `12h`, `7d` as nanoseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if not isinstance(value, str):
            return int(value)
        if not _DURATION.fullmatch(value) or not duration_ns(value):
            self.fail(f"expected a duration such as 90s, 10m, 12h or 7d, was {value!r}", param, ctx)
        return duration_ns(value)


class TimeType(click.ParamType[int]):
    """A date, or a date and time (UTC unless it says otherwise), as nanoseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if not isinstance(value, str):
            return int(value)
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"expected a date such as 2024-01-31 or 2024-01-31T12:00:00Z, was {value!r}", param, ctx)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return round(at.timestamp() * 1e6) * _NS_PER_US


def venue_options(function: F) -> F:
    """Add `--venue` and `--symbols`."""
    symbols = click.option(
        "--symbols", required=True, help="Symbols such as BTC/USDT or BTC/USDT:USDT, with commas between them."
    )
    venue = click.option("--venue", required=True, help="Name of the exchange: binance, coinbase, hyperliquid.")
    return venue(symbols(function))


def live_settings(config_file: Path | None, venue: str, symbols: str) -> Settings:
    """Load the configuration, with one live venue and these symbols.

    Raises:
        ConfigError: The file is wrong, or a symbol is none.
    """
    names = [each.strip() for each in symbols.split(",") if each.strip()]
    return load_settings(
        config_file,
        flags={
            ("market", "source"): ("--venue", "live"),
            ("market", "venues"): ("--venue", [venue]),
            ("market", "symbols"): ("--symbols", names),
            ("venues", venue, "symbols"): ("--symbols", names),
            # Nobody trades here; accounts and agents of the file may name other venues.
            ("accounts",): ("--venue", []),
            ("agents",): ("--venue", []),
        },
    )
