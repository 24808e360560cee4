"""Ports for whoever reads what is durable: `Reads` for one tenant at a time, `Identity` for who is asking.

Rows come as JSON text that the database has built (`bytes`, UTF-8): keys are column names, decimals are strings,
times are RFC 3339 UTC with microseconds, ids are their usual 36 characters, absent values are `null`. They go to the
client as they are; the few callers that need a value decode one item.

A tenant read sees the rows of `user_id` only, by the database's own row-level security. What does not exist and what
belongs to somebody else look the same.

Every method may raise:
    DependencyAway: the database is away; answer 503.
"""

from typing import Any, Protocol
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, AgentId, ExecutorId, OrderId, Symbol, UserId, Venue
from engine.messages.rows import DiscrepancyRow
from engine.messages.rows_people import UserRow, UserSessionRow
from engine.messages.writing import CommittedEvent

LIMIT_MAX = 500
"""Rows of one page."""


class PageRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which part of a list."""

    limit: int = 100
    """Rows, 1 to `LIMIT_MAX`."""
    cursor: str | None = None
    """`next_cursor` of the page before; None for the first page."""


FIRST_PAGE = PageRequest()


class Page(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Part of a list, newest first where the method does not say otherwise."""

    items: bytes
    """JSON array of objects; `[]` if there are none."""
    next_cursor: str | None = None
    """None on the last page. Letters, digits, `-` and `_` only."""

    @property
    def body(self) -> bytes:
        """The answer of a list as the HTTP interface gives it: `{"items": [...], "next_cursor": ...}`."""
        cursor = b"null" if self.next_cursor is None else b'"%b"' % self.next_cursor.encode()
        return b'{"items":%b,"next_cursor":%b}' % (self.items, cursor)


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which orders; what is None matches everything."""

    account_id: AccountId | None = None
    symbol: Symbol | None = None
    agent_id: AgentId | None = None
    status: tuple[str, ...] = ()
    """Any of these (`OrderStatus`); empty: every status."""
    client_order_id: str | None = None
    since_ns: int | None = None
    """Created at or after."""
    until_ns: int | None = None
    """Created before."""


class TradeFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which trades; what is None matches everything."""

    account_id: AccountId | None = None
    symbol: Symbol | None = None
    order_id: OrderId | None = None
    since_ns: int | None = None
    """Executed at or after."""
    until_ns: int | None = None
    """Executed before."""


class SignalFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which signals; what is None matches everything."""

    agent_id: AgentId | None = None
    symbol: Symbol | None = None
    since_ns: int | None = None
    until_ns: int | None = None


class LedgerFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which ledger entries; what is None matches everything."""

    account_id: AccountId | None = None
    order_id: OrderId | None = None
    since_ns: int | None = None
    until_ns: int | None = None


class JournalHead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What of a user's journal is kept."""

    oldest: int
    """Lowest seq that can still be replayed; `last + 1` if nothing is kept."""
    last: int
    """Highest seq given out, 0 before the first event."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of some channels and the head of the journal, all of one moment.

    The first event after it has `prev` at or below `seq`.
    """

    seq: int
    data: dict[str, bytes]
    """Per channel a JSON array: `orders` the unfinished ones, newest first; `trades`, `signals`, `alerts` the newest
    100; `positions` those with a size, `balances` and `agents` all; `portfolio` the newest equity point per account;
    `risk` the limits; `control` the trading states. A channel without state (unknown to the schema) is `[]`."""


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The first answer to an idempotency key."""

    request_hash: str
    status_code: int
    object_type: str | None
    object_id: str | None
    answer: Any
    """JSON value."""


class Reads(Protocol):
    """What a tenant may see. Runs in a transaction under the role `authenticated` with the user's id."""

    # Orders and what follows from them. Lists newest first unless said otherwise.

    async def orders(self, user_id: UserId, where: OrderFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read orders (columns of `OrderRow`, less `request`).

        Raises:
            BadInput: The cursor is not one of ours (field `cursor`); the same for every list with a cursor.
        """

    async def order(self, user_id: UserId, order_id: OrderId) -> bytes | None:
        """Read one order as a JSON object with all columns."""

    async def order_events(self, user_id: UserId, order_id: OrderId) -> Page:
        """Read the journal of one order, its trades included, oldest first.

        Items: `{seq, prev, channel, type, at, data}`.
        """

    async def trades(self, user_id: UserId, where: TradeFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read trades (columns of `TradeRow`)."""

    async def ledger_entries(self, user_id: UserId, where: LedgerFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read entries (columns of `LedgerEntryRow`), each with `lines: [{line_no, ledger_account, asset, amount}]`."""

    async def signals(self, user_id: UserId, where: SignalFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read signals (columns of `SignalRow`)."""

    # Accounts and what is in them.

    async def accounts(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read trading accounts (columns of `AccountRow`, less `config_hash`), oldest first."""

    async def account(self, user_id: UserId, account_id: AccountId) -> bytes | None:
        """Read one account as a JSON object."""

    async def positions(
        self, user_id: UserId, account_id: AccountId | None = None, symbol: Symbol | None = None, *, flat: bool = False
    ) -> Page:
        """Read positions (columns of `PositionRow`) by symbol; `flat`: also those of size zero. One page holds all."""

    async def position(self, user_id: UserId, position_id: UUID) -> bytes | None:
        """Read one position as a JSON object."""

    async def balances(self, user_id: UserId, account_id: AccountId | None = None) -> Page:
        """Read balances (columns of `BalanceRow`) by account and asset. One page holds all."""

    async def portfolio(self, user_id: UserId) -> bytes:
        """Read the newest value of everything as a JSON object.

        `{equity, cash, realized_pnl, unrealized_pnl, fees, accounts: [{account_id, at, equity, cash, realized_pnl,
        unrealized_pnl, fees}]}`; the totals are sums over the accounts, in each account's valuation asset.
        """

    async def equity_points(
        self,
        user_id: UserId,
        account_id: AccountId | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = LIMIT_MAX,
    ) -> Page:
        """Read an account's value over time (columns of `EquityPointRow`), oldest first.

        The range is thinned evenly to at most `limit` (1 to 5,000) points per account: the last point of each of
        `limit` equal spans, so that a curve of any length costs the same to draw.
        """

    async def snapshots(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read the daily portfolio snapshots (columns of `PortfolioSnapshotRow`)."""

    async def reconciliations(self, user_id: UserId, account_id: AccountId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read reconciliation runs (columns of `ReconciliationRow`)."""

    async def discrepancies(
        self, user_id: UserId, account_id: AccountId, page: PageRequest = FIRST_PAGE, *, state: str | None = None
    ) -> Page:
        """Read discrepancies (columns of `DiscrepancyRow`), of one state or all, newest first."""

    async def discrepancy(self, user_id: UserId, account_id: AccountId, row_id: UUID) -> DiscrepancyRow | None:
        """Read one discrepancy of an account."""

    # Agents, risk, control.

    async def agents(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read agents (columns of `AgentRow` less `config_hash`, `status_reason`, `last_decision_at`), oldest first."""

    async def agent(self, user_id: UserId, agent_id: AgentId) -> bytes | None:
        """Read one agent as a JSON object, `state` included."""

    async def executors(self, user_id: UserId, page: PageRequest = FIRST_PAGE, *, status: str | None = None) -> Page:
        """Read executors (columns of `ExecutorRow`), of one status or all, newest first."""

    async def executor(self, user_id: UserId, executor_id: ExecutorId) -> bytes | None:
        """Read one executor as a JSON object, with its newest hundred `orders`."""

    async def limits(self, user_id: UserId) -> Page:
        """Read limits (columns of `LimitRow`). One page holds all."""

    async def alerts(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read risk alerts (columns of `RiskAlertRow` and `acknowledged`)."""

    async def halts(self, user_id: UserId) -> Page:
        """Read the newest hundred halts (columns of `HaltRow`), newest first. One page holds all."""

    async def halt(self, user_id: UserId, halt_id: UUID) -> bytes | None:
        """Read one halt as a JSON object, report included."""

    async def trading_states(self, user_id: UserId) -> Page:
        """Read trading states (columns of `TradingStateRow`). One page holds all."""

    async def audit(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read what was done in the user's name (columns of `AuditRow`)."""

    async def stored_answer(self, user_id: UserId, key: str) -> StoredAnswer | None:
        """Look up an idempotency key that has not expired."""

    # Public market data; no user.

    async def pairs(self, venue: Venue | None = None, symbol: Symbol | None = None) -> Page:
        """Read instruments (columns of `TradingPairRow`) by venue and symbol. One page holds all."""

    async def tickers(self, venue: Venue | None = None, symbol: Symbol | None = None) -> Page:
        """Read newest prices (columns of `TickerRow`) by venue and symbol. One page holds all."""

    async def ohlcv(
        self,
        venue: Venue,
        symbol: Symbol,
        timeframe: str,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = LIMIT_MAX,
    ) -> Page:
        """Read the newest `limit` (1 to 5,000) closed bars whose open time is in the range, oldest first."""

    async def books(self, venue: Venue | None = None, symbol: Symbol | None = None) -> Page:
        """Read the newest stored book per instrument (columns of `BookSnapshotRow`). One page holds all."""

    async def exchanges(self) -> Page:
        """Read the venues' health (columns of `ExchangeStatusRow`). One page holds all."""

    # The stream.

    async def journal_head(self, user_id: UserId) -> JournalHead:
        """Say from where to where the user's events can be replayed."""

    async def events_since(
        self, user_id: UserId, channels: tuple[str, ...], since: int, limit: int = LIMIT_MAX
    ) -> tuple[CommittedEvent, ...]:
        """Read at most `limit` events of `channels` with seq above `since`, in the order of seq."""

    async def snapshot(self, user_id: UserId, channels: tuple[str, ...]) -> Snapshot:
        """Read the state of `channels` and the head of the journal in one REPEATABLE READ transaction."""


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A user as authentication sees it."""

    user_id: UserId
    email: str
    password_hash: str | None
    full_name: str | None
    role: str
    """`admin`, `trader` or `viewer`."""
    is_active: bool
    time_zone: str


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A login or an API token and whose it is; neither expired nor revoked."""

    session_id: UUID
    kind: str
    """`session` or `token`."""
    name: str | None
    expires_at_ns: int
    """Wall clock."""
    person: Person


class Identity(Protocol):
    """Who is asking. Runs as the daemon: before a login there is no tenant.

    What it answers must not reach a client except through the fields that a person may see.
    """

    async def session(self, token_hash: str) -> SessionInfo | None:
        """Look up a session or token by the SHA-256 of its secret (hex).

        None if it is unknown, expired or revoked, or its user is not active.
        """

    async def person_by_email(self, email: str) -> Person | None:
        """Look up a user by email, letters of either case."""

    async def person(self, user_id: UserId) -> Person | None:
        """Look up a user by id."""

    async def has_people(self) -> bool:
        """Say whether anybody could log in: an active user with a password exists."""

    async def people(self, page: PageRequest = FIRST_PAGE) -> Page:
        """Read users for an admin (columns of `UserRow` less `password_hash`), oldest first."""

    async def sessions(self, user_id: UserId, kind: str) -> Page:
        """Read a user's live sessions or tokens (columns of `UserSessionRow` less `token_hash`). One page holds all."""

    async def session_row(self, user_id: UserId, session_id: UUID) -> UserSessionRow | None:
        """Read the whole row of one session or token: to revoke it is to write the row again."""

    async def user_row(self, user_id: UserId) -> UserRow | None:
        """Read the whole row of a user: to change it is to write the row again."""
