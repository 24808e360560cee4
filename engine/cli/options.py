"""Options that several commands share, and what they stand for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """Which engine a command speaks to, and how it prints."""

    config_file: Path | None
    data_dir: Path | None
    url: str | None
    as_json: bool


def config_option(function: F) -> F:
    """Add `--config FILE`."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="CIVAL_CONFIG",
        help="Configuration file. Without it: a simulated market and paper money.",
    )(function)


def data_dir_option(function: F) -> F:
    """Add `--data-dir DIR`."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Data directory. Default: $STATE_DIRECTORY, $CIVAL_DATA_DIR, or ~/.local/state/cival.",
    )(function)


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(function)


def target_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add what every command that speaks to a running engine takes; it gets a `Target` as its first argument."""

    @wraps(function)
    def wrapped(
        *arguments: Any, config_file: Path | None, data_dir: Path | None, url: str | None, as_json: bool, **rest: Any
    ) -> None:
        function(Target(config_file, data_dir, url, as_json), *arguments, **rest)

    address = click.option("--url", envvar="CIVAL_URL", help="The engine's address. Default: the one on the data dir.")
    return json_option(data_dir_option(config_option(address(wrapped))))
