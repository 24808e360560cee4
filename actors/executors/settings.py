"""What each kind of executor is told, checked against itself and its instrument before it starts.

The structs are what the API takes as `configuration` and what the table keeps. Amounts are decimals as text; times are
seconds of market time.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from engine.domain.errors import BadInput
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side
from engine.domain.values import ZERO, require_positive

Count = Annotated[int, msgspec.Meta(ge=1, le=500)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=31_536_000)]


class ExecutorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all kinds have."""

    kind: ClassVar[str]

    side: Side
    """Of the entry."""

    def check(self, instrument: Instrument) -> None:
        """Refuse what cannot work.

        Raises:
            BadInput: The first setting that is wrong, what was expected, what was there.
        """
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                require_positive(value, field=name)
        if self.side is Side.SELL and not instrument.is_perpetual and self.kind in ("bracket", "grid", "dca"):
            raise BadInput("side", expected="buy: spot cannot be held short", was=self.side.value)

    @property
    def has_stop(self) -> bool:
        """Whether a position of this executor must be guarded."""
        return getattr(self, "stop_price", None) is not None or getattr(self, "stop_percent", None) is not None


class BracketSettings(ExecutorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entry, stop and target; what fills of the entry is guarded at once, and only one of the two exits happens."""

    kind: ClassVar[str] = "bracket"

    quantity: Decimal
    entry_price: Decimal | None = None
    """Limit of the entry; None enters at the market."""
    stop_price: Decimal | None = None
    take_price: Decimal | None = None
    entry_timeout: Seconds | None = None
    """What has not entered by then does not; None waits for ever."""

    def check(self, instrument: Instrument) -> None:
        """As `ExecutorSettings.check`."""
        super().check(instrument)
        _check_size("quantity", self.quantity, instrument)
        if self.stop_price is None and self.take_price is None:
            raise BadInput("stop_price", expected="a stop_price, a take_price, or both", was="neither")
        rising = [each for each in (self.stop_price, self.entry_price, self.take_price) if each is not None]
        if self.side is Side.SELL:
            rising.reverse()
        if rising != sorted(set(rising)):
            order = "stop_price < entry_price < take_price" if self.side is Side.BUY else "the reverse"
            raise BadInput("stop_price", expected=f"{order} for a {self.side}", was=" ".join(map(str, rising)))


class TwapSettings(ExecutorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount spread evenly over time; what a slice leaves goes into the next."""

    kind: ClassVar[str] = "twap"

    quantity: Decimal
    duration: Seconds
    slices: Count
    limit_price: Decimal | None = None
    """Worst price; slices then rest there or better. None: market orders."""

    def check(self, instrument: Instrument) -> None:
        """As `ExecutorSettings.check`."""
        super().check(instrument)
        _check_size("quantity", self.quantity, instrument)
        if self.quantity < instrument.min_quantity * self.slices:
            most = int(self.quantity / instrument.min_quantity)
            raise BadInput("slices", expected=f"at most {most}: each has min_quantity or more", was=self.slices)
        if self.slices > self.duration:
            raise BadInput("slices", expected=f"at most one a second, {self.duration}", was=self.slices)


class GridSettings(ExecutorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Buys at each level below the market and sells one level up, again and again (sells short the other way round)."""

    kind: ClassVar[str] = "grid"

    quantity: Decimal
    """Per level."""
    lower_price: Decimal
    upper_price: Decimal
    levels: Annotated[int, msgspec.Meta(ge=2, le=200)]
    """Prices, both ends included; there is one cell fewer."""
    stop_price: Decimal | None = None
    """Beyond it everything is closed and the grid ends."""

    def check(self, instrument: Instrument) -> None:
        """As `ExecutorSettings.check`."""
        super().check(instrument)
        _check_size("quantity", self.quantity, instrument)
        step = (self.upper_price - self.lower_price) / (self.levels - 1)
        tick = instrument.tick_at(self.upper_price)
        if step < tick:
            raise BadInput("levels", expected=f"levels at least a tick of {tick} apart", was=self.levels)
        stop = self.stop_price
        edge = self.lower_price if self.side is Side.BUY else self.upper_price
        if stop is not None and (stop >= edge if self.side is Side.BUY else stop <= edge):
            raise BadInput("stop_price", expected=f"beyond the grid's edge {edge}", was=stop)


class DcaSettings(ExecutorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Enters at the market and again at each deeper step; the target follows the average price."""

    kind: ClassVar[str] = "dca"

    quantity: Decimal
    """Of the first order."""
    safety_orders: Annotated[int, msgspec.Meta(ge=0, le=50)] = 5
    step_percent: Decimal = Decimal(1)
    """Distance of the first safety order from the first fill."""
    step_scale: Decimal = Decimal(1)
    """Each further distance is this times the one before."""
    size_scale: Decimal = Decimal(1)
    """Each further quantity is this times the one before."""
    take_percent: Decimal = Decimal(1)
    """Profit over the average price at which everything is closed."""
    stop_percent: Decimal | None = None
    """Loss under the first fill's price at which everything is closed."""

    def check(self, instrument: Instrument) -> None:
        """As `ExecutorSettings.check`."""
        super().check(instrument)
        _check_size("quantity", self.quantity, instrument)
        deepest = sum((self.step_percent * self.step_scale**k for k in range(self.safety_orders)), ZERO)
        if deepest >= 100 and self.side is Side.BUY:
            raise BadInput("step_percent", expected="steps that stay above a price of zero", was=f"{deepest:f} %")
        if self.stop_percent is not None and self.stop_percent <= deepest:
            raise BadInput("stop_percent", expected=f"beyond the deepest step, {deepest:f} %", was=self.stop_percent)
        if self.stop_percent is not None and self.stop_percent >= 100 and self.side is Side.BUY:
            raise BadInput("stop_percent", expected="below 100", was=self.stop_percent)


class ChaseSettings(ExecutorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A post-only order that follows the best price of its own side."""

    kind: ClassVar[str] = "chase"

    quantity: Decimal
    repeg_ticks: Count = 1
    """The order moves when the market has moved by more."""
    max_distance_percent: Decimal = Decimal(1)
    """It never follows further than this from where it began."""
    timeout: Seconds | None = None
    then: Literal["market", "cancel"] = "cancel"
    """What becomes of the rest at the timeout."""

    def check(self, instrument: Instrument) -> None:
        """As `ExecutorSettings.check`."""
        super().check(instrument)
        _check_size("quantity", self.quantity, instrument)


KINDS: dict[str, type[ExecutorSettings]] = {
    kind.kind: kind for kind in (BracketSettings, TwapSettings, GridSettings, DcaSettings, ChaseSettings)
}


def parse_settings(kind: str, configuration: Any) -> ExecutorSettings:
    """Read a configuration as the API or the table has it.

    Raises:
        BadInput: No such kind, or a setting that is missing, unknown or of a wrong type.
    """
    settings = KINDS.get(kind)
    if settings is None:
        raise BadInput("kind", expected=" or ".join(sorted(KINDS)), was=kind)
    try:
        return msgspec.convert(_texts(configuration), settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput("configuration", expected=f"settings of a {kind}: {error}", was=configuration) from None


def _texts(values: Any) -> Any:
    """Floats of JSON become text, so that 0.01 is the Decimal that was written."""
    if isinstance(values, dict):
        return {key: repr(value) if type(value) is float else value for key, value in values.items()}
    return values


def _check_size(name: str, quantity: Decimal, instrument: Instrument) -> None:
    broken = instrument.check_order(type=OrderType.MARKET, quantity=quantity)
    if broken:
        raise BadInput(name, expected=f"{broken[0].code} {broken[0].limit}", was=broken[0].value)
