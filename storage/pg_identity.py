"""Decides under which uid the embedded server runs.

PostgreSQL refuses to run as root, and needs a name for its uid. An ordinary user runs it as itself. Root, and a uid
without a passwd entry, run it in a user namespace as an unprivileged uid: files stay ours, so there is nothing to chown
or chmod, and it works under 0700 folders such as /root. Where namespaces are refused, `storage.pg_account` takes over.
"""

import grp
import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAMESPACE_USERS = ("daemon", "bin", "postgres")
"""Whom the server believes to be inside the namespace. Never `nobody` (65534): that is what every unmapped uid looks
like, so every local user would pass peer authentication."""

Way = Literal["self", "namespace", "account"]


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """How to start the server's programs, and who we are to it."""

    way: Way
    prefix: tuple[str, ...]
    """Words in front of each command."""
    peer_name: str
    """The user name that the server sees at the other end of its socket when we connect."""
    owner_uid: int
    """Whose the data and socket folders must be, as seen from here."""
    owner_gid: int


def own_identity() -> ServerIdentity | None:
    """Return ourselves, or None if the server cannot run as us."""
    uid = os.geteuid()
    if uid == 0:
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
    return ServerIdentity("self", (), name, uid, os.getegid())


def namespace_identity() -> ServerIdentity | None:
    """Return an unprivileged uid in a user namespace, or None where the kernel or a container refuses."""
    for name in NAMESPACE_USERS:
        try:
            entry = pwd.getpwnam(name)
            grp.getgrgid(entry.pw_gid)
        except KeyError:
            continue
        prefix = ("unshare", "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}", "--")
        try:
            probe = subprocess.run([*prefix, "true"], capture_output=True, timeout=30, check=False)  # noqa: S603 - fixed words
        except OSError:
            return None  # No `unshare` here, as on macOS.
        if probe.returncode == 0:
            return ServerIdentity("namespace", prefix, name, os.geteuid(), os.getegid())
        return None
    return None


def owner_of(pgdata: Path) -> int | None:
    """Return the uid that an existing cluster belongs to, None if there is none."""
    try:
        return pgdata.stat().st_uid
    except FileNotFoundError:
        return None


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server's programs: nothing of ours that would change what they do."""
    kept = {name: environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZDIR") if name in environ}
    return {"PATH": os.defpath, "LC_ALL": "C", **kept}
