"""`cival` commands in processes of their own that import nothing: each is forked from one that has.

Python takes 0.5 to 0.8 seconds of CPU to import what a command uses, and the tests run a hundred commands. What is
forked is a process like any other, with arguments, environment, files and an exit code of its own.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_PROGRAM = """
import gc, json, os, signal, socket, sys, traceback
import engine.bootstrap.daemon
from engine.cli import bench, check, control, database, main, people, reads, run

def command(asked, descriptors):
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = ["cival", *asked["words"]]
    try:
        main.main(asked["words"])
    except SystemExit as ended:
        return ended.code
    except BaseException:
        traceback.print_exc()
    return 1

signal.signal(signal.SIGINT, signal.default_int_handler)
gc.collect()
gc.freeze()
asks = socket.socket(fileno=int(sys.argv[1]))
while True:
    text, descriptors, _, _ = socket.recv_fds(asks, 1 << 20, 3)
    if not text:
        break
    pid = os.fork()
    if pid == 0:
        asks.close()
        code = command(json.loads(text), descriptors)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    for descriptor in descriptors:
        os.close(descriptor)
    asks.send(b"%d" % pid)
    asks.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


class WarmCival:
    """The process that commands are forked from, one at a time; it ends when our end of the socket closes."""

    def __init__(self) -> None:
        """Start it."""
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            program = [sys.executable, "-P", "-c", _PROGRAM, str(number)]
            self._process = subprocess.Popen(program, pass_fds=[number])
        atexit.register(self.close)

    def close(self) -> None:
        """End it."""
        self.socket.close()
        self._process.wait(10)

    def run(
        self, words: Sequence[str], environ: Mapping[str, str], timeout_s: float
    ) -> "subprocess.CompletedProcess[str]":
        """Run `cival` with `words` to its end, with nothing to read on its standard input.

        Raises:
            subprocess.TimeoutExpired: It took longer than `timeout_s`, and was killed.
        """
        asked = json.dumps({"words": list(words), "environ": dict(environ)}).encode()
        with Path(os.devnull).open() as empty, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            files = [empty.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(self.socket, [asked], files)
            pid = int(self.socket.recv(64))
            self.socket.settimeout(timeout_s)
            try:
                code = int(self.socket.recv(64))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self.socket.settimeout(None)
                self.socket.recv(64)
                raise subprocess.TimeoutExpired(list(words), timeout_s) from None
            self.socket.settimeout(None)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(list(words), code, out.read(), err.read())


@cache
def warm_cival() -> WarmCival:
    """Return the one of this process, started at its first use."""
    return WarmCival()
