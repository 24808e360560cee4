"""What must be true of an account before it may trade: the key signs for it, and its money is where we look for it."""

from typing import Final

import msgspec

from connectors.bridge.errors import AuthRefused
from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.exchange import Hyperliquid
from engine.domain.errors import BadInput, NotReady

SHARED_MODES: Final = frozenset({"unifiedAccount", "portfolioMargin"})
"""Spot and perpetuals share one collateral there; the two are two accounts to us."""

_decode_role = msgspec.json.Decoder(wire.Role).decode
_decode_master = msgspec.json.Decoder(wire.AgentRole).decode
_decode_mode = msgspec.json.Decoder(str).decode


def require_address(text: str) -> None:
    """Refuse what is no address of an account, in small letters.

    Raises:
        AuthRefused: See the first line.
    """
    if len(text) != 42 or not text.startswith("0x") or not all(each in "0123456789abcdef" for each in text[2:]):
        raise AuthRefused("bad_key", "the wallet is no address of 0x and 40 hex digits")


async def prove_key(exchange: Hyperliquid, user: str, signer: str) -> None:
    """Prove that a key may sign for an account, by asking who its address is: nothing is signed for it.

    Raises:
        AuthRefused: It may not.
        BridgeError: No answer.
    """
    if signer == user:
        return
    raw = await exchange.info({"type": "userRole", "user": signer})
    role = _decode_role(raw).role
    if role == "agent":
        if _decode_master(raw).data.user.lower() == user:
            return
        raise AuthRefused("bad_key", "the API wallet belongs to another account")
    why = "the venue knows no API wallet of this key" if role == "missing" else f"the key is that of a {role}"
    raise AuthRefused("bad_key", f"{why}, and the account has not approved it")


async def prove_mode(exchange: Hyperliquid, user: str) -> None:
    """Prove that spot and perpetuals have a collateral of their own.

    Raises:
        NotReady: They share one.
        BridgeError: No answer.
    """
    raw = await exchange.info({"type": "userAbstraction", "user": user})
    try:
        mode = _decode_mode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("userAbstraction", expected=f"a mode ({error})", was=raw) from error
    if mode in SHARED_MODES:
        raise NotReady("account", why=f"the account is in mode {mode}: give spot and perpetuals a balance each")
