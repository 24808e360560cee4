"""Signs Hyperliquid's actions: EIP-712 over a "phantom agent" whose id is the hash of action, number and time limit.

ccxt never sees the key. Its own way to sign costs 2.7 ms of pure Python per order, most of it hashing what is the same
for every order; here that is hashed once, which leaves 1.3 ms. A thread would not help: the hashing holds the
interpreter either way. An address may send twenty requests a second, so signing takes 3 % of the loop at most.
Signatures are deterministic: the same action, number and limit are the same bytes again.
Source: Hyperliquid, "Signing"; hyperliquid-python-sdk, utils/signing.
"""

from typing import Any, Final

import msgspec

from connectors.bridge.errors import AuthRefused
from connectors.bridge.loading import ccxt_module
from engine.runtime.secret import Secret

Signature = dict[str, Any]
"""`r`, `s` as hex and `v`."""

_keccak: Any = ccxt_module("static_dependencies.keccak").SHA3
_Exchange: Any = ccxt_module("base.exchange").Exchange

_DOMAIN_TYPE: Final = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_AGENT_TYPE: Final = b"Agent(string source,bytes32 connectionId)"
_CHAIN: Final = 1337
_MAINNET, _TESTNET = b"a", b"b"


def _hash(data: bytes) -> bytes:
    return bytes(_keccak(data))


_DOMAIN: Final = _hash(_hash(_DOMAIN_TYPE) + _hash(b"Exchange") + _hash(b"1") + _CHAIN.to_bytes(32, "big") + bytes(32))
_AGENT: Final = _hash(_AGENT_TYPE)
_SOURCES: Final = {True: _hash(_MAINNET), False: _hash(_TESTNET)}


class Signer:
    """One private key: the account's own, or better one that the account has approved (API wallet)."""

    def __init__(self, private_key: Secret, *, is_mainnet: bool = True) -> None:
        """Take the key.

        Args:
            private_key: 32 bytes as hex, with or without 0x.
            is_mainnet: A signature holds on one of the two chains only.

        Raises:
            AuthRefused: It is no key.
        """
        text = private_key.reveal().removeprefix("0x")
        try:
            is_key = len(bytes.fromhex(text)) == 32
            self.address: str = _Exchange.eth_get_address_from_private_key(text).lower() if is_key else ""
        except Exception as error:  # noqa: BLE001 - whatever the libraries of keys raise; it may hold the key.
            raise AuthRefused("bad_signature", f"the private key is none: {type(error).__name__}") from None
        if not is_key:
            raise AuthRefused("bad_signature", "the private key is not 32 bytes of hex")
        self._key = private_key
        self._source = _SOURCES[is_mainnet]

    def sign(self, action: Any, nonce: int, *, expires_ms: int | None = None, vault: str | None = None) -> Signature:
        """Sign an action.

        Args:
            action: With its keys in the order of the documentation: they are hashed as they stand.
            nonce: Number of the request, ms.
            expires_ms: Last moment at which the venue may act; None for no limit.
            vault: Address of the vault or sub-account that acts; None for the signer's account.
        """
        data = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
        data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
        if expires_ms is not None:
            data += b"\x00" + expires_ms.to_bytes(8, "big")
        agent = _hash(_AGENT + self._source + _hash(data))
        digest = _hash(b"\x19\x01" + _DOMAIN + agent)
        signed = _Exchange.ecdsa(digest.hex(), self._key.reveal().removeprefix("0x"), "secp256k1", None)
        return {"r": f"0x{signed['r']}", "s": f"0x{signed['s']}", "v": 27 + int(signed["v"])}
