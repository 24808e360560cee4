from decimal import Decimal
from typing import Any

import pytest

from actors.agents.catalogue import AGENT_TYPES, agent_type, describe_types, parameters_schema, parse_parameters
from actors.agents.trend_follower import TrendFollowerParameters
from engine.domain.errors import BadInput


def test_what_is_not_given_has_its_default() -> None:
    assert parse_parameters("trend_follower", {}) == TrendFollowerParameters()


@pytest.mark.parametrize("quantity", ["0.015", 0.015])
def test_a_decimal_is_the_number_that_was_written(quantity: object) -> None:
    parameters: Any = parse_parameters("trend_follower", {"quantity": quantity})
    assert parameters.quantity == Decimal("0.015")


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("oracle", {}, "mean_reversion, trend_follower"),
        ("trend_follower", {"fats": 3}, "fats"),
        ("trend_follower", {"fast": 0}, "fast"),
        ("trend_follower", {"fast": 9, "slow": 9}, "less than slow"),
        ("mean_reversion", {"length": 100_000}, "length"),
        ("mean_reversion", "fast", "object"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name: str, values: object, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_parameters(name, values)


@pytest.mark.parametrize("name", sorted(AGENT_TYPES))
def test_every_type_has_a_schema_with_descriptions_and_defaults(name: str) -> None:
    schema = parameters_schema(name)
    assert schema["additionalProperties"] is False
    assert all("description" in field and "default" in field for field in schema["properties"].values())
    defaults = {key: field["default"] for key, field in schema["properties"].items()}
    assert parse_parameters(name, defaults) == parse_parameters(name, {})


def test_the_types_are_described_for_people() -> None:
    described = describe_types()
    assert [each["type"] for each in described] == sorted(AGENT_TYPES)
    assert all(each["description"].endswith(".") for each in described)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(BadInput):
        agent_type("oracle")
