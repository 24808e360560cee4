"""What the paper venue's actor tells itself; nothing here leaves it."""

from typing import ClassVar

import msgspec

from engine.domain.identifiers import AccountId
from engine.messages.venues import VenueAmend, VenueCancel, VenueSubmit


class SubmitArrived(msgspec.Struct, frozen=True, gc=False):
    """An order has travelled its latency."""

    submit: VenueSubmit


class CancelArrived(msgspec.Struct, frozen=True, gc=False):
    """A cancel has travelled its latency."""

    cancel: VenueCancel


class AmendArrived(msgspec.Struct, frozen=True, gc=False):
    """An amend has travelled its latency."""

    amend: VenueAmend


class LookUpAmend(msgspec.Struct, frozen=True, gc=False):
    """Only the store knows whether this order ever existed."""

    amend: VenueAmend


class DeadManDue(msgspec.Struct, frozen=True, gc=False):
    """The time of an account's dead-man switch may be over."""

    account_id: AccountId


class LookUpSubmit(msgspec.Struct, frozen=True, gc=False):
    """Only the store knows whether this client id was used."""

    submit: VenueSubmit


class LookUpCancel(msgspec.Struct, frozen=True, gc=False):
    """Only the store knows whether this order ever existed."""

    cancel: VenueCancel


class CommitBatch(msgspec.Struct, frozen=True, gc=False):
    """Behind everything that is queued: make durable what has gathered."""


class KeepClaim(msgspec.Struct, frozen=True, gc=False):
    """The claim of the venue is due to be made again."""


class RetryCommit(msgspec.Struct, frozen=True, gc=False):
    """The store was away; try the same batch again."""

    __lane__: ClassVar[str] = "control"
