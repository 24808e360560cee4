"""`cival record`: what a live venue says, in files that `cival run --replay` plays."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.settings import Settings
from engine.cli.live_options import DurationType, live_settings, venue_options
from engine.cli.options import config_option, json_option
from engine.cli.output import print_json

if TYPE_CHECKING:
    from engine.bootstrap.recording import Recorder

HOUR_NS = 3_600_000_000_000


@click.command()
@config_option
@venue_options
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the files.")
@click.option("--for", "for_ns", type=DurationType(), help="How long, such as 10m; without it until Ctrl-C.")
@click.option(
    "--rotate", "rotate_ns", type=DurationType(), default=HOUR_NS, help="Begin new files after so long.  [default: 1h]"
)
@json_option
def record(
    *,
    config_file: Path | None,
    venue: str,
    symbols: str,
    out: Path,
    for_ns: int | None,
    rotate_ns: int,
    as_json: bool,
) -> int:
    """Record quotes, trades and books of a venue; play them with `cival run --replay DIR`.

    One file per symbol, gzip, with a line `<receive time in ns> <raw frame>` for each frame and the books that were
    asked for. Each file begins with the book as it stands, where the venue's numbering allows that.
    """
    settings = live_settings(config_file, venue, symbols)
    try:
        facts = asyncio.run(_record(settings, venue, out, for_ns, rotate_ns, is_quiet=as_json))
    except OSError as error:
        raise click.ClickException(f"cannot write to {out}: {error.strerror or error}") from None
    if as_json:
        print_json(facts)
    else:
        text = f"{facts['frames']} frames of {facts['symbols']} symbols in {facts['files']} files, {facts['mib']} MiB"
        click.echo(f"{text}, {facts['unread']} could not be read; play them: cival run --replay {out}")
    return 0


async def _record(
    settings: Settings, venue: str, out: Path, for_ns: int | None, rotate_ns: int, *, is_quiet: bool
) -> dict[str, Any]:
    from engine.bootstrap.exchanges import Exchanges
    from engine.bootstrap.live import LiveVenues
    from engine.bootstrap.recording import Recorder
    from engine.runtime.clock import WallClock
    from engine.runtime.entropy import system_rng

    clock = WallClock()
    live = LiveVenues(settings, data_dir=None, make=Exchanges(settings, clock).public)
    try:
        feed = await live.open(venue)
        recorder = Recorder(venue, feed, out, rotate_ns=rotate_ns, clock=clock, rng=system_rng())
        await _until_told(recorder, for_ns, is_quiet=is_quiet)
    finally:
        await live.close()
    counts = recorder.counts
    return {
        "venue": venue,
        "symbols": len(feed.symbols),
        "frames": counts.frames,
        "files": counts.files,
        "mib": round(counts.bytes / 2**20, 1),
        "unread": counts.unread,
        "folder": str(out),
    }


async def _until_told(recorder: "Recorder", for_ns: int | None, *, is_quiet: bool) -> None:
    """Record until the time is over or somebody presses Ctrl-C, and show how far it is."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        disable=is_quiet or not console.is_terminal,
    )
    shown = bar.add_task("connecting")

    def show() -> None:
        counts = recorder.counts
        state = f"{recorder.synced} books in sync" if recorder.is_connected else recorder.reason or "connecting"
        bar.update(shown, description=f"{counts.frames:,} frames, {counts.bytes / 2**20:.1f} MiB, {state}")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, recorder.end)
    with bar:
        await recorder.run(for_ns, show)
