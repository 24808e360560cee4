"""An engine in a simulated process is the engine of the daemon, less its API."""

from engine.runtime.log import set_level
from engine.simulation.daemon import Daemon
from engine.simulation.loop import SimLoop, run
from engine.simulation.world import World
from tests.support.simulation import Counting, OnePerson, PaperSide

BELOW_THE_API = {"CellHost", "MarketData", "Snapshotter", "StorageWriter"}
OF_A_CELL = {"AgentCoordinator", "Ledger", "OrderRouter", "Reconciler", "RiskGate"}


def test_every_actor_below_the_api_runs() -> None:
    set_level("critical")
    world = World(1, SimLoop(1), workload=OnePerson(), observer=Counting(), side=PaperSide())
    world.database.facts.tables.write(world.setting.rows)
    world.observer.begin(world.ground())
    found: set[str] = set()

    async def main() -> None:
        world.side.open(world)
        daemon: Daemon = world.boot()
        await world.clock.sleep(2_000_000_000)
        found.update(ref.actor_class.__name__ for ref in daemon.system.directory.get_all())

    run(world.loop, main())
    world.daemons[0].system.abandon()
    set_level("info")
    assert found >= BELOW_THE_API | OF_A_CELL
