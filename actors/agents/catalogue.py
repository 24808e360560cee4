"""The agents that exist, by the name used in configuration, rows and the HTTP interface."""

from typing import Any, Final

import msgspec

from actors.agents.base import Agent, Parameters
from actors.agents.mean_reversion import MeanReversion
from actors.agents.trend_follower import TrendFollower
from engine.domain.errors import BadInput

AGENT_TYPES: Final[dict[str, type[Agent]]] = {
    "trend_follower": TrendFollower,
    "mean_reversion": MeanReversion,
}
"""Agent classes by type name."""


def agent_type(name: str) -> type[Agent]:
    """Return the class of a type.

    Raises:
        BadInput: There is no such type.
    """
    try:
        return AGENT_TYPES[name]
    except KeyError:
        raise BadInput("type", expected=f"one of {', '.join(sorted(AGENT_TYPES))}", was=name) from None


def parse_parameters(name: str, values: object) -> Parameters:
    """Check the parameters of a type; what is not given has its default.

    Args:
        name: Agent type.
        values: JSON or TOML object; decimals as text or numbers.

    Raises:
        BadInput: Unknown type, unknown parameter, or a value out of its range; the field is named.
    """
    kind = agent_type(name).parameters_type
    try:
        return msgspec.convert(_texts(values), kind, strict=False)
    except msgspec.ValidationError as error:
        # A BadInput of __post_init__ arrives as its cause and names the field better.
        if isinstance(error.__cause__, BadInput):
            raise error.__cause__ from None
        raise BadInput("parameters", expected=f"parameters of {name}", was=str(error)) from None


def parameters_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a type's parameters, without references.

    Raises:
        BadInput: There is no such type.
    """
    kind = agent_type(name).parameters_type
    (_schema,), components = msgspec.json.schema_components([kind])
    schema: dict[str, Any] = components[kind.__name__]
    return schema


def describe_types() -> list[dict[str, Any]]:
    """Return every type as `{type, description, parameters}`; `parameters` is a JSON Schema."""
    return [
        {
            "type": name,
            "description": (kind.__doc__ or "").strip().splitlines()[0],
            "parameters": parameters_schema(name),
        }
        for name, kind in sorted(AGENT_TYPES.items())
    ]


def _texts(values: object) -> object:
    """Floats of TOML and JSON become text, so that 0.01 is the Decimal that was written."""
    if isinstance(values, dict):
        return {key: repr(value) if type(value) is float else value for key, value in values.items()}
    return values
