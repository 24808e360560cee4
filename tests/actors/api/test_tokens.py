"""Tokens that a user makes: shown once, good until they are revoked or expire."""

from uuid import uuid4

import pytest

from tests.support.api import BOB_TOKEN, EVE_TOKEN, ApiRig

pytestmark = pytest.mark.asyncio


async def test_a_token_works_until_it_is_revoked(rig: ApiRig) -> None:
    made = (await rig.call("POST", "/tokens", json={"name": "bot", "ttl": "1h"})).json
    assert (await rig.get("/me", token=made["token"]))["session"]["name"] == "bot"
    listed = (await rig.get("/tokens"))["items"]
    assert {row["name"] for row in listed} == {"test", "bot"}
    assert all("token" not in row and "token_hash" not in row for row in listed)
    assert (await rig.call("DELETE", f"/tokens/{made['id']}")).status == 204
    assert (await rig.call("GET", "/me", token=made["token"])).status == 401


async def test_a_wrong_wish_makes_none(rig: ApiRig) -> None:
    wrong: tuple[dict[str, str], ...] = (
        {}, {"name": ""}, {"name": "x", "ttl": "0s"}, {"name": "x", "ttl": "367d"}, {"name": "x", "ttl": "soon"},
        {"name": "x", "role": "admin"},
    )  # fmt: skip
    assert [(await rig.call("POST", "/tokens", json=body)).status for body in wrong] == [422] * len(wrong)


async def test_a_token_has_its_makers_role(rig: ApiRig) -> None:
    made = (await rig.call("POST", "/tokens", token=EVE_TOKEN, json={"name": "mine"})).json
    assert (await rig.get("/me", token=made["token"]))["role"] == "viewer"


async def test_a_strangers_token_is_not_found(rig: ApiRig) -> None:
    made = (await rig.call("POST", "/tokens", json={"name": "bot"})).json
    assert (await rig.call("DELETE", f"/tokens/{made['id']}", token=BOB_TOKEN)).status == 404
    assert (await rig.call("DELETE", f"/tokens/{uuid4()}")).status == 404
    assert (await rig.get("/me", token=made["token"]))["role"] == "admin"


async def test_making_and_revoking_is_audited(rig: ApiRig) -> None:
    made = (await rig.call("POST", "/tokens", json={"name": "bot"})).json
    await rig.call("DELETE", f"/tokens/{made['id']}")
    rows = {row["action"]: row["object_id"] for row in (await rig.get("/audit"))["items"]}
    assert rows["token.create"] == rows["token.revoke"] == made["id"]
