"""The shapes of private payloads: which fields must be there."""

import msgspec
import pytest

from connectors.binance import private_wire as wire


@pytest.mark.parametrize(
    ("shape", "name"),
    [(wire.ExecutionReport, "i"), (wire.FuturesOrder, "z"), (wire.AlgoState, "aid"), (wire.UsdmOrder, "executedQty")],
)
def test_what_decides_is_required_under_the_wires_name(shape: type[msgspec.Struct], name: str) -> None:
    (field,) = [field for field in msgspec.structs.fields(shape) if field.encode_name == name]
    assert field.required


def test_one_name_means_one_field() -> None:
    for shape in (wire.ExecutionReport, wire.FuturesOrder, wire.AlgoState):
        names = [field.encode_name for field in msgspec.structs.fields(shape)]
        assert len(names) == len(set(names))
