"""Options that several commands share."""

from pathlib import Path

import click
from click.testing import CliRunner

from engine.cli.options import Target, target_options


def test_a_command_gets_its_target_as_one_argument() -> None:
    seen: list[tuple[Target, str]] = []

    @click.command()
    @target_options
    @click.option("--word", default="")
    def command(target: Target, word: str) -> None:
        seen.append((target, word))

    arguments = ["--data-dir", "d", "--config", "c", "--url", "u", "--json", "--word", "w"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert seen == [(Target(Path("c"), Path("d"), "u", as_json=True), "w")]
