"""The engine about itself."""

import pytest

from tests.support.api import ApiRig

pytestmark = pytest.mark.asyncio


async def test_running_actors_are_listed_with_their_mailboxes(rig: ApiRig) -> None:
    actors = {row["name"]: row for row in (await rig.get("/system/actors"))["items"]}
    assert {"writer", "hub", "api", "cells"} <= actors.keys()
    assert (actors["hub"]["class"], actors["hub"]["mailbox_depth"]) == ("StreamHub", 0)


async def test_the_audit_comes_in_pages_newest_first(rig: ApiRig) -> None:
    for number in range(3):
        await rig.call("POST", "/tokens", json={"name": str(number)})
    page = await rig.get("/audit?limit=2")
    assert [row["action"] for row in page["items"]] == ["token.create"] * 2
    rest = await rig.get(f"/audit?limit=500&cursor={page['next_cursor']}")
    assert len([row for row in rest["items"] if row["action"] == "token.create"]) == 1
