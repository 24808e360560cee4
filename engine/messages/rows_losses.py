"""How losses are kept: what a day began with, and which limits have tripped."""

from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from engine.messages.rows import Mode, Ns, Row, TextArray
from engine.messages.rows_people import LimitRow


class RiskDayRow(Row, frozen=True, kw_only=True):
    """`risk_days`: the newest day of an account, or of all accounts of a user."""

    __table__: ClassVar[str] = "risk_days"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "scope", "scope_id")
    __mode__: ClassVar[Mode] = "upsert"

    user_id: UUID
    scope: str
    """`account` or `user`."""
    scope_id: UUID
    """The user's own id for scope `user`."""
    day: Annotated[str, "date"]
    """In the user's time zone, by market time."""
    start_equity: Decimal
    """Equity that the day began with, plus what was transferred since, in the account's valuation asset."""
    base_equity: Decimal
    """What the loss is measured from: `start_equity`, or the equity when a person resumed after a loss."""
    high_water_mark: Decimal
    """Highest equity ever seen, moved by transfers as well."""
    unpriced: TextArray
    """Assets that had no price when the equity was last compared."""
    updated_at: Ns


class LimitTripRow(LimitRow, frozen=True, kw_only=True):
    """`trading_limits`: a limit that has tripped, or that a person has armed again.

    A default of `[risk]` has no row of its own; its trip is kept as one that is not active.
    """

    tripped_at: Ns | None
    """Market time; None once a person has resumed."""
