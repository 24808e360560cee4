"""Who trades what: drawn from the seed, and such that an engine starts with it."""

import asyncio

from actors.agents.catalogue import AGENT_TYPES
from engine.messages.rows import AgentRow
from engine.runtime.entropy import seeded_rng
from engine.simulation.workload_setting import ANNA, BERT, FIRST_NS, draw_setting
from storage.memory_past import MemoryPast
from storage.memory_tables import MemoryTables


def test_the_same_seed_draws_the_same() -> None:
    first, again, other = (draw_setting(seeded_rng(seed), FIRST_NS) for seed in (1, 1, 2))
    assert first == again
    assert first.rows != other.rows


def test_a_cell_is_loaded_from_it() -> None:
    setting = draw_setting(seeded_rng(1), FIRST_NS)
    tables = MemoryTables(is_strict=False)
    tables.write(setting.rows)
    past = MemoryPast(tables)
    anna, bert = (asyncio.run(past.cell(user)) for user in (ANNA, BERT))
    assert anna is not None
    assert bert is not None
    assert [account.row.account_type for account in anna.accounts] == ["spot", "margin"]
    assert [account.row.exchange for account in bert.accounts] == ["south"]
    assert {limit.limit_type for limit in anna.limits} == {"position_size", "order_notional"}


def test_agents_are_configured_as_their_types_want_it() -> None:
    setting = draw_setting(seeded_rng(3), FIRST_NS)
    agents = [row for row in setting.rows if isinstance(row, AgentRow)]
    assert len(agents) == 2
    assert {agent.agent_type for agent in agents} <= set(AGENT_TYPES)
