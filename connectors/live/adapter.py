"""What differs between live venues, as protocols. `LiveVenue` (connector.py) and `LiveMarket` (market.py) do the rest.

An adapter builds requests and reads answers; it owns its guarded ccxt exchange and no task, actor or bus. Its methods
raise `connectors.bridge.errors`; anything else that escapes after a request has left counts as an unknown outcome, so
an adapter decodes answers strictly (msgspec, required fields) and never invents a value.

Numbers: exact Decimals from the raw text. Times: integer ns UTC; `*_time_ns` of answers is the venue's.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from connectors.bridge.departure import Departure
from connectors.bridge.plan import StreamPlan
from connectors.bridge.stream import Wire
from engine.domain.book import SequenceRule
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.messages.base import Message
from engine.messages.market import Bar, BookSnapshot
from engine.messages.venues import (
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueAmend,
    VenueAmended,
    VenueCancel,
    VenueFills,
    VenueOrderDone,
    VenueOrders,
    VenueSubmit,
)
from engine.runtime.secret import Secret

# --- Private ----------------------------------------------------------------------------------------------------------


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The venue has the order."""

    external_order_id: str
    venue_time_ns: int
    events: tuple[Message, ...] = ()
    """What the same answer told beside it: `VenueFill`, `VenueOrderDone`. Published after `VenueAccepted`."""


class AccountModes(msgspec.Struct, frozen=True, kw_only=True):
    """How the account stands at the venue, read when it is opened."""

    can_trade: bool
    position_mode: str = "net"
    """`net` (one-way) or `hedge`."""
    margin_mode: str = ""
    """`cross`, `isolated`, `spot`; empty where it is set per symbol or unknown."""
    leverage: Mapping[Symbol, int] = {}
    external_id: str = ""
    """The venue's own name of the account, where it tells one."""
    clock_offset_ns: int = 0
    """Venue minus ours."""


class PrivateAdapter(Protocol):
    """One account at one venue.

    Every method that takes a `Departure` hands it to the exchange (`Guarded.ask`, `VenueStream.request`), which calls
    `leaving` directly before the write. A method sends a request at most once, and a command is one request: what needs
    two is two commands.
    """

    @property
    def venue(self) -> Venue:
        """Its name in the configuration."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; the same before and after `open`."""

    @property
    def wire(self) -> Wire:
        """What its streams are dialled with: the guarded exchange."""

    async def open(self) -> AccountModes:
        """Prove clock, key and permissions, and read how the account stands; may be called again.

        Raises:
            AuthRefused: Wrong or revoked key, no permission to trade, address not allowed.
            BridgeError: Not now: clock off, maintenance, no connection.
            NotReady: The account stands in a way that we cannot trade with (hedge mode); `why` is one line.
        """

    def streams(self) -> Sequence[StreamPlan]:
        """Return the sockets that tell of this account; it counts as connected while all of them are ready.

        They give `VenueFill`, `VenueOrderDone`, `VenueOrderUpdate` and `VenueTradeVoided` with this account's id, each
        event of the venue as exactly one message.
        """

    async def submit(self, order: VenueSubmit, departure: Departure) -> Accepted:
        """Place an order. The venue's own limit of validity is derived from `order.valid_until_ns`.

        Raises:
            Refused: A definite no; also `AuthRefused`, `Limited`, `ClockOff`, `NotSent`.
            Duplicate: The venue has this client id already.
        """

    async def cancel(self, cancel: VenueCancel, departure: Departure) -> VenueOrderDone | None:
        """Cancel an order; None where the venue took the cancel and tells the end by its stream.

        Raises:
            Refused: With `UNKNOWN_ORDER` or `ALREADY_DONE`, or another definite no.
        """

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Change an order, where `capabilities.amend` says that the venue can.

        Raises:
            Refused: A definite no: the order is as it was.
        """

    async def open_orders(self, query: OpenOrdersQuery) -> VenueOrders:
        """Return one page of open orders, those of others included, in one consistent view per page."""

    async def order(self, query: OrderQuery) -> OrderFound | OrderAbsent:
        """Return an order by our client id, open or done. `OrderAbsent` only where the venue says that it has none."""

    async def fills(self, query: FillsQuery) -> VenueFills:
        """Return one page of fills after `query.cursor`, oldest first.

        Cursor None: since the account was introduced (`PrivateSetup.since_ns`). A cursor is our own text; where the
        venue lists fills per symbol it holds one place per symbol. Fills of the same instant may come again; none may
        be left out.
        """

    async def account(self) -> VenueAccount:
        """Return balances and positions."""

    async def tend(self) -> None:
        """Do what must be done from time to time; called every minute while it is open. Usually: follow the clock."""

    async def arm_dead_man(self, timeout_ns: int, departure: Departure) -> int:
        """Let the venue cancel everything in `timeout_ns`, 0: never; return when, in venue time (0 if disarmed)."""

    async def close(self) -> None:
        """Close sessions; nothing is sent afterwards."""


class PrivateSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What a private adapter is made of, beside the shared `Bridge` parts (connectors/bridge/exchange.py)."""

    venue: Venue
    market: str
    """Which of the venue's markets: `spot`, `usdm`, ... as in the catalogue."""
    account_id: AccountId
    since_ns: int
    """When the account was introduced; older fills are not ours to book."""
    credentials: Mapping[str, Secret]
    """`key`, `secret`, `passphrase`, `wallet`, `private_key`: what the venue asks for."""
    instruments: Mapping[Symbol, Instrument]
    """Those of the venue; filled by its market, read at each use."""
    urls: Mapping[str, Any] = {}
    """Overrides of ccxt's `urls`, merged deeply; for tests and proxies."""
    checks_sequence: bool = True
    """Whether holes in the numbering of a connection end it, where that is not verified for the venue."""


# --- Public -----------------------------------------------------------------------------------------------------------


class Channel(StrEnum):
    """A kind of public data that can be subscribed."""

    QUOTES = "quotes"
    TRADES = "trades"
    BOOK = "book"
    TICKER = "ticker"
    BARS = "bars"
    MARKS = "marks"
    """Mark price and funding of perpetuals."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue trades now."""

    instruments: tuple[Instrument, ...]
    closed: tuple[Symbol, ...] = ()
    """Known but not tradable now: delisted, halted, before their start."""
    skipped: Mapping[str, int] = {}
    """What was left out because we cannot trade it, by reason."""
    venue_time_ns: int = 0


class PublicAdapter(Protocol):
    """The public data of one venue."""

    @property
    def venue(self) -> Venue:
        """Its name in the configuration."""

    @property
    def sequence_rule(self) -> SequenceRule:
        """How its book diffs follow each other."""

    @property
    def channels(self) -> frozenset[Channel]:
        """What it can be asked for."""

    @property
    def wire(self) -> Wire:
        """What its streams are dialled with: the guarded exchange."""

    async def open(self) -> None:
        """Make sessions; may be called again."""

    async def instruments(self) -> Listing:
        """Read the listing. The answer is parsed off the loop: thousands of pairs must not stall it.

        Raises:
            BridgeError: Not now.
        """

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        """Return the sockets for these symbols, within the venue's limits of subscriptions per socket."""

    async def snapshot(self, symbol: Symbol) -> BookSnapshot | None:
        """Read a whole book; None where the stream itself brings snapshots."""

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        """Read closed candles, oldest first; as many as one request gives."""

    async def server_time_ns(self) -> int:
        """Ask the venue for its time."""

    async def close(self) -> None:
        """Close sessions; nothing is sent afterwards."""


class PublicSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What a public adapter is made of, beside the shared `Bridge` parts."""

    venue: Venue
    market: str
    urls: Mapping[str, Any] = {}
    checks_sequence: bool = True
    """As in `PrivateSetup`."""
