"""What the API needs from the rest of the engine; `engine.bootstrap` fills it in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.api.cells import Cells
from actors.readiness import Readiness
from config.settings import AuthSettings, ServerSettings
from engine.domain.ports import Ids
from engine.messages.read_ports import Identity, Person, Reads
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What holds while the process runs; shown by `/api/v1/me` and the console."""

    version: str
    market_source: str
    """`simulated`, `replay` or `live`."""
    is_paper: bool
    """No account of this engine trades real money."""
    started_at_ns: int
    """Wall clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """The collaborators of the API."""

    server: ServerSettings
    """Address, TLS, origins, rates."""
    auth: AuthSettings
    """Session lifetime, password policy."""
    facts: EngineFacts
    clock: Clock
    """The wall clock."""
    ids: Ids
    """Makes ids of requests, orders, sessions and units."""
    bus: Bus
    """Read for `EventsCommitted`, to answer `?wait=ack`."""
    reads: Reads
    """What tenants may see."""
    identity: Identity
    """Who is asking."""
    writer: Ref[Any]
    """The `StorageWriter`; sessions and tokens are written through it."""
    cells: Cells
    """Finds the gate and coordinator of a user."""
    hub: Ref[Any]
    """The `StreamHub`."""
    readiness: Readiness
    """Answers `/readyz`; says when the database is away."""
    metrics: Metrics
    """Shown at `/metrics`."""
    agent_types: Sequence[Mapping[str, Any]]
    """`{type, description, parameters}` each, parameters as a JSON Schema."""
    reloader: Ref[Any] | None = None
    """Reads the configuration again; None where there is no file to read."""
    on_login: Callable[[Person], None] | None = None
    """Called after each successful password login, such as to delete the file with the first password."""
