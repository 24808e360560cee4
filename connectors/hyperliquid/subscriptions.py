"""Subscribing to Hyperliquid's streams: what to send, and what comes back.

Source: Hyperliquid, "WebSocket", "Timeouts and heartbeats".
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.domain.errors import BadInput

PING: Final = '{"method":"ping"}'


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """What was asked for, as far as it tells one subscription from another."""

    type: str
    coin: str = ""


class _Subscribed(msgspec.Struct, gc=False):
    subscription: Subscription


class _Frame(msgspec.Struct, gc=False):
    data: _Subscribed


class _TextFrame(msgspec.Struct, gc=False):
    data: str


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_text = msgspec.json.Decoder(_TextFrame).decode
_decode_wish = msgspec.json.Decoder(_Subscribed).decode
_decode_subscription = msgspec.json.Decoder(Subscription).decode


def subscribe(subscription: Mapping[str, Any]) -> str:
    """Return the text that subscribes."""
    return msgspec.json.encode({"method": "subscribe", "subscription": subscription}).decode()


def acknowledged(raw: bytes) -> Subscription:
    """Return what a frame of `subscriptionResponse` confirms.

    Raises:
        BadInput: It confirms nothing that can be read.
    """
    try:
        return _decode_frame(raw).data.subscription
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("subscriptionResponse", expected=f"a subscription ({error})", was=raw) from error


def refused(raw: bytes) -> tuple[Subscription | None, str]:
    """Return which subscription a frame of `error` is about, as far as its text says, and the text.

    Raises:
        BadInput: It has no text.
    """
    try:
        text = _decode_text(raw).data
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("error", expected=f"a text ({error})", was=raw) from error
    return _subscription_in(text[text.find("{") :].encode()), text


def _subscription_in(wish: bytes) -> Subscription | None:
    """Read the request or the subscription that an error quotes."""
    try:
        return _decode_wish(wish).subscription
    except (msgspec.DecodeError, ValueError):
        pass
    try:
        return _decode_subscription(wish)
    except (msgspec.DecodeError, ValueError):
        return None
