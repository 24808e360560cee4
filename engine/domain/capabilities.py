"""What a venue can do, declared by its connector; the risk gate denies the rest before the wire.

Differences that look small decide whether money is lost: whether a repeated client id makes a second order, and when
the absence of an order is a proof.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

import msgspec

from engine.domain.errors import BadInput
from engine.domain.identifiers import Venue
from engine.domain.kinds import PRICED_TYPES, InstrumentKind, OrderType, TimeInForce
from engine.domain.violation import Violation, violation


class AmendKind(StrEnum):
    """How an open order is changed."""

    NONE = "none"
    IN_PLACE = "in_place"
    """It keeps its id."""
    REPLACE = "replace"
    """The venue cancels it and makes a new one with a new id."""


class DuplicateRule(StrEnum):
    """What the venue does with a client id that it has seen."""

    REFUSES = "refuses"
    """For ever: sending again is safe."""
    REFUSES_WHILE_OPEN = "refuses_while_open"
    """Once the first is filled or cancelled a second order is made: never send again."""
    RETURNS_FIRST = "returns_first"
    """Answers with the first order: sending again is safe."""
    IGNORES = "ignores"
    """Makes a second order."""


class ValidityKind(StrEnum):
    """How a request can carry the time after which the venue must not act on it."""

    NONE = "none"
    """It cannot: the absence of an order is never proven by time."""
    RECEIVE_WINDOW = "receive_window"
    """Timestamp plus window (Binance)."""
    EXPIRES_AFTER = "expires_after"
    """An absolute time in the signed request (Hyperliquid)."""
    TOKEN_EXPIRY = "token_expiry"  # noqa: S105 - a kind of limit
    """The credentials of the request expire (Coinbase)."""
    VALID_UNTIL = "valid_until"
    """A field of the request (paper and remote venues)."""


class PrivateStream(StrEnum):
    """What a venue pushes about an account without being asked."""

    ORDERS = "orders"
    FILLS = "fills"
    BALANCES = "balances"
    POSITIONS = "positions"


class ClientIdRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a client order id may look like, and what repeating one does."""

    pattern: str
    """Regular expression that the whole id matches."""
    duplicates: DuplicateRule
    is_queryable: bool
    """Whether an order can be asked for by this id alone."""

    def __post_init__(self) -> None:
        """Refuse a pattern that is none."""
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise BadInput("client_id.pattern", expected="a regular expression", was=self.pattern) from error

    def allows(self, client_id: str) -> bool:
        """Tell whether the venue takes this id."""
        return re.fullmatch(self.pattern, client_id, re.ASCII) is not None

    def spell(self, order_id: UUID) -> str:
        """Write an order's id in the first of our spellings that the venue takes.

        Source: Binance newClientOrderId (36 characters of `[a-zA-Z0-9-_]`), Coinbase and Kraken (a UUID), Hyperliquid
        cloid (`0x` and 32 hex digits). A venue that takes none of them refuses the first one.
        """
        spellings = (f"cv-{order_id.hex}", str(order_id), f"0x{order_id.hex}")
        return next((text for text in spellings if self.allows(text)), spellings[0])

    @property
    def may_resend(self) -> bool:
        """Whether the same request may be sent again while its outcome is unknown."""
        return self.duplicates in (DuplicateRule.REFUSES, DuplicateRule.RETURNS_FIRST)


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue's private connection can do. Every absent ability is False or empty."""

    venue: Venue
    kinds: frozenset[InstrumentKind]
    order_types: frozenset[OrderType]
    times_in_force: frozenset[TimeInForce]
    """Of orders that have a limit price; market orders are immediate."""
    client_id: ClientIdRule
    post_only: bool = False
    reduce_only: frozenset[InstrumentKind] = frozenset()
    """Kinds on which an order can be made reduce-only."""
    market_needs_price: bool = False
    """A market order needs a worst price (Hyperliquid sends it as an immediate limit order)."""
    amend: AmendKind = AmendKind.NONE
    batch_submit_max: int = 1
    """Orders in one request; 1 is no batch."""
    batch_cancel_max: int = 1
    cancel_all: bool = False
    dead_man_switch: bool = False
    """The venue cancels everything by itself when our heartbeat stops."""
    dead_man_min_ns: int = 0
    """Shortest silence that its switch waits for."""
    private_streams: frozenset[PrivateStream] = frozenset()
    validity: ValidityKind = ValidityKind.NONE
    validity_max_ns: int = 0
    """Longest time after sending at which the venue may still act on a request; 0 without a validity."""
    read_lag_ns: int = 0
    """How long after an order exists a query may still not show it."""

    def __post_init__(self) -> None:
        """Refuse declarations that contradict themselves."""
        for field in ("batch_submit_max", "batch_cancel_max"):
            if getattr(self, field) < 1:
                raise BadInput(field, expected="1 or more", was=getattr(self, field))
        if self.read_lag_ns < 0:
            raise BadInput("read_lag_ns", expected="0 or more", was=self.read_lag_ns)
        if (self.validity is ValidityKind.NONE) != (self.validity_max_ns == 0) or self.validity_max_ns < 0:
            raise BadInput("validity_max_ns", expected="0 only without a validity", was=self.validity_max_ns)
        if not self.reduce_only <= self.kinds:
            raise BadInput("reduce_only", expected=f"kinds out of {sorted(self.kinds)}", was=sorted(self.reduce_only))

    def check_order(
        self,
        *,
        kind: InstrumentKind,
        type: OrderType,
        time_in_force: TimeInForce,
        post_only: bool,
        reduce_only: bool,
    ) -> Violation | None:
        """Return the first thing that the venue cannot do with such an order, None if it can do everything."""
        if kind not in self.kinds:
            return _unsupported("instrument_kind", self.kinds, kind)
        if type not in self.order_types:
            return _unsupported("order_type", self.order_types, type)
        has_limit = type in PRICED_TYPES
        if has_limit and time_in_force not in self.times_in_force:
            return _unsupported("time_in_force", self.times_in_force, time_in_force)
        if post_only and not (has_limit and time_in_force is TimeInForce.GTC):
            # It could never rest; venues refuse it with a dozen different codes.
            return violation("post_only_contradiction", "a resting limit order", f"{type} {time_in_force}")
        return self._check_flags(kind, post_only=post_only, reduce_only=reduce_only)

    def _check_flags(self, kind: InstrumentKind, *, post_only: bool, reduce_only: bool) -> Violation | None:
        if post_only and not self.post_only:
            return violation("post_only_unsupported", "an order that may take", "post only")
        if reduce_only and kind not in self.reduce_only:
            return violation("reduce_only_unsupported", "an order that may open", "reduce only")
        return None

    def absence_counts_after_ns(self, send_by_ns: int) -> int | None:
        """Return the venue's time from which a missing order never existed; None if no time proves it.

        Args:
            send_by_ns: Last moment at which the request may have left us.
        """
        if self.validity is ValidityKind.NONE:
            return None
        return send_by_ns + self.validity_max_ns + self.read_lag_ns


def _unsupported(what: str, possible: Iterable[str], was: str) -> Violation:
    return violation(f"{what}_unsupported", " or ".join(sorted(possible)), str(was))
