"""Where each role logs in, and what of a URL may be shown."""

import pytest

from engine.domain.errors import ConfigError
from storage.roles import DatabaseRole, embedded_endpoints, served_endpoints, without_password

URL = "postgresql://app:secret@db.example:5432/cival"


def test_the_embedded_server_has_a_login_for_each_role() -> None:
    endpoints = embedded_endpoints("/run/x y", "cival")
    assert endpoints.of(DatabaseRole.READER).url == "postgresql://cival_reader@/cival?host=%2Frun%2Fx+y"
    assert endpoints.is_separated
    assert endpoints.is_embedded


def test_one_url_serves_every_role_by_set_role() -> None:
    endpoints = served_endpoints(URL)
    assert {role: endpoints.of(role).url for role in DatabaseRole} == dict.fromkeys(DatabaseRole, URL)
    assert {role: dict(endpoints.of(role).server_settings) for role in DatabaseRole} == {
        DatabaseRole.ADMIN: {},
        DatabaseRole.OWNER: {"role": "cival_owner"},
        DatabaseRole.DAEMON: {"role": "cival_daemon"},
        DatabaseRole.API: {"role": "cival_api"},
        DatabaseRole.READER: {"role": "cival_reader"},
    }
    assert not endpoints.is_separated


def test_logins_of_their_own_are_used_as_they_are() -> None:
    endpoints = served_endpoints(
        "postgresql://cival_daemon@db/cival",
        migrate_url="postgresql://admin@db/cival",
        api_url="postgresql://cival_api@db/cival",
        reader_url="postgres://cival_reader@db/cival",
    )
    assert endpoints.of(DatabaseRole.ADMIN).url == endpoints.of(DatabaseRole.OWNER).url == "postgresql://admin@db/cival"
    assert [dict(endpoints.of(role).server_settings) for role in (DatabaseRole.API, DatabaseRole.READER)] == [{}, {}]
    assert endpoints.is_separated


@pytest.mark.parametrize("url", ["mysql://app:secret@db/cival", "app:secret@db", "", "db.example"])
def test_another_kind_of_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^database\.api_url: expected postgresql://") as refused:
        served_endpoints(URL, api_url=url)
    assert "secret" not in str(refused.value)


def test_no_password_is_shown() -> None:
    assert "secret" not in repr(served_endpoints(URL))
    assert without_password(URL) == "postgresql://app:***@db.example:5432/cival"
    assert (
        without_password("postgresql://a%40b:x%2Fy@db/c?sslmode=require")
        == "postgresql://a%40b:***@db/c?sslmode=require"
    )
    assert without_password("postgresql://app@db/cival") == "postgresql://app@db/cival"
