"""What a ledger tells itself, in the lowest lane: when its turn comes no unit waits in the mailbox."""

from typing import ClassVar, Final

import msgspec


class MarkDue(msgspec.Struct, frozen=True):
    """Value the account, and store the marks of its positions."""

    __lane__: ClassVar[str] = "market"


class ProjectLate(msgspec.Struct, frozen=True):
    """Store positions and balances that came too late for their unit."""

    __lane__: ClassVar[str] = "market"


class ValueDue(msgspec.Struct, frozen=True):
    """Value the account after fills."""

    __lane__: ClassVar[str] = "market"


MARK_DUE: Final = MarkDue()
PROJECT_LATE: Final = ProjectLate()
VALUE_DUE: Final = ValueDue()
