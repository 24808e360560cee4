"""Links over real sockets: TCP and Unix."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config.venue_url import TcpAddress, UnixAddress, VenueAddress
from connectors.remote.connector import RemoteVenue
from connectors.remote.frames import BadFrame, with_length
from connectors.remote.link import stream_dial
from engine.domain.kinds import OrderType
from engine.messages.venues import AccountQuery, CannotTell, VenueAccount, VenueConnection
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.connectors.remote.support import ACCOUNT, TOLD, VENUE, Permit, a_cancel, a_submit, an_account
from tests.support.remote_peer import HonestPeer, a_server, free_port

pytestmark = pytest.mark.asyncio
YEAR_NS = 366 * 86_400 * 10**9


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> VenueAddress:
    return UnixAddress(str(tmp_path / "v.sock")) if request.param == "unix" else TcpAddress("127.0.0.1", free_port())


async def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"no {what}"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def a_venue(address: VenueAddress) -> AsyncIterator[tuple[Ref[RemoteVenue], list[Any]]]:
    """Give a connector that dials an address, and everything that it publishes."""
    wall, rng = WallClock(), seeded_rng(1)
    system, bus, heard = ActorSystem(clock=wall, ids=Ids(wall, rng), rng=rng), Bus(), list[Any]()
    for kind in (*TOLD, VenueConnection):
        bus.subscribe(kind, heard.append)
    ref = await system.start(
        RemoteVenue, name="remote", venue=VENUE, dial=stream_dial(address), bus=bus, wall=wall, rng=rng,
        permit=Permit(),
    )  # fmt: skip
    try:
        yield ref, heard
    finally:
        await system.stop_all()


def kinds(heard: list[Any]) -> list[str]:
    return [type(each).__name__ for each in heard]


async def test_orders_travel_both_ways(address: VenueAddress) -> None:
    peer = HonestPeer(VENUE, time.time_ns)
    async with a_server(peer, address), a_venue(address) as (ref, heard):
        opened = await ref.ask(an_account())
        assert (opened.created, opened.capabilities.venue) == (True, VENUE)
        ref.tell(a_submit(1, valid_until_ns=time.time_ns() + YEAR_NS))
        await until(lambda: len(heard) == 4, "fill")
        resting = a_submit(2, type=OrderType.LIMIT, price=peer.balances[ACCOUNT]["USDT"], valid_until_ns=2**62)
        ref.tell(resting)
        ref.tell(a_cancel(resting))
        await until(lambda: len(heard) == 6, "cancel")
        assert kinds(heard) == [
            "VenueConnection", "VenueAccepted", "VenueFill", "VenueOrderDone", "VenueAccepted", "VenueOrderDone",
        ]  # fmt: skip
        account = await ref.ask(AccountQuery(account_id=ACCOUNT))
        assert isinstance(account, VenueAccount)


async def test_a_venue_that_comes_later_goes_and_comes_back(address: VenueAddress) -> None:
    peer = HonestPeer(VENUE, time.time_ns)
    async with a_venue(address) as (ref, heard):
        assert isinstance(await ref.ask(an_account()), CannotTell)
        for _ in range(2):
            await until(lambda: heard and not heard[-1].connected, "loss")
            async with a_server(peer, address):
                await until(lambda: heard[-1].connected, "connection")
                assert isinstance(await ref.ask(AccountQuery(account_id=ACCOUNT)), VenueAccount)
        await until(lambda: not heard[-1].connected, "loss")
        assert isinstance(await ref.ask(AccountQuery(account_id=ACCOUNT)), CannotTell)


async def test_a_link_ends_with_the_stream_in_and_between_frames(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "v.sock"))
    for said, expected in ((with_length(b"abc"), EOFError), (with_length(b"abc") + b"\0\0", BadFrame)):

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = said) -> None:
            writer.write(said)
            writer.close()

        server = await asyncio.start_unix_server(serve, address.path)
        async with server:
            link = await stream_dial(address)()
            assert await link.read() == b"abc"
            with pytest.raises(expected):
                await link.read()
            link.close()
            link.close()
        (tmp_path / "v.sock").unlink(missing_ok=True)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 250, "127.0.0.1"])
async def test_nobody_there_is_an_oserror(host: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        await stream_dial(TcpAddress(host, free_port()))()
    with pytest.raises(OSError, match=r".+"):
        await stream_dial(UnixAddress("/no/such.sock"))()
