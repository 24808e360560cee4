"""How long a command travels to the paper venue."""

import msgspec

from engine.domain.values import require_ns


class PaperLatency(msgspec.Struct, frozen=True, kw_only=True):
    """How long commands travel, in nanoseconds of market time."""

    submit_ns: int = 0
    cancel_ns: int = 0
    jitter_ns: int = 0
    """At most this much more, drawn anew for each command."""

    def __post_init__(self) -> None:
        """Refuse to travel back in time."""
        for field in self.__struct_fields__:
            require_ns(getattr(self, field), field=field)
