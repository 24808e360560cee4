"""The last look comes after every wait: for the pool, for the dial."""

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from connectors.bridge.departure import Free, Priority
from connectors.bridge.errors import NotSent, Unknown
from connectors.bridge.session import Call, current_call, new_session, told
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
