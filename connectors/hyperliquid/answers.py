"""What Hyperliquid answers to an action that it does not refuse.

Source: Hyperliquid, "Exchange endpoint". Each answer holds one status per order of the action; ours have one order.
"""

from decimal import Decimal

import msgspec

from connectors.bridge.errors import Unknown


class Resting(msgspec.Struct, gc=False):
    """The order is in the book, or waits for its trigger."""

    oid: int


class Filled(msgspec.Struct, gc=False):
    """The order has traded; the trades come by the stream."""

    oid: int
    totalSz: Decimal  # noqa: N815 - the name on the wire.


class Status(msgspec.Struct, gc=False):
    """What became of one order."""

    resting: Resting | None = None
    filled: Filled | None = None


class _Statuses(msgspec.Struct, gc=False):
    statuses: tuple[Status | str, ...]


class _Response(msgspec.Struct, gc=False):
    data: _Statuses


class _Answer(msgspec.Struct, gc=False):
    status: str
    response: _Response


class _Done(msgspec.Struct, gc=False):
    status: str


_decode = msgspec.json.Decoder(_Answer).decode
_decode_done = msgspec.json.Decoder(_Done).decode


def placed(raw: bytes) -> int:
    """Return the number of the order that an action has placed.

    Raises:
        Unknown: The answer does not name one.
        msgspec.DecodeError: It has another shape, which proves nothing either.
    """
    status = _only(raw)
    found = None if isinstance(status, str) else status.resting or status.filled
    if found is None:
        raise Unknown("bad_answer", f"an order without its number: {status!r}")
    return found.oid


def require_cancelled(raw: bytes) -> None:
    """Let the answer to a cancel pass if it is a yes.

    Raises:
        Unknown: It is none.
        msgspec.DecodeError: It has another shape.
    """
    status = _only(raw)
    if status != "success":
        raise Unknown("bad_answer", f"expected success, was {status!r}")


def require_ok(raw: bytes) -> None:
    """Let the answer to an action without orders pass if it is a yes.

    Raises:
        Unknown: It is none.
        msgspec.DecodeError: It has another shape.
    """
    if _decode_done(raw).status != "ok":
        raise Unknown("bad_answer", raw[:80].decode(errors="replace"))


def _only(raw: bytes) -> Status | str:
    answer = _decode(raw)
    if answer.status != "ok" or len(answer.response.data.statuses) != 1:
        raise Unknown("bad_answer", f"expected one status, was {raw[:80]!r}")
    return answer.response.data.statuses[0]
