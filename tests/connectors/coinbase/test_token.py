"""The tokens with which Coinbase knows us."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.bridge.errors import AuthRefused
from connectors.coinbase.token import TokenMaker
from engine.runtime.clock import NS_PER_S
from engine.runtime.secret import Secret
from tests.support.venues.coinbase_access import key_pair

NAME = "organizations/0a/apiKeys/1b"
PRIVATE, PUBLIC = key_pair(1)
NOW_S = 1_700_000_000


def a_maker(secret: str = PRIVATE, name: str = NAME, now_ns: int = NOW_S * NS_PER_S + 400_000_000) -> TokenMaker:
    numbers = iter(range(1_000))
    return TokenMaker(Secret(name), Secret(secret), now_ns=lambda: now_ns, nonce=lambda: f"n{next(numbers)}")


def claims(token: str) -> dict[str, Any]:
    options: Any = {"verify_exp": False, "verify_nbf": False}
    found: dict[str, Any] = jwt.decode(token, PUBLIC, algorithms=["ES256"], options=options)
    return found


def test_a_token_names_its_request_without_the_query() -> None:
    token = a_maker().of_request("GET", "https://api.coinbase.com/api/v3/brokerage/accounts?limit=250")
    assert claims(token) == {
        "sub": NAME,
        "iss": "cdp",
        "nbf": NOW_S - 2,
        "exp": NOW_S + 118,
        "uri": "GET api.coinbase.com/api/v3/brokerage/accounts",
    }
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": NAME, "nonce": "n0"}


def test_a_token_of_a_subscription_names_no_request() -> None:
    assert "uri" not in claims(a_maker().of_subscription())


def test_each_token_has_a_nonce_of_its_own() -> None:
    maker = a_maker()
    nonces = {jwt.get_unverified_header(maker.of_subscription())["nonce"] for _ in range(3)}
    assert len(nonces) == 3


@pytest.mark.parametrize(
    ("until_ns", "ends_s"),
    [
        (NOW_S * NS_PER_S + 5_900_000_000, NOW_S + 5),
        (NOW_S * NS_PER_S + 500_000_000, NOW_S + 1),
        (0, NOW_S + 1),
        (NOW_S * NS_PER_S + 500 * NS_PER_S, NOW_S + 118),
    ],
)
def test_a_token_never_outlives_its_limit_by_more_than_the_second_that_has_begun(until_ns: int, ends_s: int) -> None:
    assert claims(a_maker().of_request("POST", "http://h/p", until_ns))["exp"] == ends_s


def test_a_key_on_one_line_is_read_too() -> None:
    assert claims(a_maker(PRIVATE.replace("\n", "\\n")).of_subscription())["sub"] == NAME


def pem(key: Any) -> str:
    text: str = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return text


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "swordfish",
        PUBLIC,
        PRIVATE[:60],
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ec.derive_private_key(5, ec.SECP384R1())),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(AuthRefused) as refused:
        a_maker(secret).check()
    assert refused.value.code == "bad_signature"
    assert refused.value.__cause__ is None
    assert not secret or secret not in str(refused.value)


def test_a_name_that_is_none_is_refused_before_the_wire() -> None:
    with pytest.raises(AuthRefused, match="organizations"):
        a_maker(name="my-key").check()
    a_maker().check()
