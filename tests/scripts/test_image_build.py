"""`scripts/image-build` on the small checkout of `tests.support.checkout`; `.ci/run` builds the real one."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.support.checkout import Checkout, a_checkout


def build(checkout: Checkout, target: Path) -> subprocess.CompletedProcess[str]:
    return checkout.run("image-build", str(checkout.root), str(target))


def test_what_is_built_needs_neither_the_checkout_nor_an_installer(tmp_path: Path) -> None:
    checkout, target = a_checkout(tmp_path), tmp_path / "opt/engine"

    built = build(checkout, target)
    assert built.returncode == 0, built
    shutil.rmtree(checkout.root)

    ran = subprocess.run([target / "bin/cival", "run"], capture_output=True, check=True, text=True, cwd="/")
    assert json.loads(ran.stdout)["pinned"] == "1.0"
    assert subprocess.run([target / "bin/python", "-m", "pip"], capture_output=True, check=False).returncode == 1
    assert [path for path in target.glob("lib/python*/site-packages/__pycache__/stand_in.*.pyc") if path.is_file()]


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    checkout, target = a_checkout(tmp_path), tmp_path / "opt"
    target.mkdir()
    (target / "other").touch()
    built = build(checkout, target)
    assert (built.returncode, built.stderr) == (1, f"cival: {target} is not an empty folder\n")
    assert [path.name for path in target.iterdir()] == ["other"]


def test_missing_arguments_are_bad_usage(tmp_path: Path) -> None:
    result = a_checkout(tmp_path).run("image-build")
    assert (result.returncode, result.stderr) == (2, "usage: scripts/image-build SOURCE TARGET\n")
