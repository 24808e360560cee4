"""What all agents share: reading the market, keeping a state that survives a restart, saying what they decided.

An agent is a pure function of its inputs and its state: no clock, no chance, no I/O. It names a *target position* per
symbol; how to get there is the coordinator's business. So the same inputs give the same signals live, on paper, in a
replay and in a backtest, and a restart that repeats an input changes nothing.

Add an agent: one file here with a subclass and its `Parameters`, one line in `catalogue.py`.
"""

from collections import deque
from typing import Any, ClassVar, Final

import msgspec

from engine.domain.identifiers import AccountId, AgentId, CorrelationId, Symbol, Venue
from engine.domain.ports import Ids
from engine.messages.cell import SetAgentMode
from engine.messages.market import Bar, QuoteTick
from engine.messages.signals import AgentDecided, AgentFilled, Signal
from engine.messages.writing import StoreStatus
from engine.runtime.actor import AsyncioActor, MailboxSpec, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.ref import Ref

SAVE_EVERY: Final = 1_000
"""Inputs without a signal after which the state is saved all the same; bounds what a restart reads again."""
SAVE_EVERY_NS: Final = 60_000_000_000
"""Market time after which it is saved all the same; bounds what a restart forgets of a slow market."""
HELD_BARS_MAX: Final = 10_000
"""Bars kept while the database is away; beyond it the oldest are lost and the averages have a gap."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the agents' parameters; its JSON Schema is public (`/agent-types`)."""


class AgentSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent starts from."""

    agent_id: AgentId
    account_id: AccountId
    venue: Venue
    symbols: tuple[Symbol, ...]
    parameters: Parameters
    state: dict[str, Any] | None = None
    """JSON values of an earlier run of the same session; None to begin anew."""
    input_position: int = 0
    """Frame up to which `state` has seen the market; quotes at or below it are ignored."""
    is_paused: bool = False


class Agent(AsyncioActor):
    """Base of all agents. A subclass gives `inputs`, `on_quote` or `on_bar`, `dump` and `load`."""

    # Quotes are not conflated: an average over every quote is cheaper than the conflation would be.
    mailbox = MailboxSpec(limit=100_000)

    parameters_type: ClassVar[type[Parameters]] = Parameters

    def __init__(self, *, setup: AgentSetup, bus: Bus, ids: Ids, coordinator: Ref[Any]) -> None:
        """Keep what it works with; nothing is read before `on_start`."""
        super().__init__()
        self.setup = setup
        self.is_paused = setup.is_paused
        self.positions: dict[Symbol, AgentFilled] = {}
        """What this agent holds, by its own fills."""
        self._bus = bus
        self._ids = ids
        self._coordinator = coordinator
        self._start_position = setup.input_position
        self._position = setup.input_position
        self._inputs = 0
        self._save_due_ns = 0
        self._is_waiting = False
        self._last_bar_ns: dict[Symbol, int] = dict.fromkeys(setup.symbols, 0)
        self._held_bars: deque[Bar] = deque(maxlen=HELD_BARS_MAX)
        self._held_quotes: dict[Symbol, QuoteTick] = {}
        self._subscriptions: list[Subscription] = []

    # --- For subclasses ---------------------------------------------------------------------------------------------

    def inputs(self) -> tuple[type, ...]:
        """Return the market messages to read: `QuoteTick`, `Bar`, or both."""
        raise NotImplementedError

    def on_quote(self, quote: QuoteTick) -> Signal | None:
        """Digest a quote; return where the position should be, None if nothing has changed."""
        raise NotImplementedError

    def on_bar(self, bar: Bar) -> Signal | None:
        """Digest a closed bar (each once, whatever was repeated); return a signal as `on_quote` does."""
        raise NotImplementedError

    def timeframe(self) -> str:
        """Return the timeframe of the bars to read."""
        raise NotImplementedError

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        raise NotImplementedError

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        raise NotImplementedError

    def quote_key(self, quote: QuoteTick) -> str:
        """Name a quote so that no other input of this agent has the name, also after a restart."""
        raise NotImplementedError

    # --- Life -------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Continue from the stored state and read the market."""
        if self.setup.state is not None:
            self._last_bar_ns |= self.setup.state.get("last_bar_ns", {})
            self.load(self.setup.state)
        tell = self.actor_ref.tell
        for kind in self.inputs():
            for symbol in self.setup.symbols:
                self._subscriptions.append(self._bus.subscribe(kind, tell, key=(self.setup.venue, symbol)))
        self._subscriptions.append(self._bus.subscribe(StoreStatus, tell))

    def on_stop(self) -> None:
        """Read no more."""
        for subscription in self._subscriptions:
            subscription.cancel()

    def on_failure(self, *_error: Any) -> None:
        """Read no more; the coordinator is told by the system."""
        self.on_stop()

    # --- Inputs -----------------------------------------------------------------------------------------------------

    @handles(QuoteTick)
    def take_quote(self, quote: QuoteTick) -> None:
        """Digest a quote that the stored state has not seen."""
        if self._is_waiting:
            self._held_quotes[quote.symbol] = quote
            return
        if not self._save_due_ns:
            self._save_due_ns = quote.ts_init_ns + SAVE_EVERY_NS
        frame = quote.frame
        if frame:
            if frame <= self._start_position:
                return
            self._position = frame
        signal = self.on_quote(quote)
        self._inputs += 1
        now_ns = quote.ts_init_ns
        if signal is not None or self._inputs >= SAVE_EVERY or now_ns >= self._save_due_ns:
            self._say(signal, self.quote_key(quote), now_ns)

    @handles(Bar)
    def take_bar(self, bar: Bar) -> None:
        """Digest a bar once: what a replay or a reconnect repeats is recognised by its close time."""
        if bar.timeframe != self.timeframe() or bar.close_time_ns <= self._last_bar_ns[bar.symbol]:
            return
        if self._is_waiting:
            self._held_bars.append(bar)
            return
        self._last_bar_ns[bar.symbol] = bar.close_time_ns
        self._position = max(self._position, bar.frame)
        signal = self.on_bar(bar)
        self._say(signal, f"bar:{bar.symbol}:{bar.timeframe}:{bar.close_time_ns}", bar.ts_init_ns)

    @handles(AgentFilled)
    def take_fill(self, message: AgentFilled) -> None:
        """Learn what this agent holds."""
        self.positions[message.symbol] = message

    @handles(SetAgentMode)
    def set_mode(self, message: SetAgentMode) -> None:
        """Trade again, or only keep reading."""
        self.is_paused = message.is_paused

    @handles(StoreStatus)
    def on_store(self, message: StoreStatus) -> None:
        """Let inputs wait while the database is away: a decision that cannot be stored must not be made.

        Bars wait in order. Of quotes only the newest of each symbol: what has passed cannot be traded any more.
        """
        self._is_waiting = not message.available
        if self._is_waiting:
            return
        while self._held_bars:
            self.take_bar(self._held_bars.popleft())
        quotes, self._held_quotes = self._held_quotes, {}
        for quote in quotes.values():
            self.take_quote(quote)

    def _say(self, signal: Signal | None, key: str, at_ns: int) -> None:
        self._inputs = 0
        self._save_due_ns = at_ns + SAVE_EVERY_NS
        self._coordinator.tell(
            AgentDecided(
                agent_id=self.setup.agent_id,
                signals=() if signal is None else (signal,),
                state={**self.dump(), "last_bar_ns": dict(self._last_bar_ns)},
                input_position=self._position,
                input_key=key,
                decided_at_ns=at_ns,
                correlation_id=CorrelationId(self._ids.uuid()),
            )
        )
