"""`cival run`: the daemon."""

import gc
from pathlib import Path

import click

from engine.cli.options import config_option, data_dir_option


@click.command()
@config_option
@data_dir_option
@click.option("--host", help="Address to listen on. Beyond loopback only with TLS or behind a TLS proxy.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--replay", type=click.Path(path_type=Path), help="Play recorded data: a file or a directory.")
@click.option("--speed", help="Of the replay: a factor such as 20, or max.")
def run(
    config_file: Path | None,
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    replay: Path | None,
    speed: str | None,
) -> int:
    """Run the engine until SIGINT or SIGTERM."""
    # A start makes a million objects that stay: to look for garbage among them costs 0.2 s of 1.6 s. Until it is ready.
    gc.disable()
    from engine.bootstrap.daemon import run_daemon

    flags: dict[tuple[str, ...], tuple[str, object]] = {}
    if host is not None:
        flags["server", "host"] = ("--host", host)
    if port is not None:
        flags["server", "port"] = ("--port", port)
    if replay is not None:
        flags["market", "source"] = ("--replay", "replay")
        flags["market", "path"] = ("--replay", str(replay.absolute()))
    if speed is not None:
        flags["market", "speed"] = ("--speed", speed)
    return run_daemon(config_file, data_dir, flags)
