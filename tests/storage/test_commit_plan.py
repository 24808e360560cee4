import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.rows import AgentStatusRow, OrderRow
from engine.messages.rows_paper import PaperMarkRow
from engine.messages.writing import WriteUnit
from storage.commit_plan import PLACE_OF, ROWS_MAX, commit_function, parts, plan
from storage.tables import FACTS
from tests.support.units import AT_NS, TestCell, UnitMaker

MAKE = UnitMaker()


def a_cell(fence: int = 1) -> TestCell:
    cell = TestCell(MAKE)
    cell.begin(fence)
    return cell


@given(st.lists(st.integers(0, 400), max_size=12))
def test_parts_hold_every_unit_once_and_are_of_a_fair_size(sizes: list[int]) -> None:
    cell = a_cell()
    order = MAKE.order(cell.account)
    units = [cell.unit(*[order] * size) for size in sizes]
    cut = list(parts(units))
    assert [unit for part in cut for unit in part] == units
    assert all(sum(len(unit.rows) for unit in part) <= ROWS_MAX for part in cut)
    assert all(cut)


def test_a_row_that_would_come_before_an_older_one_begins_a_new_part() -> None:
    cell = a_cell()
    agent, other = MAKE.agent(cell.account), MAKE.agent(cell.account)

    def status(agent_id: object) -> AgentStatusRow:
        return AgentStatusRow(
            id=agent_id, user_id=cell.user_id, status="active", status_reason=None, updated_at=AT_NS  # type: ignore[arg-type]
        )  # fmt: skip

    units = [cell.unit(agent), cell.unit(status(agent.id)), cell.unit(other), cell.unit(agent), cell.unit(agent)]
    assert [len(part) for part in parts(units)] == [3, 2]


def test_a_plan_says_everything_about_its_units() -> None:
    cell = a_cell(fence=7)
    unit = cell.order_unit()
    users, fences, units, rows, counts, heads, before, events, payloads = plan([unit], {}).arguments
    assert (users, fences) == ([cell.user_id], [7])
    assert orjson.loads(units) == [[str(unit.id), str(cell.user_id), 1, 7, 1, 1]]
    place = PLACE_OF[OrderRow]
    assert [index for index, text in enumerate(rows) if text is not None] == [place]
    assert counts[place] == 1
    assert orjson.loads(heads) == [[str(cell.user_id), "", 1], [str(cell.user_id), "orders", 1]]
    assert orjson.loads(before) == {str(cell.user_id): 0}
    [event] = orjson.loads(events)
    assert event[:7] == [str(cell.user_id), 1, "orders", 0, str(unit.id), None, "OrderSubmitting"]
    [payload] = payloads
    assert orjson.loads(payload)["id"] == str(unit.rows[0].id)  # type: ignore[attr-defined]


def test_what_is_absent_is_not_sent() -> None:
    unit: WriteUnit = MAKE.unit(MAKE.id())
    users, fences, _, rows, _, heads, _, events, payloads = plan([unit], {}).arguments
    assert (users, fences, heads, events, payloads) == (None,) * 5
    assert rows == [None] * len(FACTS)


def test_a_row_of_another_store_is_refused() -> None:
    mark = PaperMarkRow(venue="v", session="s", frame=1, last_order_id=0, last_trade_id=0, updated_at=AT_NS)
    with pytest.raises(TypeError, match="PaperMarkRow"):
        plan([MAKE.unit(MAKE.id(), (mark,))], {})


def test_the_function_writes_every_table_in_order() -> None:
    text = commit_function()
    positions = [text.index(f"p_rows[{place}]") for place in range(1, len(FACTS) + 1)]
    assert positions == sorted(positions)
    assert text.index("FOR SHARE") < text.index("INSERT INTO write_units") < positions[0]
    assert positions[-1] < text.index("INSERT INTO stream_heads") < text.index("INSERT INTO events")
