"""Mean reversion: against a price far from its recent mean, out again when it has come back."""

import math
from collections import deque
from collections.abc import Iterable
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


class MeanReversionParameters(Parameters, frozen=True, kw_only=True):
    """How far is far."""

    source: Annotated[Literal["bars", "quotes"], Meta(description="What is measured: closes, or mid prices.")] = "bars"
    timeframe: Annotated[str, Meta(description="Length of a bar: 1m, 15m, 1h, 1d.", examples=["1m"])] = "1m"
    length: Annotated[int, Meta(ge=3, le=500, description="Inputs in the window; no signal before it is full.")] = 20
    entry: Annotated[float, Meta(gt=0, le=20, description="Deviations from the mean at which to enter.")] = 2.0
    exit: Annotated[float, Meta(ge=0, le=20, description="Deviations at which to leave; below entry.")] = 0.5
    quantity: Annotated[Decimal, Meta(description="Size of the position, base units, above zero.")] = Decimal("0.01")
    allow_short: Annotated[bool, Meta(description="Sell what is too dear; spot never goes short.")] = True
    cooldown_s: Annotated[float, Meta(ge=0, le=31_536_000, description="Market seconds before the next entry.")] = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            BadInput: A field by its name.
        """
        parse_timeframe(self.timeframe)
        if not (self.quantity.is_finite() and self.quantity > 0):
            raise BadInput("quantity", expected="a finite number above zero", was=self.quantity)
        if self.exit >= self.entry:
            raise BadInput("exit", expected=f"less than entry ({self.entry})", was=self.exit)


class Window:
    """The newest prices of one symbol with their mean and deviation, at a cost that does not grow with the window."""

    __slots__ = ("count", "length", "origin", "prices", "squares", "total")

    def __init__(self, length: int) -> None:
        """Start empty; `length`: prices that it holds at most."""
        self.length = length
        self.prices: deque[float] = deque()
        self.count = 0
        """Prices seen in all."""
        self.origin = 0.0
        """Sums are of differences from here: squares of large prices would lose the digits that matter."""
        self.total = 0.0
        self.squares = 0.0

    def push(self, price: float) -> None:
        """Take in a price and let go of the oldest."""
        self.count += 1
        self.prices.append(price)
        if self.count % self.length == 1:
            # Rounding errors of the running sums live one window long at most.
            self._rebuild()
            return
        offset = price - self.origin
        self.total += offset
        self.squares += offset * offset
        if len(self.prices) > self.length:
            offset = self.prices.popleft() - self.origin
            self.total -= offset
            self.squares -= offset * offset

    def score(self) -> float | None:
        """Return how many standard deviations the newest price is from the mean.

        None while the window is not full or its prices do not differ.
        """
        size = len(self.prices)
        if size < self.length:
            return None
        mean = self.total / size
        variance = self.squares / size - mean * mean
        # Below a billionth of the price there is only rounding.
        if variance <= (self.origin * 1e-9) ** 2:
            return None
        return (self.prices[-1] - self.origin - mean) / math.sqrt(variance)

    def dump(self) -> list[Any]:
        """Return everything as JSON values; the sums too, so that a restart computes the very same scores."""
        return [self.count, self.origin, self.total, self.squares, list(self.prices)]

    def load(self, values: Iterable[Any]) -> None:
        """Continue from `dump`."""
        count, origin, total, squares, prices = values
        self.count, self.origin, self.total, self.squares = int(count), float(origin), float(total), float(squares)
        self.prices = deque(float(price) for price in prices)

    def _rebuild(self) -> None:
        while len(self.prices) > self.length:
            self.prices.popleft()
        self.origin = self.prices[-1]
        self.total = math.fsum(price - self.origin for price in self.prices)
        self.squares = math.fsum((price - self.origin) ** 2 for price in self.prices)


class MeanReversion(Agent):
    """Trades against a price that is far from its recent mean, and leaves when it has come back."""

    parameters_type = MeanReversionParameters

    def __init__(self, *, setup: AgentSetup, **collaborators: Any) -> None:
        """Begin with empty windows."""
        super().__init__(setup=setup, **collaborators)
        parameters = setup.parameters
        assert isinstance(parameters, MeanReversionParameters), f"expected its own parameters, was {parameters!r}"
        self._parameters = parameters
        self._cooldown_ns = int(parameters.cooldown_s * SECOND_NS)
        self._windows = {symbol: Window(parameters.length) for symbol in setup.symbols}
        self._sides: dict[Symbol, int] = dict.fromkeys(setup.symbols, FLAT)
        self._left_ns: dict[Symbol, int] = {}

    def inputs(self) -> tuple[type, ...]:
        """Read quotes or bars, as configured."""
        return (QuoteTick,) if self._parameters.source == "quotes" else (Bar,)

    def timeframe(self) -> str:
        """Read bars of this length."""
        return self._parameters.timeframe

    def on_quote(self, quote: QuoteTick) -> Signal | None:
        """Measure the mid price."""
        window = self._windows[quote.symbol]
        window.push((float(quote.bid) + float(quote.ask)) * 0.5)
        return self._judge(quote.symbol, window, quote.mid, quote.ts_init_ns)

    def on_bar(self, bar: Bar) -> Signal | None:
        """Measure the close."""
        window = self._windows[bar.symbol]
        window.push(float(bar.close))
        return self._judge(bar.symbol, window, bar.close, bar.ts_init_ns)

    def quote_key(self, quote: QuoteTick) -> str:
        """Number the quotes of a symbol: the count is in the state, so it goes on after a restart."""
        return f"quote:{quote.symbol}:{self._windows[quote.symbol].count}"

    def dump(self) -> dict[str, Any]:
        """Return windows, sides and the times of the last exits by symbol."""
        return {
            "windows": {symbol: window.dump() for symbol, window in self._windows.items()},
            "sides": dict(self._sides),
            "left_ns": dict(self._left_ns),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue with the symbols that are still configured."""
        for symbol, window in self._windows.items():
            if symbol in state.get("windows", {}):
                window.load(state["windows"][symbol])
                self._sides[symbol] = int(state["sides"][symbol])
            if symbol in state.get("left_ns", {}):
                self._left_ns[symbol] = int(state["left_ns"][symbol])

    def _judge(self, symbol: Symbol, window: Window, price: Decimal, now_ns: int) -> Signal | None:
        score = window.score()
        if score is None or self.is_paused:
            return None
        before = self._sides[symbol]
        side = self._side(before, score)
        if side == before:
            return None
        if side and self._cooldown_ns and now_ns - self._left_ns.get(symbol, -self._cooldown_ns) < self._cooldown_ns:
            return None
        self._sides[symbol] = side
        if before:
            self._left_ns[symbol] = now_ns
        return Signal(
            symbol=symbol,
            venue=self.setup.venue,
            action=SignalAction.BUY if side > before else SignalAction.SELL,
            target=self._parameters.quantity * side,
            strength=Decimal(f"{min(100.0, abs(score) * 20):.2f}"),
            confidence=Decimal("0.5"),
            price=price,
            reasoning=f"price {score:+.2f} deviations from its mean of {window.length}",
            metadata={"score": score, "count": window.count},
        )

    def _side(self, before: int, score: float) -> int:
        """Return where to be: enter beyond `entry`, leave within `exit` or on the other side of the mean."""
        parameters = self._parameters
        if score <= -parameters.entry:
            return LONG
        if score >= parameters.entry:
            return SHORT if parameters.allow_short else FLAT
        if before == LONG and score >= -parameters.exit:
            return FLAT
        if before == SHORT and score <= parameters.exit:
            return FLAT
        return before
