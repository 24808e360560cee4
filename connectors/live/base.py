"""What most adapters have in common, to derive from; nobody must (`adapter.py` says what is asked for)."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from connectors.bridge.departure import Departure
from connectors.bridge.errors import BAD_PRICE, BAD_QUANTITY, Refused
from connectors.bridge.exact import exact
from connectors.bridge.exchange import Guarded
from connectors.bridge.plan import StreamItem, StreamPlan
from connectors.live.adapter import Listing, PrivateSetup, PublicSetup
from engine.domain.capabilities import Capabilities
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.values import is_multiple
from engine.messages.market import Bar, BookSnapshot
from engine.messages.venues import VenueAmend, VenueAmended, VenueSubmit
from engine.runtime.clock import NS_PER_S

E = TypeVar("E", bound=Guarded)
T = TypeVar("T")


class _Adapter(Generic[E]):
    """Around one guarded exchange."""

    def __init__(self, venue: Venue, exchange: E) -> None:
        self._venue = venue
        self._exchange = exchange
        self._time = exchange.bridge.time

    @property
    def venue(self) -> Venue:
        """Its name in the configuration."""
        return self._venue

    @property
    def wire(self) -> E:
        """What its streams are dialled with."""
        return self._exchange

    async def ask(self, name: str, params: Mapping[str, Any] | None = None, departure: Departure | None = None) -> Any:
        """Send one request by the name of ccxt's implicit method; return its answer, decoded exactly.

        Raises:
            BridgeError: As `Guarded.ask`. What msgspec raises after a command has left means "unknown".
        """
        return exact(await self._exchange.ask(getattr(self._exchange, name), params, departure=departure))

    async def close(self) -> None:
        """Close sessions."""
        await self._exchange.close()


class PublicBase(_Adapter[E]):
    """Public data of a venue that tells its time and whose streams bring the books."""

    def __init__(self, setup: PublicSetup, exchange: E) -> None:
        """Keep what it works with."""
        super().__init__(setup.venue, exchange)
        self._setup = setup

    async def open(self) -> None:
        """Measure the clock."""
        await self._exchange.follow_clock()

    async def snapshot(self, symbol: Symbol) -> BookSnapshot | None:
        """Return nothing: the stream brings a book's snapshot when it is subscribed."""
        del symbol
        return None

    async def server_time_ns(self) -> int:
        """Ask the venue for its time."""
        return await self._exchange.venue_time_ns()


class PrivateBase(_Adapter[E]):
    """One account at a venue whose clock is all that must be looked after."""

    def __init__(self, setup: PrivateSetup, exchange: E, capabilities: Capabilities) -> None:
        """Keep what it works with."""
        super().__init__(setup.venue, exchange)
        self._setup = setup
        self._capabilities = capabilities

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._capabilities

    def check_steps(self, order: VenueSubmit) -> None:
        """Refuse a value that fits no step of the instrument, whoever rounded it: some venues cut it instead.

        Raises:
            Refused: It fits none.
        """
        instrument = self._setup.instruments.get(order.symbol)
        if instrument is None:
            return
        if not is_multiple(order.quantity, instrument.step_size):
            raise Refused(BAD_QUANTITY, f"expected a multiple of {instrument.step_size}, was {order.quantity}")
        for price in (order.price, order.stop_price):
            if price is not None and not is_multiple(price, instrument.tick_at(price)):
                raise Refused(BAD_PRICE, f"expected a multiple of {instrument.tick_at(price)}, was {price}")

    async def amend(self, amend: VenueAmend, departure: Departure) -> VenueAmended:
        """Refuse it: for venues whose capabilities say that they change no order."""
        del departure
        raise Refused("unsupported", f"orders at {self.venue} are not amended, {amend.venue_client_id} stays")

    async def tend(self) -> None:
        """Follow the venue's clock."""
        await self._exchange.follow_clock()


class JsonPlan(StreamPlan):
    """A socket whose frames are JSON, read field by field: `read` takes them decoded exactly.

    Whatever a frame lacks, or has in another shape, makes it one that could not be read; it never ends the reader.
    """

    def __init__(self, name: str, url: Callable[[], str]) -> None:
        """Keep a name for logs, and who gives where to dial."""
        self.name = name
        self._url = url

    async def url(self) -> str:
        """Return where to dial."""
        return self._url()

    @abstractmethod
    def read(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        """Return what a frame says. Any error that a strange shape causes may escape."""

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        try:
            return self.read(exact(raw), received_ns)
        except BadInput:
            raise
        except (msgspec.DecodeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            raise BadInput("frame", expected=f"a frame of the venue ({error!r})", was=raw) from error


def listing_of(entries: Iterable[T], read: Callable[[T], tuple[Instrument, str]]) -> tuple[Listing, dict[Symbol, T]]:
    """Read a listing entry by entry, so that one that cannot be understood hides none of the others.

    Args:
        entries: Of the venue.
        read: Returns an entry's instrument, and why it is not traded now (empty if it is). `BadInput` and the errors of
            a strange shape leave the entry out.

    Returns:
        The listing, and the entries that were read, by symbol.
    """
    instruments, closed = [], []
    skipped: Counter[str] = Counter()
    known: dict[Symbol, T] = {}
    for entry in entries:
        try:
            instrument, why = read(entry)
        except (BadInput, msgspec.DecodeError, ValueError, ArithmeticError, LookupError, TypeError):
            skipped["unreadable"] += 1
            continue
        known[instrument.symbol] = entry
        if why:
            closed.append(instrument.symbol)
            skipped[why] += 1
        else:
            instruments.append(instrument)
    return Listing(instruments=tuple(instruments), closed=tuple(closed), skipped=dict(skipped)), known


def closed_bars(
    rows: Iterable[tuple[int, Sequence[Decimal], int]],
    *,
    venue: Venue,
    symbol: Symbol,
    timeframe: str,
    length_s: int,
    since_ns: int,
    until_ns: int,
    now_ns: int,
) -> list[Bar]:
    """Return candles that begin in a stretch of time and are over.

    Args:
        rows: (start in seconds, (open, high, low, close, volume, quote volume), trades), oldest first.
        venue: Put into each.
        symbol: Put into each.
        timeframe: Put into each.
        length_s: Of one candle.
        since_ns: Start of the first candle that is wanted.
        until_ns: Start of the first one behind them.
        now_ns: The venue's time: what ends later is not closed.
    """
    found = []
    for start_s, (opened, high, low, close, volume, quote_volume), count in rows:
        end_ns = (start_s + length_s) * NS_PER_S
        if not since_ns <= start_s * NS_PER_S < until_ns or end_ns > now_ns:
            continue
        found.append(
            Bar(
                venue=venue,
                symbol=symbol,
                ts_event_ns=end_ns,
                ts_init_ns=now_ns,
                timeframe=timeframe,
                open_time_ns=start_s * NS_PER_S,
                close_time_ns=end_ns,
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=volume,
                quote_volume=quote_volume,
                trades_count=count,
            )
        )
    return found
