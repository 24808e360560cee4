"""The last way to run the embedded server as root: under a service account, where user namespaces are refused.

The account must be able to execute the programs and to enter the data directory. Programs out of its reach are copied
once; a data directory out of its reach is an error that names the way out. Folders above the data directory are never
opened: that is how other launchers have opened /root to everybody.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.domain.errors import ConfigError
from storage.pg_binaries import Binaries
from storage.pg_identity import ServerIdentity

ACCOUNT_VARIABLE: Final = "CIVAL_PG_USER"
DEFAULT_ACCOUNTS: Final = ("postgres", "nobody")
COPIES: Final = Path("/var/lib/cival")
"""Where programs are copied to that the account cannot reach."""


def account_identity(data_dir: Path, environ: Mapping[str, str], *, owner_uid: int | None) -> ServerIdentity:
    """Return the service account, able to enter `data_dir`.

    Args:
        data_dir: The engine's data directory; its group becomes the account's, which may then pass through it.
        owner_uid: Owner of an existing cluster, whose account it stays; None for a new one.

    Raises:
        ConfigError: There is no such account, we are not root, or a folder above the data directory is closed to it.
    """
    account = _account(environ, owner_uid)
    prefix = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--")
    identity = ServerIdentity("account", prefix, pwd.getpwuid(os.geteuid()).pw_name, account.pw_uid, account.pw_gid)
    os.chown(data_dir, -1, account.pw_gid)
    data_dir.chmod(0o710)
    if not _may(identity, data_dir):
        closed = next(folder for folder in [*reversed(data_dir.parents), data_dir] if not _may(identity, folder))
        raise ConfigError(
            "data_dir",
            expected=f"user {account.pw_name} to be able to enter {data_dir} (choose another with --data-dir, run as "
            "an ordinary user, or set DATABASE_URL)",
            was=f"closed at {closed}",
        )
    return identity


def reachable_binaries(binaries: Binaries, identity: ServerIdentity, copies: Path = COPIES) -> Binaries:
    """Return programs that the account can execute: these, or a copy of them made once.

    Raises:
        ConfigError: The copy cannot be made or is out of reach as well.
    """
    if _may(identity, Path(binaries.program("postgres"))):
        return binaries
    target = copies / f"postgresql-{binaries.version}"
    try:
        copied = replace(binaries, bindir=_copy(binaries.bindir, target))
    except OSError as error:
        raise ConfigError(str(target), expected="a folder for PostgreSQL's programs", was=str(error)) from error
    if not _may(identity, Path(copied.program("postgres"))):
        raise ConfigError(str(target), expected="programs that the service account can execute", was="out of reach")
    return copied


def _account(environ: Mapping[str, str], owner_uid: int | None) -> pwd.struct_passwd:
    if os.geteuid() != 0:
        raise ConfigError(
            "data_dir", expected="a PostgreSQL cluster of ours, and user namespaces or a passwd entry",
            was=f"uid {os.geteuid()}, cluster of uid {owner_uid}",
        )  # fmt: skip
    if owner_uid is not None:
        try:
            return pwd.getpwuid(owner_uid)
        except KeyError as error:
            raise ConfigError(
                "data_dir", expected="a cluster of an existing account", was=f"uid {owner_uid}"
            ) from error
    named = environ.get(ACCOUNT_VARIABLE)
    for name in (named,) if named else DEFAULT_ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return found
    raise ConfigError(ACCOUNT_VARIABLE, expected="an account other than root", was=named or "none of the usual ones")


def _may(identity: ServerIdentity, path: Path) -> bool:
    """Ask as the account itself: modes, ACLs and mounts all have their say."""
    asked = subprocess.run([*identity.prefix, "test", "-x", str(path)], capture_output=True, timeout=30, check=False)  # noqa: S603 - fixed words
    return asked.returncode == 0


def _copy(bindir: Path, target: Path) -> Path:
    """Copy the installation that holds `bindir`, and what the wheel keeps beside it; return the new `bin`."""
    installation = bindir.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    # The programs look for their libraries at ../../../NAME.libs, so the copy keeps both names and their distance.
    place = target / package.name / installation.name
    if not (place / "bin" / "postgres").exists():
        scratch = target.with_name(f"{target.name}.new")
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(installation, scratch / package.name / installation.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
        for folder in (target.parent, scratch, scratch / package.name):
            folder.chmod(0o755)
        scratch.rename(target)
    return place / "bin"
