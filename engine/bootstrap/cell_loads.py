"""What the actors of a cell are told about the past, made of what was loaded."""

from collections.abc import Sequence
from typing import Any

from actors.cell import AgentLoad, AgentPosition
from actors.gate_load import GateAccount
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId
from engine.messages.load import AccountState, AgentState, CellState
from engine.messages.orders import OrderChanged
from engine.runtime.ref import Ref


class WiredAccount:
    """The actors of one account."""

    def __init__(
        self,
        state: AccountState,
        connector: Ref[Any],
        router: Ref[Any],
        ledger: Ref[Any],
        open_orders: tuple[OrderChanged, ...],
        capabilities: Capabilities | None,
    ) -> None:
        """Keep them; `connector`: who takes its orders; `capabilities`: what that can do, None if it cannot say."""
        self.id = AccountId(state.row.id)
        self.state = state
        self.connector = connector
        self.router = router
        self.ledger = ledger
        self.open_orders = open_orders
        self.capabilities = capabilities


def gate_account(account: WiredAccount) -> GateAccount:
    """Return what the gate is told of an account."""
    return GateAccount(
        account_id=account.id,
        venue=account.state.row.exchange,
        router=account.router,
        capabilities=account.capabilities,
        is_guarded=bool(account.state.row.dead_man_ms),
        positions=account.state.positions,
        balances=account.state.balances,
        open_orders=account.open_orders,
    )


def losses(state: CellState, accounts: Sequence[WiredAccount]) -> dict[str, Any]:
    """Return what the gate is told of losses so far; names are those of its arguments."""
    return {
        "time_zone": state.time_zone,
        "risk_days": state.risk_days,
        "trips": state.trips,
        "last_values": [each.state.last_value for each in accounts if each.state.last_value is not None],
    }


def agent_load(agent: AgentState) -> AgentLoad:
    """Return what the coordinator is told of an agent."""
    return AgentLoad(
        row=agent.row,
        version=agent.version,
        state=agent.state,
        input_position=agent.input_position,
        positions=tuple(
            AgentPosition(
                symbol=each.symbol,
                size=each.size,
                average_price=each.average_price,
                realized_pnl=each.realized_pnl,
                fees=each.fees,
            )
            for each in agent.holdings
        ),
    )
