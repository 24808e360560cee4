"""One greeting, for `cival check`."""

import asyncio
from typing import Any

import pytest

from connectors.remote.frames import BadFrame
from connectors.remote.greeting import greet
from connectors.remote.link import Link
from engine.domain.errors import AuthRejected, NotReady
from engine.messages.remote import RemoteHello, RemotePing, RemoteRefused, RemoteWelcome
from engine.runtime.secret import Secret
from tests.connectors.remote.support import VENUE, MemoryLink, a_submit, a_welcome, accepted

pytestmark = pytest.mark.asyncio


async def greeted(*said: Any, **settings: Any) -> tuple[RemoteWelcome, MemoryLink]:
    """Greet a venue that says this, whatever it hears; each is an answer but a ping."""
    link = MemoryLink()
    for body in said:
        link.say(body, re=None if isinstance(body, RemotePing) else 1)

    async def dial() -> Link:
        return link

    try:
        fields: dict[str, Any] = {"venue": VENUE, "engine": "cival", "token": Secret("sesame")}
        return await greet(dial, **fields | settings), link
    finally:
        assert link.is_closed


async def test_a_welcome_is_returned_and_the_link_closed() -> None:
    welcome, link = await greeted(RemotePing(at_ns=1), a_welcome())
    assert welcome == a_welcome()
    assert [frame.body for frame in link.sent] == [RemoteHello(engine="cival", token="sesame")]


@pytest.mark.parametrize(
    ("said", "error", "says"),
    [
        (a_welcome(version=3), BadFrame, "protocol version 1, was 3"),
        (a_welcome(venue="venus"), BadFrame, "expected mars"),
        (accepted(a_submit()), BadFrame, "RemoteWelcome or RemoteRefused"),
        (RemoteRefused(code="unauthorized", message="who?"), AuthRejected, "unauthorized 'who\\?'"),
        (RemoteRefused(code="maintenance"), NotReady, "maintenance"),
    ],
)
async def test_anything_else_is_an_error_that_says_what(said: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        await greeted(said)


async def test_a_venue_that_says_nothing_is_not_ready() -> None:
    with pytest.raises(NotReady, match="no welcome in"):
        await greeted(timeout_s=0.01)


async def test_nobody_there_is_the_dials_error() -> None:
    async def dial() -> Link:
        await asyncio.sleep(0)
        raise ConnectionRefusedError("nobody")

    with pytest.raises(ConnectionRefusedError):
        await greet(dial, venue=VENUE, engine="cival", token=None)
