"""What the routes share."""

import asyncio
import time

import pytest
from aiohttp.test_utils import make_mocked_request

from actors.api.acks import Acks
from actors.api.context import Context
from config.settings import ServerSettings
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId
from engine.messages.writing import StoreStatus
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


async def test_a_server_that_hangs_is_waited_for_a_second_only(rig: ApiRig) -> None:
    hanging = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []
    context = Context(
        rig.ports(), rig.system, lambda work, _: tasks.append(asyncio.create_task(work)), Acks(rig.bus, rig.api)
    )
    started = time.monotonic()
    with pytest.raises(DependencyAway, match="no answer within"):
        await context.quickly(hanging.wait)
    assert 0.9 < time.monotonic() - started < 3
    hanging.set()
    await asyncio.gather(*tasks)


async def test_a_server_that_is_known_to_be_away_is_not_asked(rig: ApiRig) -> None:
    context = a_context(rig)
    rig.bus.publish(StoreStatus(available=False, since_ns=1))
    with pytest.raises(DependencyAway, match="known to be away"):
        await context.quickly(lambda: pytest.fail("it was asked"))


async def test_a_quick_read_gives_its_answer_or_its_error(rig: ApiRig) -> None:
    context = Context(rig.ports(), rig.system, lambda work, _: asyncio.create_task(work), Acks(rig.bus, rig.api))

    async def seven() -> int:
        return 7

    async def broken() -> int:
        raise ZeroDivisionError

    assert await context.quickly(seven) == 7
    with pytest.raises(ZeroDivisionError):
        await context.quickly(broken)
