"""`cival db seed`: what the first start does to an empty database, without starting the engine."""

from pathlib import Path

from config.settings import Settings
from config.venues import venues_of
from engine.bootstrap.configure import Plan
from engine.bootstrap.database import Database, bring_up_to_date
from engine.bootstrap.first_start import apply_configuration
from engine.bootstrap.local import LocalFiles
from engine.bootstrap.stores import open_stores
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, system_rng
from engine.runtime.system import ActorSystem


async def seed(database: Database, settings: Settings, data_dir: Path) -> Plan:
    """Write users, accounts, agents and limits of the configuration; a second time nothing is written.

    An engine that runs meanwhile sees the rows at its next start.

    Raises:
        ConfigError: An agent's type or parameters are wrong; nothing was written.
        DependencyAway: The database is away.
    """
    clock = WallClock()
    rng = system_rng()
    ids = Ids(clock, rng)
    system = ActorSystem(clock=clock, ids=ids, rng=rng)
    await bring_up_to_date(database, clock=clock)
    stores = await open_stores(database, settings.database, system=system, bus=Bus(), wall=clock, node_id=ids.uuid())
    try:
        return await apply_configuration(
            settings, stores, venues_of(settings)[0], clock=clock, ids=ids, local=LocalFiles(data_dir)
        )
    finally:
        await stores.writer.stop(timeout_s=5.0)
        await stores.close()
