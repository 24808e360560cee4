"""Opening and closing the sockets."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from actors.api.app import Api
from config.settings import ServerSettings
from engine.domain.errors import ConfigError
from tests.support.api import ADA_TOKEN, ApiRig, running
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


async def start_with(rig: ApiRig, **server: Any) -> None:
    rig.server = ServerSettings(**server)
    await rig.system.start(Api, name="second", ports=rig.ports())


async def test_a_port_in_use_is_one_clear_error(rig: ApiRig) -> None:
    with pytest.raises(ConfigError, match=r"server\.port: expected a free port on 127\.0\.0\.1, was \d+") as caught:
        await start_with(rig, port=rig.address.port)
    assert (caught.value.key, caught.value.exit_code) == ("server.port", 2)
    assert (await rig.call("GET", "/livez")).status == 200


async def test_an_address_of_another_machine_is_one_clear_error(rig: ApiRig) -> None:
    with pytest.raises(ConfigError, match=r"server\.host: expected an address of this machine"):
        await start_with(rig, host="192.0.2.1", port=0)


async def test_a_certificate_that_is_not_there_is_one_clear_error(rig: ApiRig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.tls_cert"):
        await start_with(rig, port=0, tls_cert=str(tmp_path / "no.pem"), tls_key=str(tmp_path / "no.key"))


async def test_a_stopped_endpoint_gives_its_port_back(rig: ApiRig) -> None:
    await rig.restart_api(port=rig.address.port)
    assert (await rig.call("GET", "/livez")).status == 200
    await rig.api.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", rig.address.port), timeout=1)


async def test_metrics_may_have_a_port_of_their_own(pg_database: PostgresDatabase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with running(pg_database, metrics_port=port) as rig, rig.http.get(f"http://127.0.0.1:{port}/metrics") as got:
        assert (got.status, b"cival_actors" in await got.read()) == (200, True)


async def test_with_a_certificate_the_endpoint_speaks_tls(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(cert))
    async with running(pg_database, tls_cert=str(cert), tls_key=str(key)) as rig:
        assert rig.url.startswith("https://")
        headers = {"Authorization": f"Bearer {ADA_TOKEN}"}
        async with rig.http.get(f"{rig.url}/api/v1/me", headers=headers, ssl=trusting) as answer:
            assert (answer.status, "Strict-Transport-Security" in answer.headers) == (200, True)
        url = rig.url.replace("https", "wss") + "/api/v1/stream"
        async with rig.http.ws_connect(url, headers=headers, protocols=("cival.v1",), ssl=trusting) as stream:
            await stream.send_json({"op": "ping", "id": 1})
            assert (await stream.receive_json(timeout=5))["op"] == "pong"
        with pytest.raises(aiohttp.ClientError):
            await rig.http.get(rig.url.replace("https", "http"))


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_path, key_path
