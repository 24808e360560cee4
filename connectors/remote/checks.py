"""What the types of a venue's messages do not say: whose they are, and that every number is one.

A venue in another process is not trusted: msgspec's decoder lets NaN, 1E+999999999 and negative times through, and a
number that a column cannot hold would halt the cell that it reaches.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.remote.frames import BadFrame
from engine.domain.errors import BadInput
from engine.domain.identifiers import Venue
from engine.domain.kinds import DoneReason
from engine.domain.values import NS_MAX, parse_decimal
from engine.messages.remote import RemoteWelcome
from engine.messages.venues import VenueFill, VenueOrder, VenueOrderDone, VenueTradeVoided

TEXT_MAX: Final = 255
"""Characters of an id, a code or a cursor."""
LONG_TEXT_MAX: Final = 1_000
"""Characters of what is for people."""
_LONG: Final = frozenset({"message", "why"})
_NAMED: Final = {
    VenueFill: ("external_trade_id", "external_order_id", "symbol", "fee_asset", "cursor"),
    VenueOrder: ("external_order_id", "symbol"),
    VenueTradeVoided: ("external_trade_id", "external_order_id", "symbol"),
}
"""Texts that may not be empty: facts are told apart by them."""
_ABOVE_ZERO: Final = frozenset({"quantity", "price", "stop_price"})
_NOT_BELOW_ZERO: Final = frozenset({"filled_quantity", "average_price", "entry_price"})
_ENDS: Final = frozenset({DoneReason.FILLED, DoneReason.CANCELLED, DoneReason.EXPIRED, DoneReason.REJECTED})
"""How an order ends at a venue; the other reasons are ours."""


def check_body(body: msgspec.Struct) -> None:
    """Check every field of a message that came from outside, lists and inner structs included.

    Raises:
        BadFrame: A number that no column holds, a time that is none, a text that is too long or not printable, or an
            empty id.
    """
    kind = type(body)
    for name in kind.__struct_fields__:
        _check(name, getattr(body, name))
    for name in _NAMED.get(kind, ()):
        if not getattr(body, name):
            raise BadFrame(f"{kind.__name__}.{name}", expected="a text", was="")
    if isinstance(body, VenueOrder):
        _check_end(body.done_reason, is_open=body.is_open)
    elif isinstance(body, VenueOrderDone):
        _check_end(body.reason, is_open=False)


def _check_end(reason: DoneReason | None, *, is_open: bool) -> None:
    if is_open != (reason is None) or (reason is not None and reason not in _ENDS):
        raise BadFrame("done_reason", expected="filled, cancelled, expired or rejected once it is not open", was=reason)


def _check(name: str, value: Any) -> None:
    match value:
        case str():
            _check_text(name, value)
        case Decimal():
            _check_number(name, value)
        case int():
            if not 0 <= value <= NS_MAX:
                raise BadFrame(name, expected=f"0 to {NS_MAX}", was=value)
        case msgspec.Struct():
            check_body(value)
        case tuple() | frozenset():
            for each in value:
                _check(name, each)
        case _:
            # Ids, and what is absent. No message of a venue holds a dict.
            pass


def _check_number(name: str, value: Decimal) -> None:
    try:
        parse_decimal(value, field=name)
    except BadInput as error:
        raise BadFrame(name, expected=error.expected, was=value) from None
    if value <= 0 and name in _ABOVE_ZERO:
        raise BadFrame(name, expected="a number above zero", was=value)
    if value < 0 and name in _NOT_BELOW_ZERO:
        raise BadFrame(name, expected="zero or more", was=value)


def _check_text(name: str, value: str) -> None:
    longest = LONG_TEXT_MAX if name in _LONG else TEXT_MAX
    if len(value) > longest:
        raise BadFrame(name, expected=f"at most {longest} characters", was=value)
    # PostgreSQL refuses a zero character, and a line break in an id forges lines in a log.
    if not value.isprintable() and name not in _LONG:
        raise BadFrame(name, expected="printable characters", was=value)
    if "\0" in value:
        raise BadFrame(name, expected="no zero characters", was=value)


def check_welcome(welcome: RemoteWelcome, *, venue: Venue, version: int) -> None:
    """Check that the peer is the venue that was meant, and speaks as we do.

    Raises:
        BadFrame: It is another venue, or speaks another version.
    """
    if welcome.version != version:
        raise BadFrame("welcome.version", expected=f"protocol version {version}", was=welcome.version)
    for name, was in (("venue", welcome.venue), ("capabilities.venue", welcome.capabilities.venue)):
        if was != venue:
            raise BadFrame(f"welcome.{name}", expected=venue, was=was)
