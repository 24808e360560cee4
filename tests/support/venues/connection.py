"""Ending a TCP connection rudely."""

import socket
import struct

from aiohttp import web


def reset(request: web.BaseRequest) -> None:
    """Reset the connection under a request: the peer sees RST, whatever was still to be sent is lost."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
