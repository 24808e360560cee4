"""The paper venue's dead-man switch: without a refresh in time it cancels what an account has open.

It works while this process does: an engine that dies takes its paper venue along, which then matches nothing either.
"""

from connectors.paper.amending import AmendingVenue
from connectors.paper.messages import DeadManDue
from connectors.paper.rules import UNKNOWN_ACCOUNT
from engine.messages.venues import ArmDeadMan, CannotTell, DeadManArmed
from engine.runtime.actor import handles


class GuardedVenue(AmendingVenue):
    """The switches of all accounts."""

    @handles(ArmDeadMan)
    def on_arm(self, message: ArmDeadMan) -> DeadManArmed | CannotTell:
        """Begin to count, from now."""
        if self._why_away is not None:
            return CannotTell(why=self._why_away)
        if message.account_id not in self._exchange.accounts:
            return CannotTell(why=UNKNOWN_ACCOUNT)
        if not message.timeout_ns:
            self._armed.pop(message.account_id, None)
            return DeadManArmed(account_id=message.account_id, until_ns=0)
        until_ns = self._wall.now_ns() + message.timeout_ns
        self._armed[message.account_id] = until_ns
        self.after(message.timeout_ns, DeadManDue(message.account_id), clock=self._wall)
        return DeadManArmed(account_id=message.account_id, until_ns=until_ns)

    @handles(DeadManDue)
    def on_dead_man_due(self, message: DeadManDue) -> None:
        """Cancel everything of an account that has not been refreshed."""
        account_id = message.account_id
        until_ns = self._armed.get(account_id)
        if until_ns is None or self._wall.now_ns() < until_ns:
            return  # It was refreshed, or disarmed.
        del self._armed[account_id]
        account = self._exchange.accounts.get(account_id)
        if account is None or self._why_away is not None:
            return
        self.log.warning("dead_man_fired", account=str(account_id), open_orders=len(account.open_orders))
        for client_id in tuple(account.open_orders):
            self._exchange.cancel(account, client_id, self._clock.now_ns())
        self._settle()
