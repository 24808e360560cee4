"""Tests that only root can make: becoming another user."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])

IS_ROOT = os.geteuid() == 0


def for_root(test: Test) -> Test | None:
    """Keep a test out of a run by an ordinary user, for whom there is nothing to test; a skip would look like a gap."""
    return test if IS_ROOT else None
