"""Runs a simulated venue as a process of its own, which outlives the engine under test."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


class VenueProcess:
    """A running simulator."""

    def __init__(self, port: int) -> None:
        self.port = port

    def do(self, name: str, **arguments: Any) -> Any:
        """Call what a test in the same process would call: `venue.do("fill", client_id=...)`."""
        body = json.dumps({"do": name, "with": arguments}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/_control", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())["result"]


@contextlib.contextmanager
def a_venue_process(module: str) -> Iterator[VenueProcess]:
    """Run a module whose end is `serve(...)`, such as `tests.support.venues.coinbase_rig`."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            word, _, port = process.stdout.readline().partition(" ")
            assert word == "PORT", f"{module} has not started"
            yield VenueProcess(int(port))
        finally:
            process.terminate()
            process.wait(10)
