"""Which pages may ask."""

import pytest
from aiohttp.test_utils import make_mocked_request

from actors.api.origins import Origins
from config.settings import ServerSettings

LOCAL = Origins(ServerSettings())
SERVED = Origins(ServerSettings(host="0.0.0.0", behind_tls_proxy=True, allowed_origins=("https://desk.example/",)))


def a_request(host: str = "127.0.0.1:8710", **headers: str) -> object:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("POST", "/", headers={"Host": host} | named)


@pytest.mark.parametrize(
    ("origins", "host", "origin", "own"),
    [
        (LOCAL, "127.0.0.1:8710", "http://127.0.0.1:8710", True),
        (LOCAL, "localhost:9000", "http://LOCALHOST:9000", True),
        (LOCAL, "127.0.0.1:8710", "http://127.0.0.1:9999", False),
        (LOCAL, "127.0.0.1:8710", "https://127.0.0.1:8710", False),
        (SERVED, "cival.example", "https://cival.example", True),
        (SERVED, "cival.example", "http://cival.example", False),
        (LOCAL, "127.0.0.1:8710", "null", False),
    ],
)
def test_our_own_page_has_our_scheme_host_and_port(origins: Origins, host: str, origin: str, own: bool) -> None:
    assert origins.is_own(a_request(host, Origin=origin)) is own  # type: ignore[arg-type]


def test_the_allow_list_is_exact() -> None:
    def allowed(origin: str) -> bool:
        return SERVED.is_allowed(a_request("cival.example", Origin=origin))  # type: ignore[arg-type]

    assert allowed("https://desk.example")
    assert not any(map(allowed, ["https://desk.example.evil", "http://desk.example", "https://xdesk.example", "*", ""]))


@pytest.mark.parametrize(
    ("host", "known"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("evil.example:8710", False), ("[", False), ("", False)],
)
def test_a_local_server_answers_to_local_names_only(host: str, known: bool) -> None:
    assert LOCAL.is_known_host(a_request(host)) is known  # type: ignore[arg-type]
    assert SERVED.is_known_host(a_request(host))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "forged"),
    [
        ({"Origin": "http://127.0.0.1:8710"}, False),
        ({"Origin": "http://127.0.0.1:8710", "Sec_Fetch_Site": "same-origin"}, False),
        ({"Origin": "http://127.0.0.1:8710", "Sec_Fetch_Site": "cross-site"}, True),
        ({"Origin": "https://evil.example"}, True),
        ({}, True),
    ],
)
def test_with_a_cookie_the_page_must_be_ours(headers: dict[str, str], forged: bool) -> None:
    assert LOCAL.is_forged(a_request(**headers)) is forged  # type: ignore[arg-type]


def test_the_cookie_is_bound_to_the_host_where_tls_is_on() -> None:
    assert (LOCAL.cookie_name, SERVED.cookie_name) == ("cival_session", "__Host-cival")
