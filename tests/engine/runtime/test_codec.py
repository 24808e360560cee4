"""Messages as bytes and back, and what is said about bytes that are none."""

import msgspec
import pytest

from engine.domain.errors import BadInput
from engine.messages.registry import MESSAGES
from engine.messages.system import Heartbeat, TimerFired
from engine.runtime.codec import decode_json, decode_msgpack, encode_json, encode_msgpack

WITH_FIELDS = [kind for kind in MESSAGES if msgspec.structs.fields(kind)]
BEAT = Heartbeat(actor="ledger/7", at_ns=1_700_000_000_000_000_000)


@pytest.mark.parametrize("message", [BEAT, TimerFired(name="flush")])
def test_a_message_comes_back_as_it_went(message: Heartbeat | TimerFired) -> None:
    assert decode_json(encode_json(message)) == message
    assert decode_msgpack(encode_msgpack(message)) == message
    assert decode_json(encode_json(message).decode()) == message


@pytest.mark.parametrize(
    "kind", [kind for kind in MESSAGES if msgspec.structs.fields(kind)], ids=lambda kind: kind.__name__
)
def test_every_message_of_the_registry_is_known_by_its_name(kind: type) -> None:
    # A field of the wrong type is named only if the message itself is known.
    first = msgspec.structs.fields(kind)[0].encode_name
    with pytest.raises(BadInput) as caught:
        decode_json(f'{{"msg":"{kind.__name__}","{first}":[[[]]]}}')
    assert caught.value.field.startswith(first)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (b'{"msg":"Heartbeat","actor":1,"at_ns":1}', "actor", "expected str, was 'int'"),
        (b'{"msg":"Heartbeat","actor":"x"}', "at_ns", "expected a value, was 'missing'"),
        (b'{"actor":"x"}', "msg", "expected a value, was 'missing'"),
        (b'{"msg":"Nonsense"}', "msg", "expected one of the known values"),
        (b"[1]", "message", "expected object, was 'array'"),
        (b'{"msg":', "message", "expected valid JSON"),
        (b"\xff\xfe", "message", "expected valid JSON"),
        (b"", "message", "expected valid JSON"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(data: bytes, field: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        decode_json(data)
    assert caught.value.field == field
    assert words in str(caught.value)


def test_a_refusal_in_the_messages_own_words_is_kept() -> None:
    quote = (
        b'{"msg":"QuoteTick","venue":"binance","symbol":"BTC/USDT","ts_event_ns":1,"ts_init_ns":1,'
        b'"bid":"NaN","ask":"1","bid_size":"1","ask_size":"1"}'
    )
    with pytest.raises(BadInput, match="bid"):
        decode_json(quote)


def test_bytes_that_are_no_messagepack_say_so() -> None:
    for data in (b"", b"\xc1", encode_msgpack(BEAT)[:-3]):
        with pytest.raises(BadInput, match="valid MessagePack"):
            decode_msgpack(data)
