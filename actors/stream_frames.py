"""Pure half of the stream: channel names, and messages as WebSocket frames that all clients share.

A frame is built once, header included, and the same bytes are written to every client. MessagePack is made from the
JSON at the first client that wants it.
"""

import re
import struct
from typing import Any, Final

import msgspec

from engine.domain.errors import BadInput
from engine.messages.render import rfc3339
from engine.messages.writing import CommittedEvent

JSON_PROTOCOL: Final = "cival.v1"
MSGPACK_PROTOCOL: Final = "cival.v1.msgpack"

LOSSLESS: Final = frozenset(
    {"orders", "trades", "positions", "balances", "portfolio", "signals", "agents", "risk", "alerts", "control"}
)
"""Channels of the committed journal."""
GLOBAL_CONFLATED: Final = frozenset({"pnl", "exchanges"})
_VENUE: Final = r"(?P<venue>[A-Za-z0-9][A-Za-z0-9._@-]{0,49})"
_SYMBOL: Final = r"(?P<symbol>[A-Z0-9]{1,20}/[A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?)"
_PATTERNS: Final = {
    "tickers": re.compile(f"tickers:{_VENUE}:{_SYMBOL}"),
    "books": re.compile(f"books:{_VENUE}:{_SYMBOL}"),
    "bars": re.compile(f"bars:{_VENUE}:{_SYMBOL}:(?P<timeframe>1m|5m|15m|1h|4h|1d)"),
}
"""Channels of markets. A perpetual's symbol has a colon of its own."""

CLOSE_BAD_TOKEN: Final = 4401
CLOSE_NOT_ALLOWED: Final = 4403
CLOSE_TOO_SLOW: Final = 4408
CLOSE_TOO_MANY: Final = 4429
CLOSE_RESTART: Final = 1012
CLOSE_DEFECT: Final = 1011

_TEXT: Final = 0x81
_BINARY: Final = 0x82
_CLOSE: Final = 0x88
_CONTROL_MAX: Final = 125
"""Bytes of a control frame's payload."""
_encode = msgspec.json.encode
_decode = msgspec.json.decode
_pack = msgspec.msgpack.encode


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's name, taken apart."""

    name: str
    kind: str
    """The part before the first colon."""
    venue: str = ""
    symbol: str = ""
    timeframe: str = ""

    @property
    def is_lossless(self) -> bool:
        """Whether it comes from the journal."""
        return self.kind in LOSSLESS


def parse_channel(name: str) -> Channel:
    """Take a channel's name apart: `orders`, `tickers:binance:BTC/USDT`, `bars:binance:BTC/USDT:USDT:1m`.

    Raises:
        BadInput: No channel is called so (field `channels`).
    """
    if name in LOSSLESS or name in GLOBAL_CONFLATED:
        return Channel(name=name, kind=name)
    for kind, pattern in _PATTERNS.items():
        found = pattern.fullmatch(name)
        if found is not None:
            return Channel(name=name, kind=kind, **found.groupdict())
    raise BadInput("channels", expected="the name of a channel", was=name)


class Frame:
    """One message to clients, in the form that each of them reads."""

    __slots__ = ("_binary", "_payload", "text")

    def __init__(self, payload: bytes) -> None:
        """Frame a JSON object."""
        self._payload = payload
        self.text = websocket_frame(_TEXT, payload)
        self._binary: bytes | None = None

    @property
    def binary(self) -> bytes:
        """The same as a MessagePack frame."""
        if self._binary is None:
            self._binary = websocket_frame(_BINARY, _pack(_decode(self._payload)))
        return self._binary


def websocket_frame(first_byte: int, payload: bytes) -> bytes:
    """Put the header of a whole, unmasked frame before `payload`. Source: RFC 6455 section 5.2."""
    length = len(payload)
    if length < 126:
        header = bytes((first_byte, length))
    elif length < 65_536:
        header = struct.pack("!BBH", first_byte, 126, length)
    else:
        header = struct.pack("!BBQ", first_byte, 127, length)
    return header + payload


def close_frame(code: int, reason: str) -> bytes:
    """Frame the end of a connection; `reason` is cut where a control frame has no room for it."""
    return websocket_frame(_CLOSE, (struct.pack("!H", code) + reason.encode("ascii", "replace"))[:_CONTROL_MAX])


def event_frame(event: CommittedEvent) -> Frame:
    """Frame a committed event; its data stays as the writer encoded it."""
    head = (
        f'{{"op":"event","channel":"{event.channel}","seq":{event.seq},"prev":{event.prev},'
        f'"type":"{event.type}","at":"{rfc3339(event.at_ns)}","data":'
    )
    return Frame(b"%b%b}" % (head.encode(), event.data))


def snapshot_frame(channel: str, seq: int, data: bytes) -> Frame:
    """Frame the state of a channel as of `seq`; `data` is a JSON array."""
    return Frame(b'{"op":"snapshot","channel":"%b","seq":%d,"data":%b}' % (channel.encode(), seq, data))


def update_frame(channel: str, at_ns: int, data: bytes) -> Frame:
    """Frame the newest value of a conflated channel; `data` is a JSON object."""
    return Frame(
        b'{"op":"update","channel":%b,"at":"%b","data":%b}' % (_encode(channel), rfc3339(at_ns).encode(), data)
    )


def answer_frame(op: str, **fields: Any) -> Frame:
    """Frame an answer to a client: `subscribed`, `unsubscribed`, `error`, `pong`, `heartbeat`."""
    return Frame(_encode({"op": op} | fields))
