"""The control endpoint: an actor that owns the aiohttp application and its sockets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from actors.api.cells import Cells
from actors.api.facts import EngineFacts
from actors.readiness import Readiness
from actors.stream_hub import StreamHub
from config.settings import AuthSettings, ServerSettings
from engine.domain.ports import Clock, Ids
from engine.messages.read_ports import Identity, Person, Reads
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Bus
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref


class AddressQuery(msgspec.Struct, frozen=True):
    """Ask the API where it listens. Reply: `Address`."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the API listens."""

    host: str
    port: int
    """The real one where the configuration says 0."""
    url: str
    """Of the console, without a slash at the end."""


class Api(AsyncioActor):
    """One per engine. Listens from the end of `on_start` to the beginning of `on_stop`."""

    def __init__(
        self,
        *,
        server: ServerSettings,
        auth: AuthSettings,
        facts: EngineFacts,
        clock: Clock,
        ids: Ids,
        bus: Bus,
        reads: Reads,
        identity: Identity,
        writer: Ref[Any],
        cells: Cells,
        hub: Ref[StreamHub],
        readiness: Readiness,
        metrics: Metrics,
        agent_types: Sequence[Mapping[str, Any]],
        on_login: Callable[[Person], None] | None = None,
    ) -> None:
        """Take the collaborators.

        Args:
            server: Address, TLS, origins, rates.
            auth: Session lifetime, password policy.
            facts: What the engine is.
            clock: The wall clock.
            ids: Makes ids of requests, orders, sessions and units.
            bus: Read for `EventsCommitted`, to answer `?wait=ack`.
            reads: What tenants may see.
            identity: Who is asking.
            writer: The `StorageWriter`; sessions and tokens are written through it.
            cells: Finds the gate and coordinator of a user.
            hub: The stream.
            readiness: Answers `/readyz`; says when the database is away.
            metrics: Shown at `/metrics`.
            agent_types: `{type, description, parameters}` each, parameters as a JSON Schema.
            on_login: Called after each successful password login, such as to delete the file with the first password.

        Raises:
            ConfigError: From `on_start`: the port is taken (key `server.port`) or a TLS file cannot be read.
        """
        super().__init__()
        self._server = server
