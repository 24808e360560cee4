"""The control endpoint: an actor that owns the aiohttp application and its sockets."""

import msgspec

from actors.api.ports import ApiPorts
from engine.runtime.actor import AsyncioActor


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
    """One per engine. Listens from the end of `on_start` to the beginning of `on_stop`.

    `on_start` raises `ConfigError` if the port is taken (key `server.port`) or a TLS file cannot be read.
    """

    def __init__(self, *, ports: ApiPorts) -> None:
        """Take the collaborators."""
        super().__init__()
        self._ports = ports
