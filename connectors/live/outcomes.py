"""What a command or a query comes to that did not end in a yes. Pure.

A refusal is told only on proof. What left and was not answered is unknown, whatever error that shows up as; what did
not leave was not sent.
"""

from typing import Any

from connectors.bridge.errors import (
    AuthRefused,
    BridgeError,
    ClockOff,
    Limited,
    Maintenance,
    NotSent,
    Refused,
)
from connectors.live.departures import FENCED, Command, CommandDeparture
from connectors.remote.answers import not_sent, without_answer
from engine.messages.venues import (
    CannotTell,
    VenueAmend,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueRejected,
    VenueSubmit,
)


def outcome(departure: CommandDeparture, error: Exception, now_ns: int) -> Any:
    """Return the message that answers a command which ended in an error.

    Args:
        departure: Of the command; tells whether it has left.
        error: What was raised.
        now_ns: Wall clock; stands for the venue's time where it told none.
    """
    command = departure.command
    if not departure.has_left:
        if isinstance(command, VenueCancel) and isinstance(error, Refused):
            # A venue that takes no cancel by our id was asked for its own first, and has no such order.
            return _refusal(command, error, now_ns)
        code = error.code if isinstance(error, BridgeError) else f"not sent: {type(error).__name__}"
        return _unsent(command, code, now_ns)
    if not isinstance(error, BridgeError):
        # A defect, or an answer in a shape that we do not know: it proves nothing about the command.
        return without_answer(command, f"unreadable answer ({type(error).__name__})", now_ns)
    if not error.is_definite:
        return without_answer(command, f"{error.code} {error.message}".strip(), now_ns)
    if isinstance(error, NotSent | Limited | Maintenance):
        return _unsent(command, error.code, now_ns)
    return _refusal(command, error, now_ns)


def _unsent(command: Command, code: str, now_ns: int) -> Any:
    if code == FENCED and isinstance(command, VenueCancel):
        return _cancel_refused(command, FENCED, now_ns)
    return not_sent(command, code, now_ns)


def _refusal(command: Command, error: BridgeError, now_ns: int) -> Any:
    code = _code(error)
    if isinstance(command, VenueSubmit):
        return VenueRejected(
            order_id=command.order_id,
            account_id=command.account_id,
            code=code,
            message=error.message,
            venue_time_ns=now_ns,
        )
    if isinstance(command, VenueAmend):
        return VenueAmendRefused(
            request_id=command.request_id,
            order_id=command.order_id,
            account_id=command.account_id,
            code=code,
            venue_time_ns=now_ns,
        )
    return _cancel_refused(command, code if isinstance(error, Refused) else "unknown", now_ns)


def _cancel_refused(command: VenueCancel, code: str, now_ns: int) -> VenueCancelRefused:
    return VenueCancelRefused(order_id=command.order_id, account_id=command.account_id, code=code, venue_time_ns=now_ns)


def _code(error: BridgeError) -> str:
    if isinstance(error, AuthRefused):
        return f"auth_{error.code}"
    return "clock_off" if isinstance(error, ClockOff) else error.code


def cannot_tell(error: Exception) -> CannotTell:
    """Return the answer to a query which ended in an error."""
    if isinstance(error, BridgeError):
        return CannotTell(why=f"{error.code} {error.message}".strip())
    return CannotTell(why=f"unreadable answer ({type(error).__name__})")
