"""The envelope of remote venues, and the secret that it may carry."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.registry import WIRE_MESSAGES
from engine.messages.remote import RemoteBody, RemoteFrame, RemoteHello
from tests.support.messages import instances

BODIES = get_args(RemoteBody)


def test_a_hello_does_not_show_its_token() -> None:
    hello = RemoteHello(engine="cival 1", token="open sesame")
    assert "sesame" not in repr(hello)
    assert "sesame" not in repr(RemoteFrame(n=1, body=hello))
    assert RemoteHello(engine="x", token=None).token is None


def test_a_frame_carries_registered_messages_only() -> None:
    assert set(BODIES) <= set(WIRE_MESSAGES)


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_frame_survives_the_trip(kind: type, data: st.DataObject) -> None:
    number = st.none() | st.integers(0, 2**63 - 1)
    frame = RemoteFrame(n=data.draw(number), re=data.draw(number), body=data.draw(instances(kind)))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(frame), type=RemoteFrame) == frame


def test_a_pushed_event_has_no_numbers() -> None:
    frame = RemoteFrame(body=RemoteHello(engine="x"))
    assert set(msgspec.msgpack.decode(msgspec.msgpack.encode(frame))) == {"body"}
