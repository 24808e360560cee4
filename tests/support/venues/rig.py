"""What the contract suite of live connectors needs to know of a venue: `tests/support/venues/<venue>_rig.py` says it.

A rig owns one simulator on loopback with one market and one account that has money, and makes adapters for that
account. Everything that is the same at all venues (orders, fills, balances, faults, sockets) the suite reads and does
through `rig.server` and `rig.server.exchange`; the rig only says what this venue calls it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from connectors.live.adapter import PrivateAdapter
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, Symbol
from engine.runtime.clock import Clock
from tests.support.venues.core import SimAccount, SimMarket, SimOrder
from tests.support.venues.kit import VenueServer

RIG_ACCOUNT = AccountId(UUID("018f0000-0000-7000-8000-00000000000a"))
"""The engine's id of the account of every rig."""

Key = Literal["good", "unknown", "wrong_secret"]
"""Which credentials an adapter gets: the account's, a key that the venue does not know, or a secret of another key."""


@dataclass(frozen=True)
class Paths:
    """Regular expressions for `Faults.add` and `WireLog.requests`, searched in `METHOD /path?query`."""

    submit: str
    cancel: str
    order: str
    """One order by its client id."""
    open_orders: str
    fills: str
    account: str
    user: str
    """In `WS /path`: the dial of the stream that tells of the account; also finds its sockets (`SocketHub.on`)."""


@dataclass(frozen=True)
class Said:
    """An answer of the venue with an error, for `Faults.add("status", path, **said.fields)`."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """Keyword arguments of a fault."""
        return {"status": self.status, "body": self.body, "headers": dict(self.headers)}


class VenueRig(ABC):
    """One venue under test."""

    name: ClassVar[str]
    """As in the catalogue, and in the ids of the tests."""
    symbol: ClassVar[Symbol]
    """Unified name of the pair that is traded."""
    paths: ClassVar[Paths]
    price: ClassVar[Decimal] = Decimal(50_000)
    """A price at which a buy rests: below the street's book, on the tick."""
    quantity: ClassVar[Decimal] = Decimal("0.01")
    """A quantity that the venue takes, divisible by 4 on the step."""

    lists_addresses: ClassVar[bool] = True
    """Whether its keys can be bound to addresses."""

    server: VenueServer

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.stop()

    # --- What is the venue's own --------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What its connector declares."""

    @property
    @abstractmethod
    def account(self) -> SimAccount:
        """The account at the venue: its orders, money, permissions, `is_revoked`, `allowed_ips`."""

    @property
    @abstractmethod
    def market(self) -> SimMarket:
        """The market of `symbol`."""

    @abstractmethod
    def adapter(self, clock: Clock, *, key: Key = "good", since_ns: int = 0) -> PrivateAdapter:
        """Make a new adapter for `RIG_ACCOUNT` with a bridge of its own, dialling `self.server`."""

    @property
    @abstractmethod
    def rate_limited(self) -> Said:
        """Its answer to too many requests, with `Retry-After: 2` where it has one."""

    @property
    @abstractmethod
    def maintenance(self) -> Said:
        """Its answer while it is closed."""

    @property
    def banned(self) -> Said | None:
        """Its answer while it bans the address, where that is another one."""
        return None

    @property
    def clock_refused(self) -> Said | None:
        """Its answer to a request whose time it does not believe, where it has one."""
        return None

    def end_session(self) -> bool:
        """End the session of the user stream without closing the socket, as the venue does; False if it never does."""
        return False

    def lift_limits(self) -> None:  # noqa: B027 - most simulators count nothing.
        """Let the simulator forget what was asked of it lately, so that its rate limits hold nobody up."""

    def odd_frames(self) -> list[str]:
        """Frames that this venue's user stream could send and that nobody can read: a known kind in a wrong shape."""
        return []

    # --- What is the same everywhere ----------------------------------------------------------------------------------

    def order(self, venue_client_id: str) -> SimOrder | None:
        """Return the newest order with this id as the venue knows it."""
        return self.account.by_client_id(venue_client_id)

    def orders(self, venue_client_id: str) -> list[SimOrder]:
        """Return every order that was ever made under this id."""
        return [order for order in self.account.orders.values() if order.client_id == venue_client_id]
