"""Gives the tests of the API an engine to call."""

from tests.support.api import rig

__all__ = ["rig"]
