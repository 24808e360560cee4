"""Messages as bytes: JSON for people and browsers, MessagePack for processes.

The set of messages is closed (`engine.messages.registry`); each carries its type as a tag, so whoever decodes needs to
know nothing but the bytes.
"""

import re
from functools import cache
from typing import Any, TypeVar, Union

import msgspec

from engine.domain.errors import BadInput
from engine.messages.base import Message
from engine.messages.registry import MESSAGES

M = TypeVar("M", bound=msgspec.Struct)

# Source: msgspec.ValidationError, "Expected `int`, got `str` - at `$.bids[0]`".
_EXPECTED = re.compile(r"^Expected (?P<expected>.+?), got (?P<was>.+?)$", re.DOTALL)
_PATH = re.compile(r"^(?P<text>.*) - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)

_FIELD = re.compile(r"^Object (?P<missing>missing required)?(?:contains unknown)? field `(?P<name>.+)`$")
_INVALID = re.compile(r"^Invalid (?:enum )?value (?P<was>.+)$", re.DOTALL)

_json_encoder = msgspec.json.Encoder()
_msgpack_encoder = msgspec.msgpack.Encoder()


@cache
def _json_decoder() -> msgspec.json.Decoder[Any]:
    # Made at the first use: the decoder of the whole union takes milliseconds that not every command needs.
    return msgspec.json.Decoder(Union[MESSAGES])  # noqa: UP007 - a union of what is only known here.


@cache
def _msgpack_decoder() -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(Union[MESSAGES])  # noqa: UP007


def encode_json(message: Message) -> bytes:
    """Return the message as a JSON object; decimals are strings."""
    return _json_encoder.encode(message)


def encode_msgpack(message: Message) -> bytes:
    """Return the message as a MessagePack map; decimals are strings."""
    return _msgpack_encoder.encode(message)


def decode_json(data: bytes | str) -> Message:
    """Return the message of a JSON object.

    Raises:
        BadInput: it is no JSON, no message of the registry, or a field is wrong; the error names it.
    """
    try:
        message: Message = _json_decoder().decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise bad_input(error, what="JSON", was=data) from error
    return message


def decode_msgpack(data: bytes) -> Message:
    """Return the message of a MessagePack map.

    Raises:
        BadInput: as `decode_json`.
    """
    try:
        message: Message = _msgpack_decoder().decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise bad_input(error, what="MessagePack", was=data) from error
    return message


def bad_input(error: Exception, *, what: str, was: object) -> BadInput:
    """Turn an error of msgspec into one that names the field and what was expected there.

    Args:
        error: what msgspec raised.
        what: the format, for bytes that are not in it at all.
        was: the input.
    """
    if not isinstance(error, msgspec.ValidationError):
        return BadInput("message", expected=f"valid {what} ({error})", was=was)
    found = _PATH.match(str(error))
    text, path = (found["text"], found["path"].lstrip(".")) if found else (str(error), "")
    if parts := _EXPECTED.match(text):
        return BadInput(path or "message", expected=parts["expected"].strip("`"), was=parts["was"].strip("`"))
    if parts := _FIELD.match(text):
        field = f"{path}.{parts['name']}".lstrip(".")
        missing = parts["missing"] is not None
        return BadInput(field, expected="a value" if missing else "no such field", was="missing" if missing else was)
    if parts := _INVALID.match(text):
        return BadInput(path or "message", expected="one of the known values", was=parts["was"])
    # A refusal in the message's own words, or one of msgspec's without what came.
    expected = text.removeprefix("Expected ").replace("`", "")
    if expected.startswith("Invalid "):
        expected = f"a valid {expected.removeprefix('Invalid ')}"
    return BadInput(path or "message", expected=expected, was=was)
