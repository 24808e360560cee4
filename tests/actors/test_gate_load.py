from decimal import Decimal
from typing import Any

from actors.cell import AgentLoad, AgentPosition
from actors.exposures import Exposures
from actors.gate_load import GateAccount, rebuild
from actors.marks import MarkTable
from engine.messages.rows import BalanceRow, PositionRow
from engine.runtime.clock import VirtualClock
from tests.actors.test_exposures import changed
from tests.support.cell import an_agent
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id
from tests.support.domain import a_perpetual

D = Decimal
PERPETUAL = a_perpetual()


def test_a_gate_knows_again_what_it_knew() -> None:
    position = PositionRow(
        id=an_id(1), user_id=USER, account_id=ACCOUNT, symbol=PERPETUAL.symbol, position_side="net", size=D("-0.3"),
        average_price=D(60_000), mark_price=None, market_value=None, unrealized_pnl=None, realized_pnl=D(0),
        fees_paid=D(0), exchange=PERPETUAL.venue, updated_at=START_NS,
    )  # fmt: skip
    balance = BalanceRow(
        id=an_id(2), user_id=USER, account_id=ACCOUNT, asset="USDT", free=D(5), locked=D(0), total=D(5),
        usd_value=None, exchange=PERPETUAL.venue, updated_at=START_NS,
    )  # fmt: skip
    instruments = {(PERPETUAL.venue, PERPETUAL.symbol): PERPETUAL}
    exposures = Exposures(USER, instruments)
    router: Any = None
    account = GateAccount(
        account_id=ACCOUNT, venue=PERPETUAL.venue, router=router, positions=(position,), balances=(balance,),
        open_orders=(changed(agent_id=AGENT, filled_quantity="0.02"),),
    )  # fmt: skip
    held = AgentPosition(symbol=PERPETUAL.symbol, size=D("0.1"), average_price=D(60_000))
    agent = AgentLoad(row=an_agent(), positions=(held,))
    rebuild(exposures, [account], [agent], instruments=instruments, marks=MarkTable(VirtualClock()))
    assert exposures.total(ACCOUNT, "USDT") == D(5)
    for scope_id, size in ((USER, "-0.3"), (ACCOUNT, "-0.3"), (AGENT, "0.1")):
        assert exposures.book(scope_id).position(PERPETUAL).size == D(size)
        assert exposures.reserved(scope_id) == {an_id(100): D("0.08")}
