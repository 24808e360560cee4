"""What may answer what, and what a request without an answer comes to. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.domain.identifiers import Venue
from engine.messages.base import Message
from engine.messages.remote import NOTHING_DONE, RemoteHello, RemotePing, RemotePong, RemoteRefused, RemoteWelcome
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAccount,
    VenueAmend,
    VenueAmended,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueFill,
    VenueFills,
    VenueNotSent,
    VenueOrderDone,
    VenueOrders,
    VenueOrderUpdate,
    VenueRejected,
    VenueSubmit,
    VenueTradeVoided,
    VenueUnknown,
)

Command = VenueSubmit | VenueCancel | VenueAmend
Query = OpenOrdersQuery | OrderQuery | FillsQuery | AccountQuery | ArmDeadMan
Event = VenueFill | VenueOrderDone | VenueOrderUpdate | VenueTradeVoided

COMMANDS: Final = (VenueSubmit, VenueCancel, VenueAmend)
EVENTS: Final = (VenueFill, VenueOrderDone, VenueOrderUpdate, VenueTradeVoided)
"""What a venue pushes."""

ANSWERS: Final[Mapping[type[Message], tuple[type[Message], ...]]] = {
    RemoteHello: (RemoteWelcome,),
    RemotePing: (RemotePong,),
    OpenAccount: (AccountOpened,),
    VenueSubmit: (VenueAccepted, VenueRejected),
    VenueCancel: (VenueOrderDone, VenueCancelRefused),
    VenueAmend: (VenueAmended, VenueAmendRefused),
    OpenOrdersQuery: (VenueOrders, CannotTell),
    OrderQuery: (OrderFound, OrderAbsent, CannotTell),
    FillsQuery: (VenueFills, CannotTell),
    AccountQuery: (VenueAccount, CannotTell),
    ArmDeadMan: (DeadManArmed, CannotTell),
}
"""Request -> its answers; `RemoteRefused` answers any."""

_SAME: Final = ("account_id", "order_id", "request_id", "venue_client_id", "symbol")
"""Fields that an answer repeats from its request, where both have them."""


def misfit(request: Message, answer: Message, venue: Venue) -> str | None:
    """Return why an answer is none to this request: another kind, account or order; None if it is one."""
    if type(answer) not in ANSWERS[type(request)]:
        return f"{type(answer).__name__} to {type(request).__name__}"
    name = _differs(request, answer)
    if name is None and isinstance(answer, OrderFound):
        name = _differs(request, answer.order)
    if name is None and isinstance(answer, VenueFills) and isinstance(request, FillsQuery):
        name = _misfit_fills(request, answer.fills, venue)
    return None if name is None else f"another {name} in {type(answer).__name__}"


def _differs(request: Message, answer: Any) -> str | None:
    for name in _SAME:
        if name in request.__struct_fields__ and name in answer.__struct_fields__:
            wanted = getattr(request, name)
            if wanted is not None and getattr(answer, name) != wanted:
                return name
    return None


def _misfit_fills(query: FillsQuery, fills: Iterable[VenueFill], venue: Venue) -> str | None:
    for fill in fills:
        if fill.venue != venue:
            return "venue"
        if (name := _differs(query, fill)) is not None:
            return name
    return None


def without_answer(request: Message, why: str, now_ns: int) -> Message:
    """Return what a request comes to that has left and was not answered: nobody knows whether it took effect."""
    match request:
        case VenueSubmit(order_id=order_id, account_id=account_id):
            return VenueUnknown(order_id=order_id, account_id=account_id, why=why)
        case VenueCancel() | VenueAmend():
            return _refusal(request, "unknown", now_ns)
        case _:
            return CannotTell(why=why)


def not_sent(request: Message, why: str, now_ns: int) -> Message:
    """Return what a request comes to that has not left, and now never will."""
    if isinstance(request, VenueSubmit):
        return VenueNotSent(order_id=request.order_id, account_id=request.account_id, why=why)
    if isinstance(request, VenueAmend):
        return _refusal(request, why, now_ns)
    # A cancel that did not leave is as good as one that was lost: whoever wants it asks again.
    return without_answer(request, why, now_ns)


def refused(request: Message, refusal: RemoteRefused, now_ns: int) -> Message:
    """Return what a request comes to that the venue answered with a refusal of the protocol.

    Only some codes promise that nothing was done; of the others nothing is known.
    """
    if refusal.code in NOTHING_DONE:
        return not_sent(request, refusal.code, now_ns)
    why = f"{refusal.code}: {refusal.message}" if refusal.message else refusal.code
    return without_answer(request, why, now_ns)


def _refusal(request: VenueCancel | VenueAmend, code: str, now_ns: int) -> Message:
    if isinstance(request, VenueCancel):
        return VenueCancelRefused(
            order_id=request.order_id, account_id=request.account_id, code=code, venue_time_ns=now_ns
        )
    return VenueAmendRefused(
        request_id=request.request_id,
        order_id=request.order_id,
        account_id=request.account_id,
        code=code,
        venue_time_ns=now_ns,
    )
