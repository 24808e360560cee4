"""Frames: any split of the stream gives the same ones, and nothing that a peer sends crashes anything."""

import contextlib
import struct
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.remote.frames import (
    PAYLOAD_BYTES_MAX,
    BadFrame,
    FrameSplitter,
    decode_frame,
    encode_frame,
    with_length,
)
from engine.messages.remote import RemoteBody, RemoteFrame, RemotePing
from tests.support.messages import instances

PAYLOADS = st.lists(st.binary(min_size=1, max_size=300), max_size=6)
FRAMES = st.builds(
    RemoteFrame,
    n=st.none() | st.integers(0, 2**63 - 1),
    re=st.none() | st.integers(0, 2**63 - 1),
    body=st.sampled_from(get_args(RemoteBody)).flatmap(instances),
)


@given(PAYLOADS, st.data())
def test_any_split_of_the_stream_gives_the_same_frames(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(with_length, payloads))
    splitter, found = FrameSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == payloads
    splitter.end()


@given(FRAMES)
def test_a_frame_comes_back_as_it_was(frame: RemoteFrame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


@given(st.binary(max_size=400), st.integers(1, 50))
def test_garbage_is_refused_and_crashes_nothing(garbage: bytes, size: int) -> None:
    splitter = FrameSplitter()
    with contextlib.suppress(BadFrame):
        for at in range(0, len(garbage), size):
            for payload in splitter.feed(garbage[at : at + size]):
                decode_frame(payload)
        splitter.end()


@given(FRAMES, st.data())
def test_a_frame_with_one_wrong_byte_is_a_frame_or_refused(frame: RemoteFrame, data: st.DataObject) -> None:
    payload = bytearray(encode_frame(frame))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadFrame):
        assert isinstance(decode_frame(bytes(payload)), RemoteFrame)


@given(FRAMES, st.data())
def test_a_frame_that_is_cut_off_is_refused(frame: RemoteFrame, data: st.DataObject) -> None:
    payload = encode_frame(frame)
    with pytest.raises(BadFrame):
        decode_frame(payload[: data.draw(st.integers(0, len(payload) - 1))])
    splitter = FrameSplitter()
    splitter.feed(with_length(payload)[: data.draw(st.integers(1, len(payload) + 3))])
    with pytest.raises(BadFrame, match="a whole frame"):
        splitter.end()


@pytest.mark.parametrize("length", [0, PAYLOAD_BYTES_MAX + 1, 2**32 - 1])
def test_a_length_that_no_frame_has_is_refused_before_its_payload_is_awaited(length: int) -> None:
    with pytest.raises(BadFrame, match="a length of 1 to"):
        FrameSplitter().feed(struct.pack(">I", length))


def test_a_payload_that_is_too_long_is_not_sent() -> None:
    assert len(with_length(b"x" * PAYLOAD_BYTES_MAX)) == PAYLOAD_BYTES_MAX + 4
    with pytest.raises(BadFrame, match="at most"):
        with_length(b"x" * (PAYLOAD_BYTES_MAX + 1))


def test_what_is_nested_without_end_is_refused() -> None:
    deep = b"\x81\xa4body" + b"\x91" * 300_000 + b"\xc0"
    unknown = b"\x82\xa1z" + b"\x91" * 300_000 + b"\xc0" + b"\xa4body\x80"
    for payload in (deep, unknown):
        with pytest.raises(BadFrame):
            decode_frame(payload)


def test_a_message_that_contradicts_itself_is_refused() -> None:
    declared = {
        "venue": "x", "kinds": [], "order_types": [], "times_in_force": [], "batch_submit_max": 0,
        "client_id": {"pattern": "(", "duplicates": "refuses", "is_queryable": True},
    }  # fmt: skip
    body = {"msg": "RemoteWelcome", "version": 1, "venue": "x", "capabilities": declared, "venue_time_ns": 0}
    with pytest.raises(BadFrame, match="a regular expression"):
        decode_frame(msgspec.msgpack.encode({"re": 1, "body": body}))


def test_fields_of_a_later_version_are_ignored() -> None:
    body = {"msg": "RemotePing", "at_ns": 5, "mood": "fine"}
    assert decode_frame(msgspec.msgpack.encode({"body": body, "x": 1})) == RemoteFrame(body=RemotePing(at_ns=5))
