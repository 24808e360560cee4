"""A cluster is whole or absent, and the rules say who may log in."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.errors import ConfigError, DependencyAway
from storage.pg_binaries import Binaries, find_binaries
from storage.pg_cluster import make_cluster, server_command, write_access_rules
from storage.pg_identity import ServerIdentity, server_environment

ME = ServerIdentity("self", (), "alice", os.geteuid(), os.getegid())


def test_rules_name_one_user_and_our_roles_and_are_rewritten_when_the_user_changes(tmp_path: Path) -> None:
    write_access_rules(tmp_path, ME)
    ident = (tmp_path / "pg_ident.conf").read_text().splitlines()[1:]
    assert ident == [
        f'cival "alice" {role}' for role in ("postgres", "cival_owner", "cival_daemon", "cival_api", "cival_reader")
    ]
    hba = [line for line in (tmp_path / "pg_hba.conf").read_text().splitlines() if not line.startswith("#")]
    assert hba == ["local all all peer map=cival"]
    assert stat.S_IMODE((tmp_path / "pg_ident.conf").stat().st_mode) == 0o600

    write_access_rules(tmp_path, replace(ME, peer_name="daemon"))
    assert "alice" not in (tmp_path / "pg_ident.conf").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pg_hba.conf", "pg_ident.conf"]


@pytest.mark.parametrize("name", ['al"ice', "al\nice"])
def test_a_user_name_cannot_smuggle_in_another_rule(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="expected a login name without quotes"):
        write_access_rules(tmp_path, replace(ME, peer_name=name))


def test_a_failed_initdb_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "initdb"
    program.write_text("#!/bin/sh\necho 'working'\necho 'initdb: error: no space left' >&2\nexit 1\n")
    program.chmod(0o755)
    binaries = Binaries(tmp_path / "bin", "18.1", "wheel")
    with pytest.raises(DependencyAway, match="initdb: error: no space left"):
        make_cluster(tmp_path / "postgres", binaries, ME, server_environment(os.environ))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]


@pytest.mark.parametrize(("version", "locale"), [("16.4", "--locale=C"), ("17.0", "--builtin-locale=C.UTF-8")])
def test_the_locale_does_not_depend_on_the_systems_library(tmp_path: Path, version: str, locale: str) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "initdb"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\n')
    program.chmod(0o755)
    make_cluster(
        tmp_path / "postgres", Binaries(tmp_path / "bin", version, "wheel"), ME, server_environment(os.environ)
    )
    words = (tmp_path / "words").read_text().split()
    assert locale in words
    assert {"--auth=peer", "--data-checksums", "--encoding=UTF8"} <= set(words)
    assert ("--locale-provider=builtin" in words) == version.startswith("17")


def test_the_command_line_has_the_guard_innermost_and_the_callers_settings_last(tmp_path: Path) -> None:
    binaries = find_binaries({})
    identity = replace(ME, prefix=("unshare", "--"))
    words = server_command(tmp_path / "pg", tmp_path, binaries, identity, {"fsync": "off"}, True)
    guard = ["unshare", "--", "setpriv", "--pdeathsig", "INT", "--", str(binaries.bindir / "postgres")]
    assert words[:7] == guard
    assert words[-1] == "fsync=off"
    assert "shared_preload_libraries=pg_stat_statements" in words
    assert "listen_addresses=" in words
    plain = server_command(tmp_path / "pg", tmp_path, replace(binaries, bindir=tmp_path), ME, {}, False)
    assert plain[0] == str(tmp_path / "postgres")
    assert "shared_preload_libraries=pg_stat_statements" not in plain
