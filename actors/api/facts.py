"""What the engine is, as the API tells it: version, market, money."""

import msgspec


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that hold while the process runs; shown by `/api/v1/me` and the console."""

    version: str
    market_source: str
    """`simulated`, `replay` or `live`."""
    is_paper: bool
    """No account of this engine trades real money."""
    started_at_ns: int
    """Wall clock."""
