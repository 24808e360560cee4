"""`cival backfill`: past candles of a live venue, into the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from config.settings import Settings
from engine.cli.database import with_database
from engine.cli.live_options import TimeType, live_settings, venue_options
from engine.cli.options import config_option, data_dir_option, json_option
from engine.cli.output import print_json
from engine.runtime.clock import WallClock

if TYPE_CHECKING:
    from engine.bootstrap.backfill import Progress
    from engine.bootstrap.database import Database

TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h", "1d")


@click.command()
@config_option
@data_dir_option
@venue_options
@click.option("--timeframe", type=click.Choice(TIMEFRAMES), default="1m", show_default=True)
@click.option("--from", "since_ns", required=True, type=TimeType(), help="First day or moment, UTC: 2024-01-31.")
@click.option("--to", "until_ns", type=TimeType(), help="Where to end; not included.  [default: now]")
@json_option
def backfill(
    *,
    config_file: Path | None,
    data_dir: Path | None,
    venue: str,
    symbols: str,
    timeframe: str,
    since_ns: int,
    until_ns: int | None,
    as_json: bool,
) -> None:
    """Fetch past candles that are not stored yet.

    Only what is missing is asked for, within the venue's rate limits; a run that was interrupted is resumed by the same
    command. An engine may run meanwhile.
    """
    settings = live_settings(config_file, venue, symbols)
    within = (since_ns, min(until_ns or WallClock().now_ns(), WallClock().now_ns()))
    if within[0] >= within[1]:
        raise click.UsageError("--from must be before --to, and in the past")
    done = with_database(
        config_file, data_dir, lambda database: _fill(database, settings, timeframe, within, is_quiet=as_json)
    )
    facts = {
        "venue": venue,
        "timeframe": timeframe,
        "missing": done.total,
        "written": done.written,
        "requests": done.requests,
    }
    if as_json:
        print_json(facts)
    else:
        click.echo(f"{done.written} candles written, {done.total} were missing, {done.requests} requests")


async def _fill(
    database: "Database", settings: Settings, timeframe: str, within: tuple[int, int], *, is_quiet: bool
) -> "Progress":
    from engine.bootstrap.backfill import Backfill
    from engine.bootstrap.database import bring_up_to_date
    from engine.bootstrap.exchanges import Exchanges
    from engine.bootstrap.live import LiveVenues
    from engine.runtime.entropy import system_rng
    from storage import pool
    from storage.bulk import PostgresBulkStore
    from storage.candles import PostgresCandles
    from storage.roles import DatabaseRole

    clock = WallClock()
    await bring_up_to_date(database, clock=clock)
    live = LiveVenues(settings, data_dir=None, make=Exchanges(settings, clock).public)
    reads = await pool.open_pool(database.endpoints, DatabaseRole.DAEMON, size=1, application_name="cival-backfill")
    bulk = PostgresBulkStore(database.endpoints)
    try:
        feed = await live.open(settings.market.venues[0])
        with _Bar(is_quiet=is_quiet) as bar:
            stored = PostgresCandles(reads)
            fill = Backfill(
                feed.adapter, stored=stored, bulk=bulk, clock=clock, rng=system_rng(), show=bar.show
            )  # fmt: skip
            return await fill.run(feed.symbols, timeframe, within)
    finally:
        await bulk.close()
        await reads.close()
        await live.close()


class _Bar:
    """How far it is, on a terminal."""

    def __init__(self, *, is_quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=is_quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("looking", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: "Progress") -> None:
        """Show the newest state."""
        text = f"{progress.symbol}: waits, {progress.waiting}" if progress.waiting else progress.symbol
        self._bar.update(self._task, description=text, completed=progress.done, total=progress.total)
