from engine.domain.identifiers import AccountId
from engine.messages.cell import AccountReadiness, ReconcileAccount, ReconcileAnswer, SetAgentMode
from tests.support.cell_builders import an_id

ACCOUNT = AccountId(an_id(2))


def test_a_reconciliation_that_nobody_explains_was_demanded() -> None:
    assert ReconcileAccount(account_id=ACCOUNT).trigger == "demand"


def test_what_stops_trading_overtakes_orders() -> None:
    assert AccountReadiness.__lane__ == SetAgentMode.__lane__ == "control"


def test_a_failed_reconciliation_has_found_nothing() -> None:
    answer = ReconcileAnswer(account_id=ACCOUNT, outcome="failed", reason="away")
    assert (answer.matched, answer.adopted, answer.late_fills, answer.closed) == (0, 0, 0, 0)
