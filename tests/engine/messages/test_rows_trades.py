"""Of a trade that is written only what is learnt later may change; evidence never does."""

from engine.messages.rows import TradeRow
from engine.messages.rows_trades import TradeChangeRow, TradeEvidenceRow


def test_a_change_of_a_trade_touches_no_fact() -> None:
    changed = set(TradeChangeRow.__struct_fields__) - set(TradeChangeRow.__key__) - {"user_id"}
    assert changed == {"realized_pnl", "voided_by"}
    assert changed <= set(TradeRow.__struct_fields__)
    assert (TradeChangeRow.__table__, TradeChangeRow.__mode__) == (TradeRow.__table__, "update")


def test_evidence_is_only_added() -> None:
    assert TradeEvidenceRow.__mode__ == "insert"
