"""Frames as bytes: 4 bytes of length, most significant first, then one MessagePack map.

Pure. Whoever reads a stream feeds a `FrameSplitter` what comes, in whatever pieces; what it gives out is decoded by
`decode_frame`. Nothing that a peer sends raises anything but `BadFrame`.
"""

from typing import Final

import msgspec

from engine.domain.errors import BadInput, CivalError
from engine.messages.remote import RemoteFrame
from engine.runtime.codec import bad_input

LENGTH_BYTES: Final = 4
PAYLOAD_BYTES_MAX: Final = 16 * 1024 * 1024
"""A page of 10,000 fills takes 5 MB; what is longer is not of this protocol."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RemoteFrame)


class BadFrame(BadInput):
    """What came is no frame of this protocol; nothing that follows on the connection can be trusted."""


class FrameSplitter:
    """Cuts a byte stream into the payloads of its frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        """Start at the beginning of a frame."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take more of the stream; return the payloads that are now whole, in order.

        Holds at most one frame that is not whole: its length is checked as soon as it is known.

        Raises:
            BadFrame: A length is 0 or above `PAYLOAD_BYTES_MAX`. Frames before it in `data` are lost: close the link.
        """
        buffer = self._buffer
        buffer += data
        payloads: list[bytes] = []
        at = 0
        while len(buffer) - at >= LENGTH_BYTES:
            length = int.from_bytes(buffer[at : at + LENGTH_BYTES], "big")
            if not 0 < length <= PAYLOAD_BYTES_MAX:
                raise BadFrame("frame", expected=f"a length of 1 to {PAYLOAD_BYTES_MAX} bytes", was=length)
            end = at + LENGTH_BYTES + length
            if len(buffer) < end:
                break
            payloads.append(bytes(buffer[at + LENGTH_BYTES : end]))
            at = end
        del buffer[:at]
        return payloads

    def end(self) -> None:
        """The stream is over.

        Raises:
            BadFrame: In the middle of a frame.
        """
        if self._buffer:
            raise BadFrame("frame", expected="a whole frame", was=f"the end after {len(self._buffer)} bytes of one")


def with_length(payload: bytes) -> bytes:
    """Put the length in front of a payload.

    Raises:
        BadFrame: The payload is too long to be sent.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise BadFrame("frame", expected=f"at most {PAYLOAD_BYTES_MAX} bytes", was=len(payload))
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def encode_frame(frame: RemoteFrame) -> bytes:
    """Return the payload of a frame: decimals and ids are strings."""
    return _encoder.encode(frame)


def decode_frame(payload: bytes) -> RemoteFrame:
    """Return the frame of a payload.

    Raises:
        BadFrame: It is not MessagePack, no message of this protocol, or a field is wrong; the error names it.
    """
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        found = bad_input(error, what="MessagePack", was=payload)
        raise BadFrame(found.field, expected=found.expected, was=payload) from error
    except (CivalError, RecursionError, ValueError, OverflowError) as error:
        # Refused by a message itself, or nested deeper than any message of ours.
        raise BadFrame("message", expected=f"a valid one ({error})", was=payload) from error
