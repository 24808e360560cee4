"""The engine dies at every step of submit, cancel, amend, fill, end and reconciliation: nothing is lost or doubled.

`CIVAL_KILLS_PER_STEP=20` for the long one; `scripts/kill-matrix` prints the same as a table.
"""

import os
from pathlib import Path

import pytest

from tests.support.acceptance import a_scene
from tests.support.books import doubled, lost, unlike
from tests.support.kill_matrix import Matrix, forked, problems, table
from tests.support.kill_steps import STEPS

KILLS_PER_STEP = int(os.environ.get("CIVAL_KILLS_PER_STEP", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 60 * KILLS_PER_STEP)]


def test_a_kill_at_every_step_loses_and_doubles_nothing(tmp_path: Path, pg_cluster: Path) -> None:
    with a_scene(tmp_path, cluster=pg_cluster) as scene, forked(scene):
        rows = Matrix(scene).run(STEPS, KILLS_PER_STEP)
        print(table(rows))
        assert problems(rows) == []
        assert sum(row.kills for row in rows) == len(STEPS) * KILLS_PER_STEP

        # What compares them would see an order that only one side has, one that is there twice, and wrong money.
        books = scene.books()
        orders = [row for row in books.rows["orders"] if row["external_order_id"]]
        assert lost(books._replace(rows={**books.rows, "orders": orders[1:]}))
        assert lost(books._replace(venue=books.venue.__class__(orders=(), trades=(), accounts=(), requests=())))
        assert doubled(books._replace(rows={**books.rows, "orders": [*orders, orders[0]]}))
        assert unlike(books._replace(rows={**books.rows, "balances": []}))
        assert unlike(books._replace(rows={**books.rows, "trades": books.rows["trades"][1:]}))
