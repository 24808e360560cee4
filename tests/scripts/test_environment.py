"""`scripts/run` and `scripts/test` on a stranger's machine: see `tests.support.checkout`."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import Checkout, a_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return a_checkout(tmp_path)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user may enter; pytest's own belong to one."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def assert_one_line(result: subprocess.CompletedProcess[str], expected: str) -> None:
    lines = result.stderr.splitlines()
    assert result.returncode == 1, result
    assert lines[-1].startswith("cival: "), lines
    assert expected in lines[-1]
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("uv", [True, False], ids=["uv", "pip"])
def test_the_first_run_sets_up_and_the_second_is_silent(tmp_path: Path, uv: bool) -> None:
    checkout = a_checkout(tmp_path, uv=uv)

    first = checkout.run("run", "--port", "1 2", cwd=tmp_path)
    second = checkout.run("run")

    assert (first.returncode, second.returncode) == (0, 0), first
    said = json.loads(first.stdout)
    assert said["argv"] == ["run", "--port", "1 2"]
    assert said["cwd"] == str(tmp_path)
    assert "cival: making .venv" in first.stderr
    assert "cival: installing the 1 packages of requirements.lock" in first.stderr
    assert second.stderr == ""


def test_the_engine_replaces_the_script_so_signals_and_exit_code_are_its_own(checkout: Checkout) -> None:
    assert checkout.run("run", "fail").returncode == 3
    arguments = [str(checkout.root / "scripts/run"), "wait"]
    with subprocess.Popen(arguments, env=checkout.environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 5


def test_a_running_engine_does_not_hold_the_lock(checkout: Checkout) -> None:
    arguments = [str(checkout.root / "scripts/run"), "wait"]
    with subprocess.Popen(arguments, env=checkout.environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        checkout.pin_version("2.0.1")
        second = checkout.run("run")
        process.terminate()
    assert second.returncode == 0
    assert "waiting" not in second.stderr


def test_a_changed_lock_is_installed(checkout: Checkout) -> None:
    assert json.loads(checkout.run("run").stdout)["pinned"] == "1.0"
    checkout.pin_version("2.0.1")
    again = checkout.run("run")
    assert json.loads(again.stdout)["pinned"] == "2.0.1"
    assert "making .venv" not in again.stderr


def test_the_tests_run_in_the_checkout_with_the_arguments_given(checkout: Checkout, tmp_path: Path) -> None:
    checkout.link(Path("/bin/true"), "chromium")
    result = checkout.run("test", "-k", "a b", cwd=tmp_path)
    options = "--numprocesses=auto --maxprocesses=4 --dist=loadscope --no-loadscope-reorder"
    assert result.stdout == f"pytest {checkout.root} {options} -k a b\n"


def test_the_environment_of_the_tests_serves_the_engine(checkout: Checkout) -> None:
    checkout.link(Path("/bin/true"), "chromium")
    checkout.run("test")
    assert checkout.run("run").stderr == ""


def test_a_missing_browser_is_said_and_the_tests_still_run(checkout: Checkout) -> None:
    result = checkout.run("test")
    assert result.returncode == 0
    assert "cival: no Chromium: the console's tests will skip" in result.stderr


def test_an_environment_that_no_longer_starts_is_replaced(checkout: Checkout) -> None:
    checkout.run("run")
    for name in ("python", "python3"):
        (checkout.root / ".venv/bin" / name).unlink()
    result = checkout.run("run")
    assert result.returncode == 0
    assert "cival: replacing .venv, which no longer starts here" in result.stderr


def test_an_environment_that_was_moved_is_replaced(checkout: Checkout, tmp_path: Path) -> None:
    checkout.run("run")
    moved = Checkout(checkout.root.rename(tmp_path / "moved"), checkout.wheels, checkout.tools)
    result = moved.run("run")
    assert result.returncode == 0
    assert "cival: replacing .venv" in result.stderr


def test_an_environment_without_an_installer_is_replaced(checkout: Checkout) -> None:
    checkout.run("run")
    (checkout.tools / "uv").unlink()
    checkout.pin_version("2.0.1")
    result = checkout.run("run")
    assert result.returncode == 0, result
    assert "cival: replacing .venv" in result.stderr


def test_it_is_found_through_a_link(checkout: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "start"
    link.symlink_to(checkout.root / "scripts/run")
    result = subprocess.run([link], env=checkout.environment(), cwd="/", capture_output=True, check=True, text=True)
    assert json.loads(result.stdout)["cwd"] == "/"


def test_folders_on_pythonpath_do_not_shadow_the_engine(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "stand_in.py").write_text("raise SystemExit('a stranger')")
    assert checkout.run("run", PYTHONPATH=str(tmp_path)).returncode == 0


def test_a_package_with_another_hash_is_refused(checkout: Checkout) -> None:
    lock = checkout.root / "requirements.lock"
    lock.write_text(lock.read_text()[:-9] + "deadbeef\n")
    assert_one_line(checkout.run("run"), "cannot install requirements.lock: ")
    assert not (checkout.root / ".venv/cival-stamp").exists()


def test_a_package_that_is_not_to_be_had_is_named(checkout: Checkout) -> None:
    lock = checkout.root / "requirements.lock"
    lock.write_text(lock.read_text().replace("pinned==1.0", "pinned==9.0"))
    result = checkout.run("run")
    assert_one_line(result, "cannot install requirements.lock: ")
    assert "pinned==9.0" in (checkout.root / ".venv.log").read_text()


def test_no_python_is_one_clear_line(checkout: Checkout) -> None:
    (checkout.tools / "python3").unlink()
    assert_one_line(checkout.run("run"), "needs Python 3.11 or newer")


def test_an_unusable_python_is_named_and_another_is_taken(checkout: Checkout) -> None:
    result = checkout.run("run", PYTHON="/no/such/python")
    assert result.returncode == 0
    assert "$PYTHON is /no/such/python, which does not start" in result.stderr


def test_python_is_taken_from_the_variable_first(checkout: Checkout) -> None:
    chosen = (checkout.tools / "python3").rename(checkout.tools / "my-python")
    result = checkout.run("run", PYTHON=str(chosen))
    assert f"making .venv with {chosen}" in result.stderr


def test_a_checkout_that_cannot_be_written_is_one_clear_line(open_folder: Path) -> None:
    checkout = a_checkout(open_folder)
    checkout.root.chmod(0o555)
    nobody = 65534 if os.getuid() == 0 else None
    assert_one_line(checkout.run("run", cwd=open_folder, user=nobody), "cannot write to ")


def test_half_a_checkout_is_one_clear_line(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").unlink()
    assert_one_line(checkout.run("run"), "is this a whole checkout?")


def test_two_at_once_set_up_once(checkout: Checkout) -> None:
    arguments = [str(checkout.root / "scripts/run")]
    both = [
        subprocess.Popen(
            arguments, env=checkout.environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=50)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("installing" in lines for lines in said) == 1
