"""What a router knows of halts: an order of a halted scope that has not left never will.

The gate tells it before anything of the halt is written, so that the acknowledgement of a halt comes after the last
moment at which an order of its scope could leave, whatever has waited for its commit meanwhile.
"""

from actors.proving_alive import ProvingAlive
from engine.domain.kinds import OrderOrigin, Scope, TradingState
from engine.messages.risk import ScopesHalted
from engine.messages.rows import OrderRow
from engine.runtime.actor import handles


class HaltObeying(ProvingAlive):
    """An actor that sends orders, and holds back those of halted scopes."""

    _halted: ScopesHalted = ScopesHalted(scopes=())

    @handles(ScopesHalted)
    def on_scopes_halted(self, message: ScopesHalted) -> None:
        """Hold back what is in these scopes from now on."""
        self._halted = message

    def why_unsendable(self, row: OrderRow, now_ns: int) -> str | None:
        """Return why an order whose intent is durable may not leave at wall time `now_ns`; None if it may."""
        if row.send_by is not None and now_ns > row.send_by:
            return "expired_before_send"
        return "trading_halted" if self.is_halted(row) else None

    def is_halted(self, row: OrderRow) -> bool:
        """Whether an order may not leave. What the engine itself sends to close positions may."""
        if row.origin == OrderOrigin.SYSTEM.value:
            return False
        for state in self._halted.scopes:
            if state.state is not TradingState.HALTED:
                continue
            if state.scope in (Scope.ENGINE, Scope.USER) or state.scope_id in (row.account_id, row.agent_id):
                return True
        return False
