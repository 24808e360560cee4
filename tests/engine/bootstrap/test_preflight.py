"""What stops a start is found before anything has started."""

import socket

import msgspec
import pytest

from config.loader import load_settings
from config.settings import ServerSettings, Settings
from engine.bootstrap.preflight import check_before_start
from engine.domain.errors import ConfigError


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
