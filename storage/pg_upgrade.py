"""Moves the embedded cluster to the major version of the programs that this build brings (`cival db upgrade`).

PostgreSQL's own `pg_upgrade` does the work, in copy mode: the old cluster stays as `postgres.NN` until a person deletes
it. It needs the programs of both versions; those of the old one may come from `CIVAL_PG_BINDIR` or from the system.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.domain.errors import ConfigError, DependencyAway
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from storage import embedded, pool
from storage.pg_binaries import Binaries, find_binaries
from storage.pg_cluster import PGDATA, UPGRADED, major_of, make_cluster, write_access_rules
from storage.pg_identity import ServerIdentity, server_environment
from storage.roles import DatabaseRole

UPGRADE_TIMEOUT_S: Final = 4 * 3600.0
"""Copying a large cluster takes its time."""
_log = get_logger("storage.pg_upgrade")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What was done."""

    before: int
    after: int
    kept: Path
    """The old cluster, untouched."""


async def upgrade(data_dir: Path, *, clock: Clock, environ: Mapping[str, str]) -> Upgrade | None:
    """Upgrade the cluster of a data directory whose lock the caller holds; None if it is up to date or not there yet.

    Raises:
        ConfigError: The programs of one of the versions are missing, or an earlier old cluster is in the way.
        DependencyAway: A server does not come up, or `pg_upgrade` refused; the old cluster is as it was.
    """
    pgdata = data_dir / PGDATA
    before = major_of(pgdata)
    new = find_binaries({name: value for name, value in environ.items() if name != "CIVAL_PG_BINDIR"})
    if before is None or before == new.major:
        return None
    if before > new.major:
        raise ConfigError("data_dir", expected=f"a cluster up to PostgreSQL {new.major}", was=f"PostgreSQL {before}")
    old = find_binaries(environ, major=before)
    kept = data_dir / f"{PGDATA}.{before}"
    if kept.exists():
        raise ConfigError("data_dir", expected=f"no {kept} from an earlier upgrade (delete or move it)", was="present")
    # A start and a stop: whatever state it was left in, it is recovered and cleanly shut down now.
    await (await embedded.start(data_dir, clock=clock, environ=environ)).stop()
    identity = embedded.identity_for(data_dir, environ)
    await asyncio.to_thread(_rebuild, data_dir, old, new, identity, server_environment(environ))
    pgdata.rename(kept)
    (data_dir / UPGRADED).rename(pgdata)
    await _analyze(data_dir, clock, environ)
    _log.info("postgres_upgraded", before=before, after=new.major, kept=str(kept))
    return Upgrade(before, new.major, kept)


def _rebuild(data_dir: Path, old: Binaries, new: Binaries, identity: ServerIdentity, env: Mapping[str, str]) -> None:
    """Make the new cluster beside the old one, whole or not at all."""
    scratch = data_dir / f"{PGDATA}.next"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(data_dir / UPGRADED, ignore_errors=True)  # Of a try that was killed; the old cluster may be newer.
    make_cluster(scratch, new, identity, env)
    write_access_rules(scratch, identity)
    sockets = embedded.make_socket_directory(data_dir, env, identity)
    command = [
        *identity.prefix, new.program("pg_upgrade"), "--copy",
        "--old-bindir", str(old.bindir), "--new-bindir", str(new.bindir),
        "--old-datadir", str(data_dir / PGDATA), "--new-datadir", str(scratch),
        "--username", DatabaseRole.ADMIN.value, "--socketdir", str(sockets), "--jobs", str(os.cpu_count() or 1),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own words and the programs found
        command, capture_output=True, text=True, env=env, cwd=sockets, timeout=UPGRADE_TIMEOUT_S, check=False
    )
    (sockets / "delete_old_cluster.sh").unlink(missing_ok=True)
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["no message"]
        raise DependencyAway("pg_upgrade", why=f"{lines[-1].strip()} (see {scratch}/pg_upgrade_output.d)")
    scratch.rename(data_dir / UPGRADED)


async def _analyze(data_dir: Path, clock: Clock, environ: Mapping[str, str]) -> None:
    """Give the planner its statistics: an upgrade does not bring all of them along."""
    environ = {name: value for name, value in environ.items() if name != "CIVAL_PG_BINDIR"}
    server = await embedded.start(data_dir, clock=clock, environ=environ)
    connection = await pool.connect(server.endpoints(), DatabaseRole.ADMIN)
    try:
        await connection.execute("analyze")
    finally:
        await connection.close()
        await server.stop()
