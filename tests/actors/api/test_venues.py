"""Which venue an account is at: asked once, for the owner only."""

from typing import Any

import pytest

from tests.support.api import ADA_ACCOUNT, BOB_ACCOUNT, ApiRig

pytestmark = pytest.mark.asyncio


async def test_an_account_is_looked_up_once(rig: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    account = rig.reads.account

    async def counted(*arguments: Any) -> Any:
        asked.append(arguments)
        return await account(*arguments)

    monkeypatch.setattr(rig.reads, "account", counted)
    for _ in range(3):
        assert (await rig.place()).status == 201
    assert [arguments[1] for arguments in asked] == [ADA_ACCOUNT]


async def test_a_strangers_account_is_asked_for_each_time_and_never_found(rig: ApiRig) -> None:
    for _ in range(2):
        assert (await rig.place(account_id=str(BOB_ACCOUNT))).status == 404
