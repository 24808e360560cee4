"""An order as three independent facts, from which the one status that people see is computed.

1. `lifecycle`, a rank that never falls.
2. `done_reason`, why it ended; a stronger reason replaces a weaker one.
3. the fills, one per trade id, minus voids; never taken from a status.

Every rule is a maximum or a set union over the facts, so that the same facts in any order, with any repeats, end in one
state. Every step costs the same however many fills came before.
"""

from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from engine.domain.errors import BadInput
from engine.domain.identifiers import Asset, OrderId, Symbol
from engine.domain.kinds import DoneReason, Lifecycle, OrderStatus, RequestKind, RequestState, Side
from engine.domain.order_facts import (
    CHANGED,
    DONE_STRENGTH,
    REFUSALS,
    REQUEST_RANK,
    STATUS_OF_DONE,
    UNCHANGED,
    Alarm,
    CumulativeFact,
    FillFact,
    Outcome,
    RequestFact,
    StatusFact,
    detail_of,
    fill_alarms,
    missing_fill,
)
from engine.domain.values import ZERO, add, divide, require_positive, round_money, subtract

_WORKING: Final = Lifecycle.WORKING
_DONE: Final = Lifecycle.DONE
_FILLED: Final = DoneReason.FILLED

_NAME_OF = {lifecycle: lifecycle.name.lower() for lifecycle in Lifecycle}


class OrderState(msgspec.Struct, kw_only=True, gc=False):
    """All that is known about one order; changed in place by its router only.

    Equal facts give equal states, so `==` is the confluence test. Read fields freely, change them through `apply_*`.
    """

    order_id: OrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    """Ordered; units of quantity."""

    lifecycle: Lifecycle = Lifecycle.CREATED
    claimed_reason: DoneReason | None = None
    """The strongest reason that somebody gave; `done_reason` weighs it against the fills."""
    was_refused: bool = False
    """Somebody claimed that it never rested at the venue."""
    was_seen: bool = False
    """The venue once showed it, or a fill of it."""
    is_gone: bool = False
    """The venue knows it no more, and nobody has told how it ended (`order_gone.py`)."""
    external_order_id: str = ""
    """The venue's id of the order, from the newest status that carries one."""
    external_id_at: tuple[int, int] = (0, 0)
    """(venue time, sequence) of that status."""
    venue_at: tuple[int, int] = (0, 0)
    """(venue time in ns, sequence) of the newest status; it tells an old status from a new one."""
    reported_quantity: Decimal = ZERO
    """What the newest status has counted as filled: less than one before where the venue took a trade back."""
    reported_at: tuple[bool, int, int] = (False, 0, 0)
    """(whether it is the end, which has no sequence and the last word; venue time, sequence) of that status."""
    amended_at: tuple[int, Decimal, Decimal, Decimal] = (-1, ZERO, ZERO, ZERO)
    """Rank of the newest amend (`order_amend.py`)."""

    trades: dict[str, FillFact] = msgspec.field(default_factory=dict)
    """Trade id -> the report that counts, voided ones included."""
    evidence: dict[FillFact, None] = msgspec.field(default_factory=dict)
    """Contradictory reports that do not count, as a set."""
    voided: dict[str, None] = msgspec.field(default_factory=dict)
    """Trade ids that the venue took back, as a set; one that is not in `trades` is a tombstone."""
    cumulative: CumulativeFact | None = None
    """The venue's own sum, where it could not give the fills."""
    inferred: FillFact | None = None
    """What is booked for `cumulative` beyond the known trades."""
    traded_quantity: Decimal = ZERO
    """Sum of the known trades, voided ones included."""
    traded_value: Decimal = ZERO
    filled_quantity: Decimal = ZERO
    """Sum of what is booked: known trades without voided ones, and the inferred fill."""
    filled_value: Decimal = ZERO
    fees: dict[Asset, Decimal] = msgspec.field(default_factory=dict)
    """Asset -> fees of what is booked, without zeros."""
    requests: dict[UUID, RequestFact] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a quantity that is no quantity."""
        require_positive(self.quantity, field="quantity")

    # --- What people see -----------------------------------------------------------------------------------------

    @property
    def done_reason(self) -> DoneReason | None:
        """Why the order ended, None while it lives. A refusal that a fill proved wrong reads as cancelled."""
        if self.lifecycle is not _DONE:
            return None
        total = self.total_quantity
        if total >= self.quantity:
            return _FILLED
        if total and self.claimed_reason in REFUSALS:
            return DoneReason.CANCELLED
        return self.claimed_reason

    @property
    def status(self) -> OrderStatus:
        """The one word for tables and screens."""
        return self.describe()[0]

    @property
    def status_detail(self) -> str | None:
        """Which kind of pending (`created`, `submitting`, `unknown`), of rejected (`denied`, ...) or of cancelled."""
        return self.describe()[1]

    def describe(self) -> tuple[OrderStatus, str | None, DoneReason | None]:
        """Return status, status detail and the reason of the end, of which each follows from the next."""
        lifecycle = self.lifecycle
        if lifecycle is _WORKING:
            return OrderStatus.PARTIAL if self.filled_quantity else OrderStatus.OPEN, None, None
        if lifecycle is not _DONE:
            return OrderStatus.PENDING, _NAME_OF[lifecycle], None
        reason = self.done_reason
        if reason is None:
            return OrderStatus.PENDING, None, None
        return STATUS_OF_DONE[reason], detail_of(reason, is_phantom=self.is_phantom, is_gone=self.is_gone), reason

    @property
    def is_done(self) -> bool:
        """Whether it can rest at the venue no more. Fills may still come, and are booked."""
        return self.lifecycle is _DONE

    @property
    def is_phantom(self) -> bool:
        """Whether it counts as refused, or proven absent, and yet the venue has shown it and not ended it."""
        is_contradicted = self.was_refused and self.was_seen and self.claimed_reason in REFUSALS
        return is_contradicted and self.lifecycle is _DONE and self.total_quantity < self.quantity

    @property
    def total_quantity(self) -> Decimal:
        """What the venue has executed as far as we know it: trades (voided ones too) or its own larger sum."""
        traded, cumulative = self.traded_quantity, self.cumulative
        return traded if cumulative is None or cumulative.quantity <= traded else cumulative.quantity

    @property
    def missing_quantity(self) -> Decimal:
        """What a status has counted as filled and no trade explains: fetch the fills."""
        missing = subtract(self.reported_quantity, self.total_quantity)
        return max(missing, ZERO)

    @property
    def open_quantity(self) -> Decimal:
        """What may still change the position: the rest while it lives, then the fills that are still missing."""
        if self.lifecycle is _DONE and not self.is_phantom:
            return self.missing_quantity
        rest = subtract(self.quantity, self.total_quantity)
        return max(rest, ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of what is booked, rounded to 18 decimals; None before the first fill."""
        if not self.filled_quantity:
            return None
        return round_money(divide(self.filled_value, self.filled_quantity))

    @property
    def is_overfilled(self) -> bool:
        """Whether more was filled than ordered."""
        return self.filled_quantity > self.quantity

    @property
    def is_late_fill(self) -> bool:
        """Whether a fill contradicts a refusal."""
        return self.was_refused and bool(self.total_quantity)

    # --- Facts ---------------------------------------------------------------------------------------------------

    def apply_submitted(self) -> Outcome:
        """The intent is on its way: from now on the venue may have it."""
        return self._rise(Lifecycle.SUBMITTING)

    def apply_unknown(self) -> Outcome:
        """The outcome of the submit is not known. Only evidence leads out of this."""
        return self._rise(Lifecycle.UNKNOWN)

    def apply_accepted(self, external_order_id: str, venue_time_ns: int) -> Outcome:
        """The venue has the order."""
        return self.apply_status(StatusFact(external_order_id=external_order_id, venue_time_ns=venue_time_ns))

    def apply_done(self, reason: DoneReason) -> Outcome:
        """The order has ended, by our own decision or by proof, without a status of the venue.

        The caller applies `NEVER_EXISTED` only to an order in UNKNOWN: a working order that is absent from one answer
        is a slow read, not a proof.
        """
        is_refusal = self._learn_refusal(reason)
        changed = self._claim(reason) or is_refusal
        return Outcome(changed=True, alarms=self._refusal_alarms()) if changed else UNCHANGED

    def apply_status(self, status: StatusFact) -> Outcome:
        """The venue tells where the order stands.

        An older status than the newest one changes nothing but what can only grow: that the order exists and has ended.
        """
        reason = status.done_reason
        changed = self._learn_venue_data(status)
        contradicts = self._learn_refusal(reason)
        if reason not in REFUSALS and not self.was_seen:
            self.was_seen = contradicts = True
        ended = self._rise(_WORKING).changed if reason is None else self._claim(reason)
        if contradicts:
            return Outcome(changed=True, alarms=self._refusal_alarms())
        return CHANGED if changed or ended else UNCHANGED

    def apply_fill(self, fill: FillFact) -> Outcome:
        """Book a real trade once, in whatever state the order is; sums of the venue go to `apply_cumulative`.

        Returns:
            `book` holds the fill; `reverse` what it replaces (an inferred fill, or a contradictory report). Empty for a
            duplicate or a voided trade.
        """
        known = self.trades.get(fill.trade_id)
        if known is not None:
            return UNCHANGED if fill == known or fill in self.evidence else self._conflict(known, fill)
        if fill.inferred:
            raise BadInput("inferred", expected="a real trade", was=fill.trade_id)
        late_before, over_before = self.is_late_fill, self.is_overfilled
        self.trades[fill.trade_id] = fill
        self.traded_quantity = add(self.traded_quantity, fill.quantity)
        self.traded_value = add(self.traded_value, fill.value)
        is_voided = fill.trade_id in self.voided
        if not is_voided:
            self._count(fill, sign=1)
        self._learn_execution()
        if self.cumulative is None and not is_voided and not self.was_refused and not self.is_overfilled:
            return Outcome(changed=True, book=(fill,))
        reverse, book = self._infer()
        alarms = self._new_alarms(late=late_before, over=over_before)
        return Outcome(changed=True, reverse=reverse, book=book if is_voided else (fill, *book), alarms=alarms)

    def apply_cumulative(self, fact: CumulativeFact) -> Outcome:
        """Book one inferred fill for what the venue has counted beyond the trades that it gave.

        Real trades that come later replace it, part by part.
        """
        if self.cumulative is not None and not fact.outranks(self.cumulative):
            return UNCHANGED
        late_before, over_before = self.is_late_fill, self.is_overfilled
        self.cumulative = fact
        self._learn_execution()
        reverse, book = self._infer()
        alarms = self._new_alarms(late=late_before, over=over_before)
        return Outcome(changed=True, reverse=reverse, book=book, alarms=alarms)

    def apply_void(self, trade_id: str) -> Outcome:
        """The venue took a trade back. Of an unknown trade a tombstone is kept, so that it is never booked."""
        if trade_id in self.voided:
            return UNCHANGED
        self.voided[trade_id] = None
        fill = self.trades.get(trade_id)
        if fill is None:
            return CHANGED
        self._count(fill, sign=-1)
        return Outcome(changed=True, reverse=(fill,), alarms=(Alarm.VOIDED,))

    def apply_request(self, request_id: UUID, kind: RequestKind, state: RequestState) -> Outcome:
        """A cancel or amend request was made or answered. It never changes the order itself."""
        known = self.requests.get(request_id)
        if known is not None and REQUEST_RANK[state] <= REQUEST_RANK[known.state]:
            return UNCHANGED
        self.requests[request_id] = RequestFact(kind, state)
        return CHANGED

    # --- How -----------------------------------------------------------------------------------------------------

    def _rise(self, lifecycle: Lifecycle) -> Outcome:
        if lifecycle <= self.lifecycle:
            return UNCHANGED
        self.lifecycle = lifecycle
        return CHANGED

    def _claim(self, reason: DoneReason) -> bool:
        """Keep the stronger reason; tell whether that, or the order's end, is new."""
        is_new = self._rise(_DONE).changed
        claimed = self.claimed_reason
        if claimed is None or DONE_STRENGTH[reason] > DONE_STRENGTH[claimed]:
            self.claimed_reason = reason
            return True
        return is_new

    def _learn_venue_data(self, status: StatusFact) -> bool:
        """Keep the newest time, id and filled quantity; tell whether one of them is new."""
        changed = False
        at, name = (status.venue_time_ns, status.sequence), status.external_order_id
        if at > self.venue_at:
            self.venue_at = at
            changed = True
        if name and (*at, name) > (*self.external_id_at, self.external_order_id):
            self.external_id_at, self.external_order_id = at, name
            changed = True
        filled = status.filled_quantity
        rank = (status.done_reason is not None, *at)
        if filled is not None and (*rank, filled) > (*self.reported_at, self.reported_quantity):
            self.reported_at, self.reported_quantity = rank, filled
            changed = True
        return changed

    def _learn_refusal(self, reason: DoneReason | None) -> bool:
        if self.was_refused or reason not in REFUSALS:
            return False
        self.was_refused = True
        return True

    def _learn_execution(self) -> None:
        """A fill implies the acknowledgement, and the last one the end."""
        self.was_seen = True
        if self.total_quantity >= self.quantity:
            self.lifecycle = _DONE
        elif self.lifecycle < _WORKING:
            self.lifecycle = _WORKING

    def _count(self, fill: FillFact, *, sign: int) -> None:
        """Add a fill to what is booked, or take it out."""
        move = add if sign > 0 else subtract
        self.filled_quantity = move(self.filled_quantity, fill.quantity)
        self.filled_value = move(self.filled_value, fill.value)
        if fill.fee:
            total = move(self.fees.get(fill.fee_asset, ZERO), fill.fee)
            if total:
                self.fees[fill.fee_asset] = total
            else:
                self.fees.pop(fill.fee_asset, None)

    def _infer(self) -> tuple[tuple[FillFact, ...], tuple[FillFact, ...]]:
        """Set the inferred fill anew; return what to reverse and what to book."""
        old, new, fact = self.inferred, None, self.cumulative
        if fact is not None:
            new = missing_fill(fact, self.traded_quantity, self.traded_value, self.traded_fee(fact.fee_asset))
        if old == new:
            return (), ()
        self.replace_inferred(new)
        return (() if old is None else (old,)), (() if new is None else (new,))

    def traded_fee(self, asset: Asset) -> Decimal:
        """Sum the fees of the known trades in one asset, voided ones included."""
        amount = ZERO
        for fill in self.trades.values():
            if fill.fee_asset == asset:
                amount = add(amount, fill.fee)
        return amount

    def replace_inferred(self, new: FillFact | None) -> None:
        """Count another inferred fill, or none, in the place of the present one."""
        if self.inferred is not None:
            self._count(self.inferred, sign=-1)
        if new is not None:
            self._count(new, sign=1)
        self.inferred = new

    def _conflict(self, known: FillFact, fill: FillFact) -> Outcome:
        """One trade id, two contents: book the one that outranks, keep the other as evidence."""
        if not fill.outranks(known):
            self.evidence[fill] = None
            return Outcome(changed=True, alarms=(Alarm.CONFLICTING_TRADE,), evidence=(fill,))
        self.evidence[known] = None
        self.trades[fill.trade_id] = fill
        over_before = self.is_overfilled
        self.traded_quantity = add(self.traded_quantity, subtract(fill.quantity, known.quantity))
        self.traded_value = add(self.traded_value, subtract(fill.value, known.value))
        is_voided = fill.trade_id in self.voided
        if not is_voided:
            self._count(known, sign=-1)
            self._count(fill, sign=1)
        self._learn_execution()
        reverse, book = self._infer()
        alarms = (Alarm.CONFLICTING_TRADE, *self._new_alarms(late=self.is_late_fill, over=over_before))
        if is_voided:
            return Outcome(changed=True, reverse=reverse, book=book, alarms=alarms, evidence=(known,))
        return Outcome(changed=True, reverse=(known, *reverse), book=(fill, *book), alarms=alarms, evidence=(known,))

    def _new_alarms(self, *, late: bool, over: bool) -> tuple[Alarm, ...]:
        return fill_alarms(is_late=self.is_late_fill and not late, is_over=self.is_overfilled and not over)

    def _refusal_alarms(self) -> tuple[Alarm, ...]:
        if not (self.was_refused and self.was_seen):
            return ()
        return (Alarm.LATE_FILL,) if self.total_quantity else (Alarm.EXISTS_AFTER_ALL,)
