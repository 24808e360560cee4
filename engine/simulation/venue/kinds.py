"""The ways to lie, each with what it does."""

from enum import StrEnum
from typing import Final


class FaultKind(StrEnum):
    """One way to lie."""

    # --- Struck at each opportunity, by rate -------------------------------------------------------------------------
    LOST_REQUEST = "lost_request"
    """A request vanishes before the venue acts on it."""
    LATE_REQUEST = "late_request"
    """It is acted on up to 12 s later, or refused as late then."""
    REPEATED_REQUEST = "repeated_request"
    """A layer in between sends a submit, cancel or amend twice: the answer to the second comes, mostly a refusal."""
    LOST_ANSWER = "lost_answer"
    """The effect stays, the answer vanishes."""
    LATE_ANSWER = "late_answer"
    """The answer comes up to 12 s later."""
    GARBAGE = "garbage"
    """The answer is cut short, or is noise."""
    DUPLICATE_PUSH = "duplicate_push"
    """A report comes again up to 10 s later."""
    REORDERED_PUSH = "reordered_push"
    """A report comes up to 2 s later than those after it."""
    FILL_BEFORE_ACK = "fill_before_ack"
    """The answer to a submit comes up to 2 s after the reports of its fills."""
    FILL_AFTER_CANCEL = "fill_after_cancel"
    """An order trades just before its cancel takes effect; the report comes up to 12 s after the answer."""
    STATUS_WITHOUT_TRADES = "status_without_trades"
    """A status counts trades whose reports come up to 20 s later, or never: then only a query shows them."""
    TRADES_WITHOUT_STATUS = "trades_without_status"
    """The trades are reported, the status is not."""
    PARTIAL_PAGE = "partial_page"
    """A page is short, and begins with what the page before ended with."""
    STALE_LIST = "stale_list"
    """A query sees the venue as it was up to the declared read lag ago."""

    # --- Struck by time ----------------------------------------------------------------------------------------------
    RATE_LIMIT = "rate_limit"
    """Every request is refused as too many for up to 20 s."""
    MAINTENANCE = "maintenance"
    """Every request is refused for up to 30 s; the book stands still."""
    HALF_OPEN = "half_open"
    """A link takes bytes and gives none for the rest of its life; every second one still delivers requests."""
    LINK_RESET = "link_reset"
    """A link breaks; what was under way on it is gone."""
    REFUSED_CONNECT = "refused_connect"
    """No new link for up to 20 s."""
    SILENT_PUSHES = "silent_pushes"
    """Reports vanish for up to 60 s; requests are answered."""
    CLOCK_JUMP = "clock_jump"
    """The venue's clock is off by up to 20 s from now on."""
    VOID = "void"
    """A recent spot trade is taken back."""
    RESTART = "restart"
    """All links break, pending reports are lost, orders that ended more than up to 60 s ago are forgotten."""
    EXTERNAL_ORDER = "external_order"
    """Somebody places an order by hand."""
    TRANSFER = "transfer"
    """Money comes or goes."""

    # --- Beyond what is declared: only on purpose --------------------------------------------------------------------
    OVERFILL = "overfill"
    """An order trades more than its quantity."""
    PHANTOM_REJECT = "phantom_reject"
    """An order is taken and its submit answered as rejected."""
    LATE_FILL = "late_fill"
    """An order trades after its end, up to 60 s later."""
    HIDDEN_TRADE = "hidden_trade"
    """A trade counts in every status and is shown by no report and no query."""
    CONFLICTING_TRADE = "conflicting_trade"
    """A second report of a trade says another quantity."""
    LATE_ACCEPT = "late_accept"
    """A request is acted on although it came too late."""
    SLOW_TRADE = "slow_trade"
    """A trade counts in every status at once; reports and queries show it only up to 40 s later."""
    TRUNCATED_PAGE = "truncated_page"
    """A page ends early and says that nothing is behind it."""


BREAKING: Final = frozenset(
    {
        FaultKind.OVERFILL,
        FaultKind.PHANTOM_REJECT,
        FaultKind.LATE_FILL,
        FaultKind.HIDDEN_TRADE,
        FaultKind.CONFLICTING_TRADE,
        FaultKind.LATE_ACCEPT,
        FaultKind.SLOW_TRADE,
        FaultKind.TRUNCATED_PAGE,
    }
)
"""Lies that break the declared limits."""

RARE: Final = (
    FaultKind.OVERFILL,
    FaultKind.PHANTOM_REJECT,
    FaultKind.LATE_FILL,
    FaultKind.HIDDEN_TRADE,
    FaultKind.SLOW_TRADE,
    FaultKind.TRUNCATED_PAGE,
)
"""Those of them after which books can still be right, so that a seed may draw them too, now and then."""

TIMED: Final = frozenset(
    {
        FaultKind.RATE_LIMIT,
        FaultKind.MAINTENANCE,
        FaultKind.HALF_OPEN,
        FaultKind.LINK_RESET,
        FaultKind.REFUSED_CONNECT,
        FaultKind.SILENT_PUSHES,
        FaultKind.CLOCK_JUMP,
        FaultKind.VOID,
        FaultKind.RESTART,
        FaultKind.EXTERNAL_ORDER,
        FaultKind.TRANSFER,
    }
)
"""Lies that begin at a time, not with an event."""

DRAWABLE: Final = frozenset(FaultKind) - BREAKING
"""Lies within the declared limits, which a seed may draw."""
