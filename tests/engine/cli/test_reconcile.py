"""Accounts are compared with their venues from the command line."""

import json
from uuid import uuid4

import pytest

from tests.support.daemon import Daemon

pytestmark = pytest.mark.slow


def test_an_account_is_compared_and_nothing_differs(running: Daemon) -> None:
    account_id = running.get("/accounts")["items"][0]["id"]
    shown = running.command("reconcile", account_id)
    assert shown.returncode == 0, shown.stderr
    assert "outcome        done" in shown.stdout
    deep = json.loads(running.command("reconcile", account_id, "--deep", "--json").stdout)
    assert (deep["outcome"], deep["depth"]) == ("done", "deep")
    assert running.command("discrepancies").stdout == "No discrepancies.\n"
    assert json.loads(running.command("discrepancies", "--state", "all", "--json").stdout) == {"items": []}


def test_what_does_not_exist_cannot_be_written_off(running: Daemon) -> None:
    account_id = running.get("/accounts")["items"][0]["id"]
    for verb in ("write-off", "take-back"):
        refused = running.command("discrepancies", verb, account_id, str(uuid4()), "--reason", "a test")
        assert refused.returncode == 1
        assert "no such discrepancy" in refused.stderr
    assert running.command("reconcile", str(uuid4())).returncode == 1
