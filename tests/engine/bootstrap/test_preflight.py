"""What stops a start is found before anything has started."""

import socket

import msgspec
import pytest

from config.loader import load_settings
from config.settings import AccountSettings, ServerSettings, Settings, VenueSettings
from engine.bootstrap.preflight import check_before_start, check_fault_point
from engine.domain.errors import ConfigError
from engine.runtime.fault_points import arm, is_armed


def settings_with(**server: object) -> Settings:
    shipped = load_settings(None, environ={})
    return msgspec.structs.replace(shipped, server=ServerSettings(**{"port": 0, **server}))  # type: ignore[arg-type]


def a_free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.asyncio
async def test_what_the_engine_ships_with_can_start() -> None:
    port = a_free_port()
    for _ in range(2):
        await check_before_start(settings_with(port=port, metrics_port=a_free_port()), {})
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))  # The look has not taken it.


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["port", "metrics_port"])
async def test_a_taken_port_is_named_by_its_key(key: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"server\.{key}: expected a free port on 127\.0\.0\.1, was {port}"):
            await check_before_start(settings_with(**{key: port}), {})


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
async def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.host: expected an address of this machine"):
        await check_before_start(settings_with(host=host), {})


@pytest.mark.asyncio
async def test_a_secret_that_is_missing_is_named() -> None:
    settings = settings_with()
    database = msgspec.structs.replace(settings.database, url="env:NOPE")
    with pytest.raises(ConfigError, match=r"database\.url: expected the environment variable NOPE"):
        await check_before_start(msgspec.structs.replace(settings, database=database), {})


@pytest.mark.asyncio
async def test_a_certificate_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match=r"server\.tls_cert: expected a certificate and its key"):
        await check_before_start(settings_with(tls_cert="none.pem", tls_key="none.key"), {})


POINT = {"CIVAL_FAULT_POINT": "submit.sent:1"}


def settings_of(venue: VenueSettings, mode: str = "live") -> Settings:
    account = AccountSettings(name="main", user="a@example.org", venue="there", mode=mode)  # type: ignore[arg-type]
    shipped = load_settings(None, environ={})
    return msgspec.structs.replace(shipped, accounts=(account,), venues={"there": venue})


@pytest.mark.parametrize("url", ["unix:/run/venue.sock", "tcp://127.0.0.1:7000", "tcp://localhost:7000"])
def test_a_fault_point_is_armed_where_every_venue_is_on_this_machine(url: str) -> None:
    try:
        check_fault_point(settings_of(VenueSettings(kind="remote", url=url)), POINT)
        assert is_armed()
    finally:
        arm(None)


def test_an_account_without_a_venue_is_at_that_of_the_market() -> None:
    settings = settings_of(VenueSettings(kind="remote", url="unix:/run/venue.sock"))
    account = msgspec.structs.replace(settings.accounts[0], venue=None)
    market = msgspec.structs.replace(settings.market, venues=("there",))
    try:
        check_fault_point(msgspec.structs.replace(settings, accounts=(account,), market=market), POINT)
        assert is_armed()
    finally:
        arm(None)


@pytest.mark.parametrize(
    ("venue", "mode"),
    [
        (VenueSettings(kind="remote", url="tcp://192.0.2.1:7000"), "live"),
        (VenueSettings(kind="remote", url="tcp://192.0.2.1:7000"), "paper"),
        (VenueSettings(), "live"),
        (VenueSettings(rest_url="http://127.0.0.1:1", ws_url="ws://exchange.example.org"), "live"),
    ],
)
def test_a_fault_point_is_refused_where_real_money_is_within_reach(venue: VenueSettings, mode: str) -> None:
    with pytest.raises(ConfigError, match="CIVAL_FAULT_POINT: expected only venues on this machine"):
        check_fault_point(settings_of(venue, mode), POINT)
    assert not is_armed()


def test_nothing_is_armed_or_refused_without_the_variable() -> None:
    check_fault_point(settings_of(VenueSettings()), {})
    assert not is_armed()
