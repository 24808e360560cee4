"""Logging in and out over real sockets: cookies, tokens, throttling, and no secret anywhere."""

from typing import Any

import pytest

from actors.api.auth_guard import FREE_FAILURES
from engine.messages.writing import StoreStatus
from tests.support.api import ADA, ADA_TOKEN, PASSWORD, Answer, ApiRig, running
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


async def log_in(rig: ApiRig, *, origin: str | None = None, **changes: Any) -> Answer:
    body = {"email": "ada@localhost", "password": PASSWORD} | changes
    headers = {} if origin is None else {"Origin": origin}
    return await rig.call("POST", "/auth/login", token=None, json=body, headers=headers)


async def test_a_password_opens_a_session(rig: ApiRig) -> None:
    answer = await log_in(rig, email="ADA@localhost")
    assert answer.status == 200
    token = answer.json["token"]
    assert "Set-Cookie" not in answer.headers
    me = await rig.get("/me", token=token)
    assert (me["email"], me["role"], me["session"]["kind"], me["engine"]["is_paper"]) == (
        "ada@localhost", "admin", "session", True)  # fmt: skip
    assert [person.user_id for person in rig.logins] == [ADA]


async def test_a_browser_gets_a_cookie_that_scripts_cannot_read(rig: ApiRig) -> None:
    answer = await log_in(rig, cookie=True, origin=rig.url)
    cookie = answer.headers["Set-Cookie"]
    assert "token" not in answer.json
    for flag in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert flag in cookie
    assert cookie.startswith("cival_session=cival_")


async def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, behind_tls_proxy=True) as rig:
        answer = await log_in(rig, cookie=True)
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-cival=cival_")
        assert "Secure" in cookie
        assert "Strict-Transport-Security" in answer.headers


async def test_a_cookie_reads_and_acts_from_our_own_page_only(rig: ApiRig) -> None:
    cookie = (await log_in(rig, cookie=True)).headers["Set-Cookie"].split(";")[0]
    halt = {"reason": "test"}

    async def post(**headers: str) -> int:
        named = {"Cookie": cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
        return (await rig.call("POST", "/control/halt", token=None, json=halt, headers=named)).status

    assert (await rig.call("GET", "/me", token=None, headers={"Cookie": cookie})).status == 200
    assert await post() == 403
    assert await post(Origin="https://evil.example") == 403
    assert await post(Origin=rig.url, Sec_Fetch_Site="cross-site") == 403
    assert await post(Origin=rig.url, Sec_Fetch_Site="same-origin") == 200


async def test_wrong_credentials_look_the_same(rig: ApiRig) -> None:
    wrong = ({"password": "wrong"}, {"email": "nobody@localhost"}, {"password": PASSWORD + " "})
    answers = [await log_in(rig, **changes) for changes in wrong]
    seen = {(answer.status, answer.json["code"], answer.json["detail"]) for answer in answers}
    assert seen == {(401, "wrong_credentials", "email or password is wrong")}


async def test_guessing_is_slowed_down(rig: ApiRig) -> None:
    for _ in range(FREE_FAILURES):
        await log_in(rig, password="guess")
    answer = await log_in(rig)
    assert (answer.status, answer.json["code"]) == (429, "login_throttled")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_login_from_a_strange_page_is_refused(rig: ApiRig) -> None:
    assert (await log_in(rig, origin="https://evil.example")).status == 403


async def test_a_logout_ends_the_session_at_once(rig: ApiRig) -> None:
    token = (await log_in(rig)).json["token"]
    assert (await rig.call("POST", "/auth/logout", token=token)).status == 204
    assert (await rig.call("GET", "/me", token=token)).status == 401
    assert await rig.get("/me")


async def test_logins_are_audited_with_their_outcome(rig: ApiRig) -> None:
    await log_in(rig)
    await log_in(rig, password="wrong")
    rows = [row for row in (await rig.get("/audit"))["items"] if row["action"] == "auth.login"]
    assert sorted(row["outcome"] for row in rows) == ["accepted", "refused"]
    assert {row["remote_addr"] for row in rows} == {"127.0.0.1"}


async def test_while_the_database_is_away_nobody_logs_in(rig: ApiRig) -> None:
    rig.bus.publish(StoreStatus(available=False, since_ns=1))
    answer = await log_in(rig)
    assert (answer.status, answer.json["code"]) == (503, "database_away")


async def test_no_secret_is_answered_stored_or_logged(rig: ApiRig, capfd: pytest.CaptureFixture[str]) -> None:
    answer = await log_in(rig)
    token = answer.json["token"]
    seen = [
        await log_in(rig, password=["canary-password"]),
        await log_in(rig, password="canary-password"),
        await log_in(rig, email="ada@localhost", pasword="canary-password"),
        await rig.call("GET", "/me", token=token),
        await rig.call("GET", "/audit"),
        await rig.call("GET", "/tokens"),
        await rig.call("GET", "/system/actors"),
        await rig.call("GET", "/metrics"),
    ]
    connection = await rig.database.connect()
    stored = str([dict(row) for row in await connection.fetch("select * from user_sessions")])
    await connection.close()
    text = "".join(answer.body.decode() for answer in seen) + stored + "".join(capfd.readouterr())
    for secret in (token, "canary-password", PASSWORD, ADA_TOKEN, "$argon2id$"):
        assert secret not in text
