"""`cival check`: is everything as it should be before money moves? One line per question."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from config.datadir import resolve_data_dir
from config.loader import load_settings
from config.settings import Settings
from engine.bootstrap.checks import check_books, check_config, check_database, check_venues
from engine.bootstrap.findings import Finding
from engine.cli.options import config_option, data_dir_option, json_option
from engine.cli.output import print_json


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one run."""

    findings: list[Finding]

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return all(finding.level != "error" for finding in self.findings)

    @property
    def code(self) -> int:
        """The command's exit code."""
        wrong = [finding for finding in self.findings if finding.level == "error"]
        if not wrong:
            return 0
        return TRY_AGAIN if all(finding.is_away for finding in wrong) else 1


TRY_AGAIN = 75
MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@click.command()
@config_option
@data_dir_option
@json_option
@click.argument("what", nargs=-1, type=click.Choice(["config", "venues", "books"]))
def check(*, config_file: Path | None, data_dir: Path | None, as_json: bool, what: tuple[str, ...]) -> int:
    """Check configuration, database, venues and books, line by line.

    Exit code 1 if something is wrong, 75 if all that is wrong is that somebody is away.
    """
    settings = load_settings(config_file)
    directory = resolve_data_dir(data_dir, os.environ)
    report = Report(asyncio.run(_findings(settings, directory, what or ("config", "venues", "books"))))
    if as_json:
        print_json({"ok": report.is_good, "findings": [asdict(finding) for finding in report.findings]})
    else:
        for finding in report.findings:
            click.echo(f"{MARKS[finding.level]}  {finding.what}: {finding.text}")
    return report.code


async def _findings(settings: Settings, directory: Path, what: Sequence[str]) -> list[Finding]:
    found: list[Finding] = []
    if "config" in what:
        found += check_config(settings)
        found += await check_database(settings, directory)
    if "venues" in what:
        found += await check_venues(settings)
    if "books" in what:
        found += await check_books(settings, directory)
    return found
