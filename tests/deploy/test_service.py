"""The systemd unit: what it restricts, and what systemd's own checks say about it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source import ROOT

UNIT = ROOT / "config/deploy/cival.service"
EXPOSURE_MAX = 20
"""systemd's exposure level times ten; a unit without restrictions has 96, ours 10."""


def directives(text: str) -> dict[str, list[str]]:
    """Read the unit's settings, several values where a name comes several times."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze on the path")
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "notify"),
        ("WatchdogSec", "20"),
        ("Restart", "always"),
        ("RestartSec", "2"),
        ("RestartPreventExitStatus", "2"),
        ("StartLimitBurst", "10"),
        ("StartLimitIntervalSec", "300"),
        ("KillMode", "mixed"),
        ("TimeoutStopSec", "30"),
        ("OOMPolicy", "stop"),
        ("DynamicUser", "yes"),
        ("StateDirectory", "cival"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("LoadCredentialEncrypted", "master_key"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateUsers", "yes"),
        ("PrivateIPC", "yes"),
        ("ProtectClock", "yes"),
        ("ProtectHostname", "yes"),
        ("ProtectKernelLogs", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectControlGroups", "yes"),
        ("ProtectProc", "invisible"),
        ("ProcSubset", "pid"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("RestrictNamespaces", "yes"),
        ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("LockPersonality", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RemoveIPC", "yes"),
        ("SystemCallArchitectures", "native"),
        ("DevicePolicy", "closed"),
        ("NoExecPaths", "/"),
        ("LimitCORE", "0"),
    ],
)
def test_it_says(name: str, value: str) -> None:
    assert directives(UNIT.read_text())[name] == [value]


def test_it_may_call_what_a_service_calls_and_no_more() -> None:
    assert directives(UNIT.read_text())["SystemCallFilter"] == ["@system-service", "~@privileged @resources @obsolete"]


@pytest.mark.parametrize("name", ["MemoryMax", "TasksMax", "LimitNOFILE"])
def test_it_is_bounded(name: str) -> None:
    assert directives(UNIT.read_text())[name]


def test_it_may_execute_what_it_starts() -> None:
    said = directives(UNIT.read_text())
    allowed = {path for line in said["ExecPaths"] for path in line.replace("-/", "/").split()}
    started = [said["ExecStart"][0].split()[0], said["ExecReload"][0].split()[0], "/usr/bin/python3", "/lib64/ld.so"]
    assert not [path for path in started if not any(Path(path).is_relative_to(folder) for folder in allowed)]


def test_its_exposure_is_low(analyze: str) -> None:
    command = [analyze, "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_MAX}", str(UNIT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_exposure_check_fails_without_restrictions(analyze: str, tmp_path: Path) -> None:
    bare = tmp_path / "cival.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    command = [analyze, "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_MAX}", str(bare)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_systemd_understands_every_line(analyze: str, tmp_path: Path) -> None:
    console_script = Path(sys.executable).parent / "cival"
    assert console_script.exists()
    copy = tmp_path / "cival.service"
    copy.write_text(UNIT.read_text().replace("/opt/cival/bin/cival", str(console_script)))
    command = [analyze, "verify", "--man=no", str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
