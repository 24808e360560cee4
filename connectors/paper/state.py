"""What the paper venue knows: accounts, markets, counters, and the batch of changes that is being gathered."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from connectors.paper.accounts import ACCOUNT_KINDS, Balance, PaperAccount
from connectors.paper.batch import Batch
from connectors.paper.client_ids import ClientIds
from connectors.paper.matching import FillModel, Market
from connectors.paper.order import PaperOrder
from engine.domain.book import UNCHECKED, SequenceRule
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Symbol, UserId, Venue
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO, add, parse_decimal, text_of
from engine.messages.ports import PaperState
from engine.messages.rows_paper import PaperAccountRow
from engine.messages.venues import OpenAccount

NS_PER_US: Final = 1_000
ASSET_LENGTH_MAX: Final = 20
"""Letters that `paper.balances.asset` holds."""


class VenueState:
    """Everything that one paper venue knows."""

    def __init__(
        self,
        venue: Venue,
        *,
        horizon: UUID,
        fill_model: FillModel = FillModel.BOOK,
        rule: SequenceRule = UNCHECKED,
    ) -> None:
        """Start without accounts and instruments.

        Args:
            venue: Its name.
            horizon: An id made now (`ClientIds`).
            fill_model: How much of the market is there to be had.
            rule: How the venue numbers its book diffs.
        """
        self.venue = venue
        self.accounts: dict[AccountId, PaperAccount] = {}
        self.markets: dict[Symbol, Market] = {}
        self.last_order_id = 0
        self.last_trade_id = 0
        self.time_ns = 0
        """Time of the newest change; never goes back, also when a replay starts over."""
        self.batch = Batch()
        self._horizon = horizon
        self._fill_model = fill_model
        self._rule = rule
        self.moved: dict[PaperOrder, None] = {}
        self._waiting: list[PaperAccount] = []

    # --- Set up ------------------------------------------------------------------------------------------------------

    def load(self, state: PaperState) -> None:
        """Continue from what the store holds. Orders and positions wait for their instruments."""
        for account in state.accounts:
            self._new_account(account)
        for balance in state.balances:
            self.accounts[AccountId(balance.account_id)].balances[balance.asset] = Balance(
                AccountId(balance.account_id), balance.asset, add(balance.free, balance.locked), balance.locked
            )
        for position in state.positions:
            self.accounts[AccountId(position.account_id)].waiting[position.symbol] = position
        for row in sorted(state.open_orders, key=lambda row: int(row.external_order_id)):
            account_of = self.accounts[AccountId(row.account_id)]
            account_of.open_orders[row.venue_client_id] = PaperOrder.from_row(account_of, row)
            account_of.waiting.setdefault(row.symbol, None)
            self.last_order_id = int(row.external_order_id)
        self._waiting = [account_of for account_of in self.accounts.values() if account_of.waiting]
        self.last_trade_id = state.last_cursor
        mark = state.mark
        self.last_order_id = max(self.last_order_id, state.last_order_id, mark.last_order_id if mark else 0)
        self.time_ns = mark.updated_at if mark else 0

    def list_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Open markets, or give known ones new rules; take back the orders and positions that waited for them."""
        for instrument in instruments:
            symbol = instrument.symbol
            market = self.markets.get(symbol)
            if market is None:
                market = Market(instrument, fill_model=self._fill_model, rule=self._rule, moved=self.moved)
                self.markets[symbol] = market
                self._take_back(market)
            elif market.instrument != instrument:
                market.instrument = instrument
                for account in self.accounts.values():
                    if symbol in account.holdings:
                        account.holdings[symbol].follow(instrument)
        for account in self._waiting:
            if not account.waiting:
                account.require_anew(lambda symbol: self.markets[symbol].instrument)
        self._waiting = [account for account in self._waiting if account.waiting]

    def open_account(self, message: OpenAccount, at_ns: int) -> bool:
        """Make an account with its starting balances; False if it is known already, which changes nothing.

        Raises:
            BadInput: The kind is unknown, or a balance is not a storable number of zero or more.
        """
        if message.account_id in self.accounts:
            return False
        if message.kind not in ACCOUNT_KINDS:
            raise BadInput("kind", expected=" or ".join(ACCOUNT_KINDS), was=message.kind)
        amounts = {}
        for asset, amount in message.starting_balances.items():
            if not 0 < len(asset) <= ASSET_LENGTH_MAX:
                raise BadInput("starting_balances", expected=f"assets of 1 to {ASSET_LENGTH_MAX} letters", was=asset)
            amounts[asset] = parse_decimal(amount, field=f"starting_balances.{asset}")
            if amounts[asset] < ZERO:
                raise BadInput(f"starting_balances.{asset}", expected="zero or more", was=amount)
        self.advance(at_ns)
        row = PaperAccountRow(
            account_id=message.account_id,
            user_id=message.user_id,
            venue=self.venue,
            kind=message.kind,
            starting_balances={asset: text_of(amount) for asset, amount in amounts.items()},
            created_at=self.time_ns,
        )
        account = self._new_account(row)
        self.batch.accounts.append(row)
        for asset, amount in amounts.items():
            balance = account.balance(asset)
            balance.total = amount
            self.batch.changed[balance] = None
        return True

    def _take_back(self, market: Market) -> None:
        symbol = market.instrument.symbol
        for account in self._waiting:
            if symbol in account.waiting:
                account.adopt(market.instrument)
                for order in account.open_orders.values():
                    if order.symbol == symbol:
                        market.add(order)
                        if order.is_capped:
                            account.reducers[order] = None

    def _new_account(self, row: PaperAccountRow) -> PaperAccount:
        account = PaperAccount(AccountId(row.account_id), UserId(row.user_id), row.kind, ClientIds(self._horizon))
        self.accounts[account.id] = account
        return account

    def advance(self, at_ns: int) -> int:
        """Move the venue's time to `at_ns` unless it is there already, and return it.

        It counts whole microseconds, which is what columns hold: a fill that is read back equals the one that was said.
        Time in what the venue says never goes back: a replay that starts over would otherwise date a cancel before the
        order that it cancels, and whoever orders news by time would drop it.
        """
        self.time_ns = max(self.time_ns, at_ns - at_ns % NS_PER_US)
        return self.time_ns
