"""Cells for the tests of this folder: started by the test, stopped after it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio

from tests.support.cell import CellRig
from tests.support.scripted_venue import ScriptedRig

MakeRig = Callable[..., Awaitable[CellRig]]
MakeScripted = Callable[..., Awaitable[ScriptedRig]]


@pytest_asyncio.fixture
async def make_rig() -> AsyncIterator[MakeRig]:
    """Start a cell with a real paper venue."""
    rigs: list[CellRig] = []

    async def make(*, reconcile: bool = True, **settings: Any) -> CellRig:
        rig = CellRig(**settings)
        rigs.append(rig)
        return await rig.start(reconcile=reconcile)

    yield make
    for rig in rigs:
        await rig.stop()


@pytest_asyncio.fixture
async def make_scripted() -> AsyncIterator[MakeScripted]:
    """Start a cell whose venue follows a script."""
    rigs: list[ScriptedRig] = []

    async def make(*, reconcile: bool = True, **settings: Any) -> ScriptedRig:
        rig = ScriptedRig(**settings)
        rigs.append(rig)
        return await rig.start(reconcile=reconcile)

    yield make
    for rig in rigs:
        await rig.stop()
