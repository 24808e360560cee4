"""The last look comes after every wait: for the pool, for the dial."""

import asyncio
import gc
import os
import socket
from pathlib import Path

import aiohttp
import certifi
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from connectors.bridge.departure import Free, Priority
from connectors.bridge.errors import NotSent, Unknown
from connectors.bridge.session import Call, Dialled, current_call, new_session, told
from tests.support.venues.plain_rig import PlainRig


class Once:
    priority = Priority.OPEN

    def __init__(self) -> None:
        self.steps: list[str] = []

    def leaving(self) -> None:
        self.steps.append("leaving")

    def left(self) -> None:
        self.steps.append("left")


def a_call(departure: Free | Once) -> Call:
    return Call(departure, cost=None, is_bulk=False, timeout_ns=1)


def test_a_command_leaves_once() -> None:
    call = a_call(Once())
    call.leaving()
    with pytest.raises(Unknown, match="would_repeat"):
        call.leaving()


def test_a_query_may_leave_again() -> None:
    call = a_call(Free())
    call.leaving()
    call.leaving()
    assert call.is_read


def test_the_end_of_the_writing_is_told_once() -> None:
    once = Once()
    call = a_call(once)
    call.left()
    call.left()
    assert once.steps == ["left"]


def test_what_has_failed_is_told_without_the_address() -> None:
    url = URL("http://venue/order?symbol=BTCUSDT&signature=c8db56825ae7")
    info = aiohttp.RequestInfo(url, "GET", CIMultiDictProxy(CIMultiDict()), url)
    handshake = aiohttp.WSServerHandshakeError(info, (), status=503, message="Invalid response status")
    assert told(handshake) == "WSServerHandshakeError: 503 Invalid response status"
    assert "c8db" not in told(aiohttp.TooManyRedirects(info, ()))
    assert "c8db" not in told(aiohttp.InvalidUrlRedirectClientError(url, "no host"))
    assert told(ConnectionResetError("reset")) == "ConnectionResetError: reset"
    assert told(TimeoutError()) == "TimeoutError"


@pytest.mark.asyncio
async def test_the_look_comes_when_the_connection_is_there_and_stops_the_request() -> None:
    async with PlainRig() as rig:
        session = new_session(cafile=__import__("certifi").where(), address="127.0.0.1")

        class Too:
            priority = Priority.OPEN

            def leaving(self) -> None:
                assert len(session.connector._acquired) == 1  # type: ignore[union-attr]  # The dial is over.
                raise NotSent("too_late")

            def left(self) -> None:
                raise AssertionError("it has not left")

        token = current_call.set(a_call(Too()))  # type: ignore[arg-type]
        with pytest.raises(NotSent, match="too_late"):
            await session.post(f"{rig.server.http}/order", data=b"{}")
        current_call.reset(token)
        assert rig.server.log.requests() == []
        await session.close()


def test_a_number_that_the_loop_has_taken_is_not_closed_by_the_collector() -> None:
    ours, theirs = socket.socketpair()
    number = ours.detach()
    Dialled(fileno=number)
    gc.collect()
    os.fstat(number)
    os.close(number)
    theirs.close()


def open_numbers() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def give_up_a_dial(url: URL, turns: int) -> None:
    """Begin a request and cancel it after so many turns of the loop."""
    async with new_session(cafile=certifi.where()) as session:
        asked = asyncio.ensure_future(session.get(url))
        for _ in range(turns):
            await asyncio.sleep(0)
        asked.cancel()
        for answer in await asyncio.gather(asked, return_exceptions=True):
            if isinstance(answer, aiohttp.ClientResponse):
                answer.release()


@pytest.mark.asyncio
async def test_a_dial_that_is_given_up_leaves_no_socket_and_closes_no_number_twice() -> None:
    async with PlainRig() as rig:
        url = URL(f"http://127.0.0.1:{rig.server.port}/time")
        await give_up_a_dial(url, 1)
        before = open_numbers()
        for turns in range(1, 30):
            await give_up_a_dial(url, turns)
            # A socket that the collector closes is a warning, which fails the test.
            gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
        assert open_numbers() <= before + 1
