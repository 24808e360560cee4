"""A small checkout with the real set-up scripts, whose packages come from a folder of wheels instead of an index.

So `scripts/run` and `scripts/test` do all that they do on a stranger's machine, with the real pip or uv, but without a
network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TOOLS = [
    "cat",
    "cut",
    "dirname",
    "env",
    "grep",
    "head",
    "id",
    "mktemp",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "sh",
    "sleep",
    "tail",
]
"""What the scripts use besides Python, and all that is on the path of a test."""

_ENGINE = '''
"""A stand-in for the engine: says how it was called, then does what its first argument after `run` says."""
import json, os, signal, sys

def main():
    import pinned
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
    said = {"argv": sys.argv[1:], "cwd": os.getcwd(), "pid": os.getpid(), "pinned": pinned.VERSION}
    print(json.dumps(said), flush=True)
    if "wait" in sys.argv:
        signal.pause()
    sys.exit(3 if "fail" in sys.argv else 0)
'''
_TEST_RUNNER = '"""A stand-in for pytest."""\nimport os, sys\nprint("pytest", os.getcwd(), *sys.argv[1:])\n'
_BACKEND = '''
"""A build backend that needs nothing: what it builds is a wheel that the test has made."""
import pathlib, shutil

WHEEL = "cival-1.0-py3-none-any.whl"

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    shutil.copy(pathlib.Path(__file__).with_name(WHEEL), wheel_directory)
    return WHEEL

build_wheel = build_editable
'''
_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["backend"]

[project]
name = "cival"
version = "1.0"
"""


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write a pure wheel with `files` (path: text) into `folder`."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    meta = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if name == "cival":
        meta[f"{info}/entry_points.txt"] = "[console_scripts]\ncival = stand_in:main\n"
    content = {**files, **meta}
    record = "".join(f"{entry},,\n" for entry in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for entry, text in {**content, f"{info}/RECORD": record}.items():
            wheel.writestr(entry, text)
    return path


def pin(wheel: Path) -> str:
    """Give the line of a lock file that pins `wheel`."""
    name, version, *_ = wheel.name.split("-")
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def uv_path() -> Path:
    """Find uv: the test tools bring it along."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found is not None, "uv is one of the test tools"
    return Path(found)


@dataclass(frozen=True)
class Checkout:
    """A checkout, the wheels that its locks pin, and a folder that is the whole path of its scripts."""

    root: Path
    wheels: Path
    tools: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Give the environment of a script: no index, and nothing of the test's own."""
        wheels = str(self.wheels)
        return {
            "PATH": str(self.tools),
            "HOME": str(self.tools),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": wheels,
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": wheels,
            "UV_CACHE_DIR": str(self.wheels / "cache"),
            **more,
        }

    def run(
        self, script: str, *arguments: str, cwd: Path | None = None, user: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts to its end."""
        return subprocess.run(
            [str(self.root / "scripts" / script), *arguments],
            env=self.environment(**environment),
            cwd=cwd,
            user=user,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def pin_version(self, version: str) -> None:
        """Let both locks pin `version` of the one dependency."""
        wheel = write_wheel(self.wheels, "pinned", version, {"pinned.py": f"VERSION = {version!r}\n"})
        runner = write_wheel(self.wheels, "pytest", "1.0", {"pytest.py": _TEST_RUNNER})
        (self.root / "requirements.lock").write_text(pin(wheel))
        (self.root / "requirements-dev.lock").write_text(pin(wheel) + pin(runner))

    def link(self, tool: Path, name: str | None = None) -> None:
        """Put `tool` on the path of the scripts."""
        (self.tools / (name or tool.name)).symlink_to(tool)


def a_checkout(folder: Path, *, uv: bool = True) -> Checkout:
    """Make a checkout in `folder` (its name has a space), with uv on its path or with pip only."""
    checkout = Checkout(root=folder / "a checkout", wheels=folder / "wheels", tools=folder / "tools")
    backend = checkout.root / "backend"
    for path in (backend, checkout.root / "scripts", checkout.wheels, checkout.tools):
        path.mkdir(parents=True)
    for name in ("run", "test", "image-build", "environment.sh"):
        shutil.copy(ROOT / "scripts" / name, checkout.root / "scripts" / name)
    (checkout.root / "pyproject.toml").write_text(_PROJECT)
    (backend / "backend.py").write_text(_BACKEND)
    write_wheel(backend, "cival", "1.0", {"stand_in.py": _ENGINE})
    checkout.pin_version("1.0")
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        checkout.link(Path(found), tool)
    checkout.link(Path(sys.executable).resolve(), "python3")
    if uv:
        checkout.link(uv_path())
    return checkout
