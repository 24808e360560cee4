"""JSON without shapes, exact: for venues whose payloads are read field by field.

Shapes (`msgspec.Struct`) are faster and stricter; take them where frames come by the thousand.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def exact(raw: bytes | msgspec.Raw) -> Any:
    """Decode JSON: a number with a point or an exponent is a Decimal of exactly its digits, another one an int.

    Raises:
        msgspec.DecodeError: It is no JSON.
    """
    return _decoder.decode(raw)
