"""A process that starts an embedded server and waits, to be killed in every way."""

import os
import subprocess
import sys
from pathlib import Path

ENGINE = """
import asyncio, concurrent.futures.thread, encodings.idna, os, pathlib, sys
from engine.runtime.clock import WallClock
from storage import embedded

if len(sys.argv) > 3:
    # Only now: the folders of the interpreter may be closed to that user.
    os.setgroups([])
    os.setresgid(*3 * (int(sys.argv[3]),))
    os.setresuid(*3 * (int(sys.argv[3]),))

async def main():
    server = await embedded.start(
        pathlib.Path(sys.argv[1]), clock=WallClock(), environ=os.environ, settings={"fsync": "off"},
        dies_with_parent=sys.argv[2] == "dies",
    )
    print(server.pid, flush=True)
    await asyncio.sleep(3600)  # Not signal.pause: a signal that came before it would be missed.

asyncio.run(main())
"""


def start_engine(data_dir: Path, how: str, *uid: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start it in a session of its own, as `uid` if one is given; `how` is `lives` or `dies` (with its parent)."""
    return subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(data_dir), how, *uid],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **os.environ,
            "CIVAL_PG_DIES_WITH_PARENT": "",
            **(env or {}),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )


def first_line(engine: "subprocess.Popen[str]") -> str:
    """Return the pid of its server, or nothing if it has failed."""
    assert engine.stdout is not None
    return engine.stdout.readline()
