"""What can be learnt about an order, and what follows from learning it."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from engine.domain.identifiers import Asset
from engine.domain.kinds import DoneReason, Liquidity, OrderStatus, RequestKind, RequestState
from engine.domain.values import (
    ZERO,
    divide,
    multiply,
    require_decimal,
    require_ns,
    require_positive,
    round_money,
    subtract,
    text_of,
)

FEE_DECIMALS: Final = 8
"""Decimals of the fee of an inferred fill."""


class FillFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution of an order. Within an order the venue's trade id names it: symbol and side are the order's."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    """In `fee_asset`; above zero is paid, below zero a rebate."""
    fee_asset: Asset
    liquidity: Liquidity
    executed_at_ns: int
    inferred: bool = False
    """Derived from a status, because the venue could not give the trades in time."""

    def __post_init__(self) -> None:
        """Refuse what no execution can be: it would poison every sum that it enters."""
        require_positive(self.price, field="price")
        require_positive(self.quantity, field="quantity")
        require_decimal(self.fee, field="fee")
        require_ns(self.executed_at_ns, field="executed_at_ns")

    @property
    def value(self) -> Decimal:
        """Price times quantity."""
        return multiply(self.price, self.quantity)

    def outranks(self, other: "FillFact") -> bool:
        """Tell which of two contradictory reports of one trade is booked.

        The larger quantity, so that what was executed only ever grows; the rest is arbitrary but total, so that every
        order of arrival ends with the same one. Both reports are kept and alarmed.
        """
        return self.rank > other.rank

    @property
    def rank(self) -> tuple[Decimal, int, Decimal, Decimal, str, str]:
        """What `outranks` compares."""
        return self.quantity, self.executed_at_ns, self.fee, self.price, self.fee_asset, self.liquidity


class CumulativeFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The venue's sum of an order's fills, used only when it cannot give the fills themselves."""

    quantity: Decimal
    """Filled so far, above zero."""
    average_price: Decimal
    fee: Decimal
    """For the whole quantity, in `fee_asset`."""
    fee_asset: Asset
    at_ns: int
    """The venue's time of this status."""

    def __post_init__(self) -> None:
        """Refuse what no sum of executions can be."""
        require_positive(self.quantity, field="quantity")
        require_positive(self.average_price, field="average_price")
        require_decimal(self.fee, field="fee")
        require_ns(self.at_ns, field="at_ns")

    def outranks(self, other: "CumulativeFact") -> bool:
        """Tell which of two sums counts: the larger, then the later; the rest only makes the order total."""
        return self.rank > other.rank

    @property
    def rank(self) -> tuple[Decimal, int, Decimal, Decimal, str]:
        """What `outranks` compares."""
        return self.quantity, self.at_ns, self.average_price, self.fee, self.fee_asset


def missing_fill(
    fact: CumulativeFact, known_quantity: Decimal, known_value: Decimal, known_fee: Decimal
) -> FillFact | None:
    """Return the fill that explains the venue's sum beyond the known trades, None if nothing is missing.

    Args:
        fact: The venue's sum.
        known_quantity: Sum of the known trades, voided ones included, since the venue counted them too.
        known_value: Sum of their price times quantity.
        known_fee: Sum of their fees, as far as they are in the asset of the venue's sum.
    """
    missing = subtract(fact.quantity, known_quantity)
    if missing <= ZERO:
        return None
    worth = subtract(multiply(fact.average_price, fact.quantity), known_value)
    # The known trades may contradict the sum so far that nothing sensible is left.
    price = round_money(divide(worth, missing)) if worth > ZERO else fact.average_price
    price = price or fact.average_price
    return FillFact(
        # One that takes the place of another is another row: the venue may tell later what it has cost.
        trade_id=f"inferred:{text_of(fact.quantity)}:{text_of(missing)}:{text_of(price)}:{fact.at_ns}",
        price=price,
        quantity=missing,
        # A sum without fees is one that the venue did not give.
        fee=round_money(max(subtract(fact.fee, known_fee), ZERO) if fact.fee > ZERO else fact.fee, FEE_DECIMALS),
        fee_asset=fact.fee_asset,
        liquidity=Liquidity.TAKER,
        executed_at_ns=fact.at_ns,
        inferred=True,
    )


class StatusFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the venue says about an order as a whole. It never sets the filled quantity."""

    venue_time_ns: int
    """The venue's time of the update."""
    sequence: int = 0
    """Orders updates of one venue time; 0 where the venue has none."""
    external_order_id: str = ""
    """The venue's id; empty where the message does not carry it."""
    filled_quantity: Decimal | None = None
    """What the venue counts as filled; None where the message does not say."""
    done_reason: DoneReason | None = None
    """Why the order left the book; None while it rests there."""


class RequestFact(msgspec.Struct, frozen=True, gc=False):
    """Where one cancel or amend request stands."""

    kind: RequestKind
    state: RequestState


class Alarm(StrEnum):
    """What a person should look at; the order goes on."""

    OVERFILL = "overfill"
    """More was filled than ordered. It is booked."""
    LATE_FILL = "late_fill"
    """A fill of an order that was rejected, denied or proven absent. It is booked."""
    CONFLICTING_TRADE = "conflicting_trade"
    """One trade id with two contents. One is booked, the other kept as evidence."""
    EXISTS_AFTER_ALL = "exists_after_all"
    """The venue has an order that was rejected, denied or proven absent; it may have to be cancelled there."""
    VOIDED = "voided"
    """The venue took a trade back."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What follows from one fact."""

    changed: bool = False
    """Whether the order's row is different now."""
    reverse: tuple[FillFact, ...] = ()
    """Fills to take out of the books, before `book`."""
    book: tuple[FillFact, ...] = ()
    """Fills to book."""
    alarms: tuple[Alarm, ...] = ()
    evidence: tuple[FillFact, ...] = ()
    """Contradictory reports that are kept and not booked; one that was booked is in `reverse` as well."""


UNCHANGED: Final = Outcome()
"""A duplicate, or older than what is known."""
CHANGED: Final = Outcome(changed=True)

REFUSALS: Final = frozenset({DoneReason.REJECTED, DoneReason.DENIED, DoneReason.NEVER_EXISTED})
"""Reasons that claim the order never rested at the venue; a fill proves them wrong."""

DONE_STRENGTH: Final[dict[DoneReason, int]] = {
    DoneReason.DENIED: 1,
    DoneReason.NEVER_EXISTED: 2,
    DoneReason.REJECTED: 3,
    DoneReason.EXPIRED: 4,
    DoneReason.CANCELLED: 5,
    DoneReason.FILLED: 6,
}
"""Of two reasons the stronger is kept, whichever came first: what the venue did outweighs what it, or we, concluded."""

REQUEST_RANK: Final[dict[RequestState, int]] = {
    RequestState.REQUESTED: 0,
    RequestState.UNKNOWN: 1,
    RequestState.REFUSED: 2,
    RequestState.ACKED: 3,
}
"""A request only moves up: an answer settles an unknown outcome, an acknowledgement outweighs a refusal."""

STATUS_OF_DONE: Final = {
    DoneReason.FILLED: OrderStatus.FILLED,
    DoneReason.CANCELLED: OrderStatus.CANCELLED,
    DoneReason.EXPIRED: OrderStatus.EXPIRED,
    DoneReason.REJECTED: OrderStatus.REJECTED,
    DoneReason.DENIED: OrderStatus.REJECTED,
    DoneReason.NEVER_EXISTED: OrderStatus.REJECTED,
}
DETAIL_OF_DONE: Final = {reason: reason.value for reason in (DoneReason.DENIED, DoneReason.NEVER_EXISTED)}

GONE: Final = "gone"
"""Status detail of an order that the venue has shown and knows no more: nobody has told how it ended."""
EXISTS_AFTER_ALL: Final = "exists_after_all"
"""Status detail of an order that was refused and that the venue has shown since: until it ends there it may fill."""


def detail_of(reason: DoneReason, *, is_phantom: bool, is_gone: bool) -> str | None:
    """Return the status detail of an order that has ended; None if its status says all."""
    if is_phantom:
        return EXISTS_AFTER_ALL
    return GONE if is_gone and reason is DoneReason.CANCELLED else DETAIL_OF_DONE.get(reason)


def fill_alarms(*, is_late: bool, is_over: bool) -> tuple[Alarm, ...]:
    """Return the alarms of a fill that contradicts a refusal, or that is more than was ordered."""
    late: tuple[Alarm, ...] = (Alarm.LATE_FILL,) if is_late else ()
    return (*late, Alarm.OVERFILL) if is_over else late
