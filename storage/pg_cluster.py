"""Makes a database cluster for the embedded server, says who may log in, and builds the server's command line."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.domain.errors import ConfigError, DependencyAway
from storage.pg_binaries import Binaries
from storage.pg_identity import ServerIdentity
from storage.roles import DatabaseRole

PGDATA: Final = "postgres"
"""Name of the cluster's folder in the data directory."""
UPGRADED: Final = f"{PGDATA}.upgraded"
"""A finished upgrade that is about to take the cluster's place."""
INITDB_TIMEOUT_S: Final = 300.0

_HBA = """\
# Written at each start. Unix socket only; the map names the one user who started the server.
local all all peer map=cival
"""

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": "cival",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "wal_compression": "pglz",
    "track_activity_query_size": "2048",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # Details of an error show values of the row.
    # A statement's text may hold what is secret, and errors are logged where they are handled.
    "log_min_error_statement": "panic",
    "idle_in_transaction_session_timeout": "60s",
}


def major_of(pgdata: Path) -> int | None:
    """Return the version that made the data directory; None if it is not there yet."""
    if not pgdata.exists():
        return None
    version_file = pgdata / "PG_VERSION"
    try:
        return int(version_file.read_text().strip().partition(".")[0])
    except (OSError, ValueError) as error:
        raise ConfigError("data_dir", expected=f"a PostgreSQL version in {version_file}", was=str(error)) from error


def make_cluster(pgdata: Path, binaries: Binaries, identity: ServerIdentity, env: Mapping[str, str]) -> None:
    """Make a new cluster beside its place and move it there when it is whole.

    Raises:
        DependencyAway: `initdb` failed; the message holds its last line.
    """
    scratch = pgdata.with_name(f"{pgdata.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    if identity.owner_uid != os.geteuid():
        os.chown(scratch, identity.owner_uid, identity.owner_gid)
    # A locale of its own: indexes survive an upgrade of the system's C library.
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if binaries.major >= 17
        else ["--locale=C"]
    )
    command = [
        *identity.prefix, binaries.program("initdb"), "--pgdata", str(scratch), "--username", DatabaseRole.ADMIN.value,
        "--auth=peer", "--encoding=UTF8", "--data-checksums", "--no-instructions", *locale,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own words and the programs found
        command, capture_output=True, text=True, env=env, cwd="/", timeout=INITDB_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        shutil.rmtree(scratch, ignore_errors=True)
        raise DependencyAway("initdb", why=lines[-1])
    scratch.rename(pgdata)
    _sync_folder(pgdata.parent)


def write_access_rules(pgdata: Path, identity: ServerIdentity) -> None:
    """Write who may log in: the user who started the server, as each of our roles."""
    lines = ["# Written at each start. Map, system user, role."]
    lines += [f"cival {_quoted(identity.peer_name)} {role.value}" for role in DatabaseRole]
    _replace(pgdata / "pg_hba.conf", _HBA, identity)
    _replace(pgdata / "pg_ident.conf", "\n".join(lines) + "\n", identity)


def server_command(
    pgdata: Path,
    socket_directory: Path,
    binaries: Binaries,
    identity: ServerIdentity,
    settings: Mapping[str, str],
    dies_with_parent: bool,  # noqa: FBT001 - named at its one call
) -> list[str]:
    """Return the words that start the server."""
    # Innermost: a change of user clears the signal. It is sent when the thread that forked ends.
    guard = ["setpriv", "--pdeathsig", "INT", "--"] if dies_with_parent else []
    chosen = dict(_SETTINGS)
    if binaries.has_statement_statistics:
        # Utility statements are kept out: CREATE ROLE ... PASSWORD would show its password.
        chosen |= {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "off"}
    chosen |= {"unix_socket_directories": f'"{socket_directory}"', **settings}
    words = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    return [*identity.prefix, *guard, binaries.program("postgres"), "-D", str(pgdata), *words]


def _quoted(name: str) -> str:
    if '"' in name or "\n" in name:
        raise ConfigError("user", expected="a login name without quotes", was=name)
    return f'"{name}"'


def _replace(path: Path, text: str, identity: ServerIdentity) -> None:
    if path.exists() and path.read_text() == text:
        return
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(text)
    scratch.chmod(0o600)
    if identity.owner_uid != os.geteuid():
        os.chown(scratch, identity.owner_uid, identity.owner_gid)
    scratch.replace(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
