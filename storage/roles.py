"""The database's roles, and where each of them logs in.

`Endpoints` is what the rest of storage opens connections with. The embedded server gives each role its own login (peer
authentication); a served database may have one URL for all, and then the role is taken by `SET ROLE` at connect time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from engine.domain.errors import ConfigError


class DatabaseRole(StrEnum):
    """Who a connection is."""

    ADMIN = "postgres"
    """Superuser of the embedded server, or the user of the migration URL: bootstrap only."""
    OWNER = "cival_owner"
    """Owns every table: migrations only."""
    DAEMON = "cival_daemon"
    """The engine: all rows, no DDL."""
    API = "cival_api"
    """May only become `authenticated`, one user per transaction (`storage.tenant`)."""
    READER = "cival_reader"
    """All rows, no secrets, read only."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way in: a URL that asyncpg accepts, and the settings that the connection starts with."""

    url: str = field(repr=False)
    """May hold a password, and is therefore kept out of logs."""
    server_settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where each role logs in."""

    by_role: Mapping[DatabaseRole, Endpoint]
    is_embedded: bool
    is_separated: bool
    """Whether every role has a login of its own. Without, roles guard against mistakes only, not against intruders."""

    def of(self, role: DatabaseRole) -> Endpoint:
        """Return the way in for `role`."""
        return self.by_role[role]


def embedded_endpoints(socket_directory: str, database: str) -> Endpoints:
    """Return the endpoints of the embedded server behind `socket_directory`."""
    query = urlencode({"host": socket_directory})
    by_role = {role: Endpoint(f"postgresql://{role.value}@/{quote(database)}?{query}") for role in DatabaseRole}
    return Endpoints(by_role, is_embedded=True, is_separated=True)


def served_endpoints(
    url: str, *, migrate_url: str | None = None, api_url: str | None = None, reader_url: str | None = None
) -> Endpoints:
    """Return the endpoints of a served database; a URL that is missing falls back to `url` under `SET ROLE`.

    Raises:
        ConfigError: A URL is not one of PostgreSQL.
    """
    given = {"url": url, "migrate_url": migrate_url, "api_url": api_url, "reader_url": reader_url}
    for key, value in given.items():
        if value is not None and urlsplit(value).scheme not in {"postgresql", "postgres"}:
            # The value itself may hold a password.
            raise ConfigError(f"database.{key}", expected="postgresql://...", was=urlsplit(value).scheme or "no scheme")

    def way(own: str | None, role: DatabaseRole) -> Endpoint:
        return Endpoint(url, {"role": role.value}) if own is None else Endpoint(own)

    by_role = {
        DatabaseRole.ADMIN: Endpoint(migrate_url or url),
        # Whoever migrates owns the tables: the URL's user takes this role so that a later user can follow.
        DatabaseRole.OWNER: Endpoint(migrate_url or url, {"role": DatabaseRole.OWNER.value}),
        DatabaseRole.DAEMON: Endpoint(url, {"role": DatabaseRole.DAEMON.value}),
        DatabaseRole.API: way(api_url, DatabaseRole.API),
        DatabaseRole.READER: way(reader_url, DatabaseRole.READER),
    }
    is_separated = None not in {migrate_url, api_url, reader_url}
    return Endpoints(by_role, is_embedded=False, is_separated=is_separated)


def without_password(url: str) -> str:
    """Return the URL as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}:***@{host}"))
