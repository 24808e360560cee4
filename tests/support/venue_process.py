"""The process of the lying venue: sockets, wall clock, journal file around the pure venue.

`python -m tests.support.venue_process --control PATH --journal FILE [--socket PATH] [--port N] [--rough] [--swarm]
[--seed N] [--venue NAME] [--rules JSON]`
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from connectors.simulated.listing import listings
from engine.runtime.clock import WallClock
from engine.runtime.entropy import seeded_rng
from engine.simulation.venue.delivery import Delivery
from engine.simulation.venue.faults import Faults, drawn_faults
from engine.simulation.venue.frames import PAYLOAD_MAX
from engine.simulation.venue.rules import VenueRules, honest_rules, rough_rules
from engine.simulation.venue.venue import HostileVenue
from tests.support.venue_control import Control, Status
from tests.support.venue_journal import FileJournal

LENGTH_BYTES = 4
CONTROL_LINE_MAX = 16 * 1024 * 1024
MONEY = {"USDT": "100000", "BTC": "10", "ETH": "100", "SOL": "1000", "BNB": "5"}
"""Of an account whose opening names none."""


class Link(asyncio.Protocol):
    """One connection of an engine."""

    def __init__(self, server: "Server", number: int) -> None:
        self._server = server
        self._number = number
        self._data = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self._server.venue.connect(self._number):
            self._server.opened(self._number, self)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= LENGTH_BYTES:
            length = int.from_bytes(self._data[:LENGTH_BYTES], "big")
            if length > PAYLOAD_MAX:
                self.close()
                return
            if len(self._data) < LENGTH_BYTES + length:
                return
            payload = bytes(self._data[LENGTH_BYTES : LENGTH_BYTES + length])
            del self._data[: LENGTH_BYTES + length]
            self._server.write(self._server.venue.handle(self._number, payload))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.closed(self._number)

    def send(self, payload: bytes) -> None:
        assert self.transport is not None
        self.transport.write(len(payload).to_bytes(LENGTH_BYTES, "big") + payload)

    def close(self) -> None:
        assert self.transport is not None
        # What was written before goes out first, as with a venue that says good-bye.
        self.transport.close()


class Server:
    """The venue with its links and its alarm clock."""

    def __init__(self, venue: HostileVenue, clock: WallClock) -> None:
        self.venue = venue
        self.port: int | None = None
        self._clock = clock
        self._links: dict[int, Link] = {}
        self._number = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._is_deaf = False
        self._control = Control(venue)

    def link(self) -> Link:
        self._number += 1
        return Link(self, self._number)

    def opened(self, number: int, link: Link) -> None:
        self._links[number] = link
        if self._is_deaf and link.transport is not None:
            link.transport.pause_reading()
        self.write([])

    def closed(self, number: int) -> None:
        self._links.pop(number, None)
        self.venue.disconnect(number)

    def write(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            link = self._links.get(delivery.connection)
            if link is None:
                continue
            if delivery.payload is None:
                link.close()
            else:
                link.send(delivery.payload)
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due_ns = self.venue.next_due_ns()
        if due_ns is not None:
            wait_s = max(0, due_ns - self._clock.now_ns()) / 1e9
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self.write(self.venue.advance(self._clock.now_ns()))

    # --- Control -----------------------------------------------------------------------------------------------------

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one test."""
        while line := await reader.readline():
            answer = self._answer(line)
            writer.write(answer)
            await writer.drain()
        writer.close()

    def _answer(self, line: bytes) -> bytes:
        asked = msgspec.json.decode(line, type=dict[str, Any])
        match asked.get("do"):
            case "status":
                result: Any = self._status()
            case "freeze_reads" | "thaw_reads" as order:
                result = None
                self._listen(is_deaf=order == "freeze_reads")
            case _:
                # Time passes first, so that what is done by hand is done now.
                self.write(self.venue.advance(self._clock.now_ns()))
                answer = self._control.handle(line)
                self.write(self.venue.advance(self._clock.now_ns()))
                return answer
        return msgspec.json.encode({"ok": True, "result": result}) + b"\n"

    def _status(self) -> Status:
        return Status(
            pid=os.getpid(),
            port=self.port,
            starts=self.venue.truth.starts,
            links=len(self._links),
            now_ns=self._clock.now_ns(),
        )

    def _listen(self, *, is_deaf: bool) -> None:
        self._is_deaf = is_deaf
        for link in self._links.values():
            if link.transport is None:
                continue
            if is_deaf:
                link.transport.pause_reading()
            else:
                link.transport.resume_reading()


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A venue that lies, in a process of its own.")
    parser.add_argument("--control", required=True, help="Unix socket for tests")
    parser.add_argument("--journal", required=True, type=Path)
    parser.add_argument("--socket", help="Unix socket for engines")
    parser.add_argument("--port", type=int, help="TCP port for engines on loopback; 0: any")
    parser.add_argument("--venue", default="lying")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rough", action="store_true", help="lags, parts, walking prices, small pages")
    parser.add_argument("--swarm", action="store_true", help="the seed draws lies from the first moment")
    parser.add_argument("--rules", default="{}", help="JSON: fields of VenueRules that differ")
    return parser.parse_args(arguments)


def rules_of(options: argparse.Namespace) -> VenueRules:
    listed = listings(options.venue)
    instruments = tuple(each.instrument for each in listed)
    prices = {each.instrument.symbol: each.price for each in listed}
    base = (rough_rules if options.rough else honest_rules)(options.venue, instruments, prices)
    changes = {"money": MONEY} | msgspec.json.decode(options.rules, type=dict[str, Any])
    return msgspec.convert(msgspec.to_builtins(base) | changes, VenueRules)


def venue_of(options: argparse.Namespace, clock: WallClock) -> HostileVenue:
    """Bring the venue up; clears what an earlier life has left of its sockets."""
    for path in (options.socket, options.control):
        if path is not None:
            Path(path).unlink(missing_ok=True)
    journal = FileJournal(options.journal)
    # Another life draws other chances: the journal has grown.
    seed = f"{options.seed}/{options.journal.stat().st_size}"
    faults = drawn_faults(seed) if options.swarm else Faults(seed)
    return HostileVenue(rules_of(options), clock=clock, rng=seeded_rng(seed), faults=faults, journal=journal)


async def serve(options: argparse.Namespace) -> None:
    """Run until SIGTERM, or until whoever started it is gone: the end of its input says so."""
    clock, loop = WallClock(), asyncio.get_running_loop()
    server = Server(venue_of(options, clock), clock)
    if options.socket is not None:
        await loop.create_unix_server(server.link, options.socket)
    if options.port is not None:
        listening = await loop.create_server(server.link, "127.0.0.1", options.port)
        server.port = listening.sockets[0].getsockname()[1]
    server.write([])
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    # Last: whoever reaches it finds everything else ready.
    await asyncio.start_unix_server(server.control, options.control, limit=CONTROL_LINE_MAX)
    await stopped.wait()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve(parsed(sys.argv[1:])))
