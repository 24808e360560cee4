"""Frames of the remote protocol as the venue reads and writes them."""

from typing import Final

import msgspec

from engine.messages.remote import RemoteBody, RemoteFrame
from engine.runtime.entropy import Rng

PAYLOAD_MAX: Final = 16 * 1024 * 1024
"""Bytes of a frame without its length."""
NOISE_MAX: Final = 64


class _Numbered(msgspec.Struct):
    n: int | None = None


_decoder = msgspec.msgpack.Decoder(RemoteFrame)
_numbers = msgspec.msgpack.Decoder(_Numbered)
_encoder = msgspec.msgpack.Encoder(order="deterministic")


def read_frame(payload: bytes) -> RemoteFrame | None:
    """Return the frame of a payload; None if it is none."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def number_of(payload: bytes) -> int | None:
    """Return the request number of a payload whose body cannot be read; None if even that is unreadable."""
    try:
        return _numbers.decode(payload).n
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def write_frame(body: RemoteBody, re: int | None = None) -> bytes:
    """Return the payload of an answer, or of a report."""
    return _encoder.encode(RemoteFrame(re=re, body=body))


def spoil(payload: bytes, strength: int, rng: Rng) -> bytes:
    """Return a payload cut short, or noise in its place."""
    if strength % 2:
        return payload[: strength % max(1, len(payload))]
    return rng.randbytes(1 + strength % NOISE_MAX)
