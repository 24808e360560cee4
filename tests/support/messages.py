"""Strategies that build valid messages of any kind from their annotations."""

import functools
from decimal import Decimal
from typing import Any, Union, get_type_hints

import msgspec
from hypothesis import strategies as st

from connectors.paper.capabilities import capabilities
from engine.domain.capabilities import Capabilities
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind

DECIMALS = st.decimals(min_value="0.00000001", max_value="1000000", places=8, allow_nan=False, allow_infinity=False)
TIMES = st.integers(min_value=0, max_value=2**62)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
INSTRUMENTS = st.builds(
    Instrument,
    venue=st.just("simulated"),
    symbol=st.just("BTC/USDT"),
    base=st.just("BTC"),
    quote=st.just("USDT"),
    settle=st.just("USDT"),
    kind=st.just(InstrumentKind.SPOT),
    tick_size=st.just(Decimal("0.01")),
    step_size=st.just(Decimal("0.00001")),
    min_quantity=st.just(Decimal("0.00001")),
    max_quantity=st.just(Decimal(9000)),
    min_notional=st.just(Decimal(5)),
    maker_fee=st.just(Decimal("0.001")),
    taker_fee=st.just(Decimal("0.001")),
)


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Decimal: DECIMALS,
    int: st.integers(-(2**63), 2**63 - 1),
    Any: JSON_VALUES,
    Instrument: INSTRUMENTS,
    Capabilities: st.builds(capabilities, st.text(max_size=10)),
}


@functools.cache
def instances(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Build instances of a struct: every field, decimals above zero, times in range."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: _field(name, hints[name]) for name in kind.__struct_fields__})


def _field(name: str, hint: Any) -> st.SearchStrategy[Any]:
    """Choose a strategy for one field by its annotation."""
    arguments: tuple[Any, ...] = getattr(hint, "__args__", ())
    origin = getattr(hint, "__origin__", None)
    if hint in PLAIN:
        return TIMES if hint is int and name.endswith("_ns") else PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return instances(hint)
    inner = [_field(name, argument) for argument in arguments if argument is not Ellipsis]
    if origin is tuple:
        return st.lists(inner[0], max_size=3).map(tuple) if Ellipsis in arguments else st.tuples(*inner)
    if origin is dict:
        return st.dictionaries(*inner, max_size=3)
    # `X | None` has no origin, unless X is annotated.
    return st.one_of(inner) if inner and origin in (None, Union) else st.from_type(hint)
