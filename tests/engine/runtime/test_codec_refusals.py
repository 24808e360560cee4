"""What a person reads when a value does not fit its field."""

from typing import Annotated
from uuid import UUID

import msgspec
import pytest

from engine.runtime.codec import bad_input


class Form(msgspec.Struct):
    id: UUID | None = None
    name: Annotated[str, msgspec.Meta(max_length=3)] = ""
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"id": "x"}', "id: expected a valid UUID, was None"),
        (b'{"name": "long"}', "name: expected str of length <= 3, was None"),
        (b'{"count": 0}', "count: expected int >= 1, was None"),
    ],
)
def test_a_refusal_reads_as_expected_and_was(raw: bytes, says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(raw, type=Form)
    assert str(bad_input(caught.value, what="JSON", was=None)) == says
