"""Signatures are those of ccxt and of the venue's own library."""

from typing import Any

import pytest
from eth_account import Account
from hyperliquid.utils import signing as theirs  # type: ignore[import-untyped]

from connectors.bridge.errors import AuthRefused
from connectors.bridge.loading import ccxt_class
from connectors.hyperliquid.signing import Signer
from engine.runtime.secret import Secret

KEY = "0x" + "4a" * 32
NONCE = 1_700_000_000_123
ORDER = {
    "type": "order",
    "orders": [
        {
            "a": 10_107, "b": True, "p": "60000.5", "s": "0.1", "r": False, "t": {"limit": {"tif": "Alo"}},
            "c": "0x" + "ab" * 16,
        }
    ],
    "grouping": "na",
}  # fmt: skip
ACTIONS: list[Any] = [
    ORDER,
    {"type": "cancelByCloid", "cancels": [{"asset": 1, "cloid": "0x" + "00" * 16}]},
    {"type": "cancel", "cancels": [{"a": 1, "o": 257_770_947_487}]},
    {"type": "scheduleCancel", "time": NONCE + 60_000},
    {"type": "scheduleCancel"},
    {"type": "batchModify", "modifies": [{"oid": 5, "order": ORDER["orders"][0]}]},
]
VAULT = "0x" + "1f" * 20


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (int(one["r"], 16), int(one["s"], 16), one["v"]) == (int(other["r"], 16), int(other["s"], 16), other["v"])


@pytest.mark.parametrize("is_mainnet", [True, False])
@pytest.mark.parametrize("expires_ms", [None, NONCE + 5_000])
@pytest.mark.parametrize("vault", [None, VAULT])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action["type"])
def test_a_signature_is_the_one_of_the_venues_library(
    action: Any, vault: str | None, expires_ms: int | None, is_mainnet: bool
) -> None:
    mine = Signer(Secret(KEY), is_mainnet=is_mainnet).sign(action, NONCE, expires_ms=expires_ms, vault=vault)
    wanted = theirs.sign_l1_action(Account.from_key(KEY), action, vault, NONCE, expires_ms, is_mainnet)
    assert same(mine, wanted)
    signer = theirs.recover_agent_or_user_from_l1_action(action, mine, vault, NONCE, expires_ms, is_mainnet)
    assert signer.lower() == Signer(Secret(KEY)).address


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action["type"])
def test_a_signature_is_the_one_of_ccxt(action: Any) -> None:
    ccxt = ccxt_class("hyperliquid")({"privateKey": KEY, "walletAddress": VAULT})
    assert same(
        Signer(Secret(KEY)).sign(action, NONCE, expires_ms=NONCE + 9),
        ccxt.sign_l1_action(action, NONCE, None, NONCE + 9),
    )


def test_the_same_request_is_the_same_bytes_again() -> None:
    one, other = (Signer(Secret(KEY)).sign(ORDER, NONCE, expires_ms=NONCE) for _ in range(2))
    assert one == other
    assert Signer(Secret(KEY)).sign(ORDER, NONCE + 1, expires_ms=NONCE) != one


def test_a_key_has_the_address_that_the_library_gives_it() -> None:
    assert Signer(Secret(KEY.removeprefix("0x"))).address == Account.from_key(KEY).address.lower()


@pytest.mark.parametrize("bad", ["", "0x12", "zz" * 32, "00" * 32, "4a" * 33])
def test_what_is_no_key_is_refused_without_showing_it(bad: str) -> None:
    with pytest.raises(AuthRefused) as caught:
        Signer(Secret(bad))
    assert caught.value.code == "bad_signature"
    assert not bad or bad not in str(caught.value)
    assert "4a" not in repr(Signer(Secret(KEY)))
