"""Greets a remote venue once and hangs up: for whoever wants to know whether it is there and is the right one."""

import asyncio
from typing import Final

from connectors.remote.checks import check_body, check_welcome
from connectors.remote.frames import BadFrame, decode_frame, encode_frame
from connectors.remote.link import Dial
from engine.domain.errors import AuthRejected, NotReady
from engine.domain.identifiers import Venue
from engine.messages.remote import PROTOCOL_VERSION, RemoteFrame, RemoteHello, RemoteRefused, RemoteWelcome
from engine.runtime.secret import Secret

TIMEOUT_S: Final = 5.0


async def greet(
    dial: Dial, *, venue: Venue, engine: str, token: Secret | None, timeout_s: float = TIMEOUT_S
) -> RemoteWelcome:
    """Return the venue's welcome.

    Raises:
        OSError: Nobody listens.
        EOFError: It hangs up.
        BadFrame: It speaks another protocol or version, or is another venue.
        AuthRejected: It does not want this token.
        NotReady: It refuses for another reason, or does not answer in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _exchange(dial, RemoteHello(engine=engine, token=None if token is None else token.reveal()))
    except TimeoutError:
        raise NotReady(venue, why=f"no welcome in {timeout_s:g} s") from None
    if isinstance(answer, RemoteRefused):
        if answer.code == "unauthorized":
            raise AuthRejected(venue, code=answer.code, reason=answer.message)
        raise NotReady(venue, why=f"{answer.code} {answer.message}".rstrip())
    check_welcome(answer, venue=venue, version=PROTOCOL_VERSION)
    return answer


async def _exchange(dial: Dial, hello: RemoteHello) -> RemoteWelcome | RemoteRefused:
    link = await dial()
    try:
        link.write(encode_frame(RemoteFrame(n=1, body=hello)))
        while True:
            frame = decode_frame(await link.read())
            check_body(frame.body)
            if frame.re != 1:
                continue  # A ping, or something that is said too early.
            if not isinstance(frame.body, RemoteWelcome | RemoteRefused):
                raise BadFrame("welcome", expected="RemoteWelcome or RemoteRefused", was=type(frame.body).__name__)
            return frame.body
    finally:
        link.close()
