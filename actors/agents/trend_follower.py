"""Trend follower: long while a fast average is above a slow one, short (or flat) while it is below."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from actors.agents.base import Agent, AgentSetup, Parameters
from engine.domain.bars import SECOND_NS, parse_timeframe
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.kinds import SignalAction
from engine.messages.market import Bar, QuoteTick
from engine.messages.signals import Signal

LONG: Final = 1
FLAT: Final = 0
SHORT: Final = -1


class TrendFollowerParameters(Parameters, frozen=True, kw_only=True):
    """How to follow."""

    source: Annotated[Literal["bars", "quotes"], Meta(description="What is averaged: closes, or mid prices.")] = "bars"
    timeframe: Annotated[str, Meta(description="Length of a bar: 1m, 15m, 1h, 1d.", examples=["1m"])] = "1m"
    fast: Annotated[int, Meta(ge=1, le=10_000, description="Length of the fast average, in inputs.")] = 10
    slow: Annotated[int, Meta(ge=2, le=10_000, description="Length of the slow average; nothing before it.")] = 30
    quantity: Annotated[Decimal, Meta(description="Size of the position, base units, above zero.")] = Decimal("0.01")
    allow_short: Annotated[bool, Meta(description="Go short below; otherwise flat. Spot never goes short.")] = True
    cooldown_s: Annotated[float, Meta(ge=0, le=31_536_000, description="Market seconds between two signals.")] = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            BadInput: A field by its name.
        """
        parse_timeframe(self.timeframe)
        if not (self.quantity.is_finite() and self.quantity > 0):
            raise BadInput("quantity", expected="a finite number above zero", was=self.quantity)
        if self.fast >= self.slow:
            raise BadInput("fast", expected=f"less than slow ({self.slow})", was=self.fast)


class _Averages:
    """Two exponential averages of one symbol and the side they last asked for."""

    __slots__ = ("count", "fast", "side", "signalled_ns", "slow")

    def __init__(self) -> None:
        self.count = 0
        self.fast = 0.0
        self.slow = 0.0
        self.side = FLAT
        self.signalled_ns = 0


class TrendFollower(Agent):
    """Follows the trend: long while a fast exponential average is above a slow one, short or flat below.

    Both have alpha = 2 / (n + 1) and start at the first price.
    """

    parameters_type = TrendFollowerParameters

    def __init__(self, *, setup: AgentSetup, **collaborators: Any) -> None:
        """Begin with no price seen."""
        super().__init__(setup=setup, **collaborators)
        parameters = setup.parameters
        assert isinstance(parameters, TrendFollowerParameters), f"expected its own parameters, was {parameters!r}"
        self._parameters = parameters
        self._fast_alpha = 2.0 / (parameters.fast + 1)
        self._slow_alpha = 2.0 / (parameters.slow + 1)
        self._slow_length = parameters.slow
        self._cooldown_ns = int(parameters.cooldown_s * SECOND_NS)
        self._below = SHORT if parameters.allow_short else FLAT
        self._averages: dict[Symbol, _Averages] = {symbol: _Averages() for symbol in setup.symbols}

    def inputs(self) -> tuple[type, ...]:
        """Read quotes or bars, as configured."""
        return (QuoteTick,) if self._parameters.source == "quotes" else (Bar,)

    def timeframe(self) -> str:
        """Read bars of this length."""
        return self._parameters.timeframe

    def on_quote(self, quote: QuoteTick) -> Signal | None:
        """Average the mid price."""
        # Written out, as in _digest: this runs for every quote, and two calls would double its cost.
        averages = self._averages[quote.symbol]
        price = (float(quote.bid) + float(quote.ask)) * 0.5
        averages.count = count = averages.count + 1
        if count == 1:
            fast = slow = price
        else:
            fast, slow = averages.fast, averages.slow
            fast += self._fast_alpha * (price - fast)
            slow += self._slow_alpha * (price - slow)
        averages.fast, averages.slow = fast, slow
        side = LONG if fast > slow else self._below
        if side == averages.side or count < self._slow_length:
            return None
        return self._cross(quote.symbol, averages, quote.mid, quote.ts_init_ns)

    def on_bar(self, bar: Bar) -> Signal | None:
        """Average the close."""
        averages = self._averages[bar.symbol]
        self._digest(averages, float(bar.close))
        if averages.count < self._slow_length:
            return None
        return self._cross(bar.symbol, averages, bar.close, bar.ts_init_ns)

    def quote_key(self, quote: QuoteTick) -> str:
        """Number the quotes of a symbol: the count is in the state, so it goes on after a restart."""
        return f"quote:{quote.symbol}:{self._averages[quote.symbol].count}"

    def dump(self) -> dict[str, Any]:
        """Return the averages by symbol."""
        return {
            "averages": {
                symbol: [each.count, each.fast, each.slow, each.side, each.signalled_ns]
                for symbol, each in self._averages.items()
            }
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue with the symbols that are still configured."""
        for symbol, values in state.get("averages", {}).items():
            averages = self._averages.get(symbol)
            if averages is not None:
                count, fast, slow, side, signalled_ns = values
                averages.count, averages.fast, averages.slow = int(count), float(fast), float(slow)
                averages.side, averages.signalled_ns = int(side), int(signalled_ns)

    def _digest(self, averages: _Averages, price: float) -> None:
        averages.count += 1
        if averages.count == 1:
            averages.fast = averages.slow = price
        else:
            averages.fast += self._fast_alpha * (price - averages.fast)
            averages.slow += self._slow_alpha * (price - averages.slow)

    def _cross(self, symbol: Symbol, averages: _Averages, price: Decimal, now_ns: int) -> Signal | None:
        """Say where to be if that has changed. Equal averages say nothing; while paused nothing is remembered."""
        fast, slow = averages.fast, averages.slow
        if fast == slow or self.is_paused:
            return None
        side = LONG if fast > slow else self._below
        if side == averages.side:
            return None
        if self._cooldown_ns and averages.signalled_ns and now_ns - averages.signalled_ns < self._cooldown_ns:
            return None
        averages.side = side
        averages.signalled_ns = now_ns
        distance = abs(fast - slow) / slow
        return Signal(
            symbol=symbol,
            venue=self.setup.venue,
            action=SignalAction.BUY if fast > slow else SignalAction.SELL,
            target=self._parameters.quantity * side,
            # One percent between the averages is as strong as it gets.
            strength=Decimal(f"{min(100.0, distance * 10_000):.2f}"),
            confidence=Decimal("0.5"),
            price=price,
            reasoning=f"fast average {fast:.8g} {'above' if fast > slow else 'below'} slow average {slow:.8g}",
            metadata={"fast": fast, "slow": slow, "count": averages.count},
        )
