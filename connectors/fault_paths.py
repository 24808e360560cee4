"""Fault points of a connector: the path is what a message is about, the step how far it has come.

`sending`: before the first byte leaves; `sent`: when all have left; `answered`: the answer is there and nobody knows.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from engine.messages.venues import (
    AccountQuery,
    FillsQuery,
    OpenOrdersQuery,
    OrderQuery,
    VenueAmend,
    VenueCancel,
    VenueSubmit,
)
from engine.runtime.fault_points import fault_point, is_armed

PATHS: Final[Mapping[type[Any], str]] = {
    VenueSubmit: "submit",
    VenueCancel: "cancel",
    VenueAmend: "amend",
    OrderQuery: "query",
    OpenOrdersQuery: "query",
    FillsQuery: "query",
    AccountQuery: "query",
}


def pass_point(message: Any, step: Literal["sending", "sent", "answered"]) -> None:
    """Pass the point of a message; nothing for those that have no path."""
    if is_armed() and (path := PATHS.get(type(message))) is not None:
        fault_point(f"{path}.{step}")
