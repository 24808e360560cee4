"""What happened at the venue, each as one journal record. The truth is what these add up to, and nothing else.

A fact holds everything that was decided or drawn, so that a replay needs neither rules nor chance.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol, Union
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, Asset, OrderId, Symbol, UserId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="fact", gc=False):
    """Base of all facts."""

    at_ns: int
    """True time, not the venue's own clock."""


class Started(Fact, frozen=True, kw_only=True):
    """The venue came up, for the first time or again."""


class ClockSet(Fact, frozen=True, kw_only=True):
    """The venue's clock now differs from the true time by so much."""

    skew_ns: int


class PriceMoved(Fact, frozen=True, kw_only=True):
    """The market trades at another price."""

    symbol: Symbol
    price: Decimal


class AccountMade(Fact, frozen=True, kw_only=True):
    """An account was opened with its first money."""

    account_id: AccountId
    user_id: UserId
    kind: str
    """`spot` or `margin`."""
    balances: dict[Asset, Decimal]


class Moved(Fact, frozen=True, kw_only=True):
    """Money came or went without a trade."""

    account_id: AccountId
    asset: Asset
    amount: Decimal
    """Above zero: a deposit."""


class RequestSeen(Fact, frozen=True, kw_only=True):
    """A request arrived and was decided."""

    account_id: AccountId
    request: str
    """`submit`, `cancel` or `amend`."""
    order_id: OrderId
    venue_client_id: str
    outcome: str
    """`accepted`, or the code of the refusal."""
    request_id: UUID | None = None
    """Of an amend."""


class OrderPlaced(Fact, frozen=True, kw_only=True):
    """An order exists."""

    account_id: AccountId
    order_id: OrderId | None
    """As the request said it; None for one placed by hand."""
    client_id: str
    symbol: Symbol
    number: int
    """Counts per symbol, from 1; the external id."""
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool


class OrderTriggered(Fact, frozen=True, kw_only=True):
    """A stop became the order that it hid."""

    symbol: Symbol
    number: int


class OrderTraded(Fact, frozen=True, kw_only=True):
    """An order traded."""

    symbol: Symbol
    number: int
    trade: int
    """Counts per symbol, from 1; the external trade id."""
    cursor: int
    """Counts over the whole venue, from 1."""
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: Asset
    liquidity: Liquidity
    is_hidden: bool = False
    """No report and no query shows it until a `TradeShown`."""
    hidden_ns: int = 0
    """How long it is hidden; 0 for ever."""


class OrderEnded(Fact, frozen=True, kw_only=True):
    """An order left the book."""

    symbol: Symbol
    number: int
    reason: DoneReason


class OrderAmended(Fact, frozen=True, kw_only=True):
    """An order has other values now."""

    symbol: Symbol
    number: int
    request_id: UUID | None
    new_number: int | None
    """Where the venue replaces."""
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None


class TradeTakenBack(Fact, frozen=True, kw_only=True):
    """A trade is void."""

    symbol: Symbol
    trade: int


class TradeShown(Fact, frozen=True, kw_only=True):
    """A trade is hidden no longer."""

    symbol: Symbol
    trade: int


class DeadManSet(Fact, frozen=True, kw_only=True):
    """An account's orders are to be cancelled at this venue time; 0 disarms."""

    account_id: AccountId
    until_ns: int


class ClosedForgotten(Fact, frozen=True, kw_only=True):
    """Orders that ended before this true time are not found any more."""

    before_ns: int
    with_trades: bool
    """Also those that traded; their trades are still shown."""


AnyFact = Union[  # noqa: UP007 - msgspec decodes a union of what has tags.
    Started,
    ClockSet,
    PriceMoved,
    AccountMade,
    Moved,
    RequestSeen,
    OrderPlaced,
    OrderTriggered,
    OrderTraded,
    OrderEnded,
    OrderAmended,
    TradeTakenBack,
    TradeShown,
    DeadManSet,
    ClosedForgotten,
]

_encoder = msgspec.msgpack.Encoder()
_decoder: "msgspec.msgpack.Decoder[AnyFact]" = msgspec.msgpack.Decoder(AnyFact)


def encode_fact(fact: Fact) -> bytes:
    """Return the record of a fact."""
    return _encoder.encode(fact)


def decode_fact(record: bytes) -> Fact:
    """Return the fact of a record.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    return _decoder.decode(record)


class Journal(Protocol):
    """Where facts are kept; whoever runs the venue gives one."""

    def read(self) -> Iterable[bytes]:
        """Return the records of all earlier lives, oldest first."""

    def append(self, record: bytes) -> None:
        """Take a record; it may be lost until `commit`."""

    def commit(self) -> None:
        """Return when everything appended survives the end of the process."""


class MemoryJournal:
    """Keeps records in memory; hand it to the next venue to let the truth live on."""

    def __init__(self) -> None:
        """Start empty."""
        self.records: list[bytes] = []

    def read(self) -> Iterable[bytes]:
        """As `Journal.read`."""
        return tuple(self.records)

    def append(self, record: bytes) -> None:
        """As `Journal.append`."""
        self.records.append(record)

    def commit(self) -> None:
        """As `Journal.commit`: there is nothing to wait for."""
