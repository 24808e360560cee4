"""Rows of tables without a user."""

from engine.messages import rows_market
from engine.messages.rows import Row

OWN = [
    kind
    for kind in vars(rows_market).values()
    if isinstance(kind, type) and issubclass(kind, Row) and kind.__module__ == rows_market.__name__
]


def test_market_data_belongs_to_nobody() -> None:
    named = {kind.__name__ for kind in OWN if "user_id" in kind.__struct_fields__}
    assert named <= {"LogRow"}, "a line of the log may be about a user"
    assert len(OWN) >= 6


def test_a_closed_candle_is_never_written_over() -> None:
    assert rows_market.OhlcvRow.__mode__ == "ignore"
    assert rows_market.OhlcvRow.__key__ == ("symbol", "timeframe", "exchange", "open_time")
