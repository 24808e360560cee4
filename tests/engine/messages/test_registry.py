"""The closed list of messages: everything that may leave the process survives the trip exactly."""

from typing import Any, Union

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.base import Message
from engine.messages.registry import IN_PROCESS, MESSAGES, WIRE_MESSAGES
from tests.support.messages import instances

UNION = Union[WIRE_MESSAGES]  # type: ignore[valid-type]  # noqa: UP007 - built from a tuple at run time.
JSON = msgspec.json.Decoder(UNION)
MSGPACK = msgspec.msgpack.Decoder(UNION)


@pytest.mark.parametrize("kind", WIRE_MESSAGES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_message_survives_both_encodings(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(instances(kind))
    assert JSON.decode(msgspec.json.encode(message)) == message
    assert MSGPACK.decode(msgspec.msgpack.encode(message)) == message


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_a_message_is_frozen_and_says_its_lane(kind: type[Message]) -> None:
    config: Any = kind.__struct_config__
    assert config.frozen
    assert kind.__lane__ in {"control", "orders", "market"}
    assert set(kind.__conflate__) <= set(kind.__struct_fields__)


def test_only_market_messages_conflate() -> None:
    assert [kind.__name__ for kind in MESSAGES if kind.__conflate__ and kind.__lane__ != "market"] == []


def test_what_carries_a_unit_of_work_stays_in_the_process() -> None:
    with_unit = {kind for kind in MESSAGES if "unit" in kind.__struct_fields__}
    assert with_unit <= IN_PROCESS
