"""What the routes share."""

import pytest
from aiohttp.test_utils import make_mocked_request

from actors.api.acks import Acks
from actors.api.context import Context
from config.settings import ServerSettings
from engine.domain.identifiers import AccountId
from tests.support.api import ADA, BOB, ApiRig
from tests.support.cell_builders import an_id

pytestmark = pytest.mark.asyncio


def a_context(rig: ApiRig, **server: object) -> Context:
    rig.server = ServerSettings(**server)  # type: ignore[arg-type]
    return Context(rig.ports(), rig.system, lambda coroutine, name: None, Acks(rig.bus, rig.api))


@pytest.mark.parametrize(
    ("server", "header", "remote"),
    [
        ({}, "6.6.6.6", ""),
        ({"behind_tls_proxy": True}, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ({"behind_tls_proxy": True}, "", ""),
    ],
)
async def test_the_callers_address_is_taken_from_a_proxy_only(
    rig: ApiRig, server: dict[str, object], header: str, remote: str
) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": header})
    assert a_context(rig, **server).remote(request) == (remote or request.remote or "")


async def test_accounts_are_remembered_by_user(rig: ApiRig) -> None:
    context = a_context(rig)
    context.venues = {(ADA, AccountId(an_id(1))): "a", (BOB, AccountId(an_id(2))): "b"}
    assert context.accounts_seen(ADA) == [an_id(1)]
