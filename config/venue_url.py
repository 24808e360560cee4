"""Reads the address of a remote venue: `tcp://host:port` or `unix:/path/of/the/socket`."""

import re
from ipaddress import ip_address
from typing import Final

import msgspec

from engine.domain.errors import BadInput

EXPECTED: Final = "tcp://host:port or unix:/path"
_TCP = re.compile(r"tcp://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):(?P<port>[0-9]{1,5})", re.ASCII)
_PATH_BYTES_MAX = 107
"""Source: unix(7), sun_path is 108 bytes with the final zero."""


class TcpAddress(msgspec.Struct, frozen=True):
    """A host and a port."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can answer there."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class UnixAddress(msgspec.Struct, frozen=True):
    """A socket in the file system."""

    path: str

    @property
    def is_local(self) -> bool:
        """Always true."""
        return True


VenueAddress = TcpAddress | UnixAddress


def parse_venue_url(url: str) -> VenueAddress:
    """Read an address.

    Raises:
        BadInput: It is neither form, the port is not 1 to 65535, or the path is relative or too long for a socket.
    """
    if url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        if not path.startswith("/") or "\0" in path or len(path.encode()) > _PATH_BYTES_MAX:
            expected = f"unix: and an absolute path of at most {_PATH_BYTES_MAX} bytes"
            raise BadInput("url", expected=expected, was=url)
        return UnixAddress(path)
    found = _TCP.fullmatch(url)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise BadInput("url", expected=EXPECTED, was=url)
    return TcpAddress(found["host"].strip("[]"), int(found["port"]))
