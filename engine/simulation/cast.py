"""Who takes part in a run of `cival simulate`: people and agents, an auditor, venues that lie."""

from collections.abc import Collection

from engine.simulation.auditor import Auditor
from engine.simulation.run import Cast
from engine.simulation.street import Street
from engine.simulation.workload import People


def usual_cast(seed: int, forbidden: Collection[str] = ()) -> Cast:
    """Return the cast of one run; `seed`: of it, `forbidden`: names of faults that must not happen."""
    auditor = Auditor()
    return Cast(People(auditor.promises, seed), auditor, Street(forbidden))
