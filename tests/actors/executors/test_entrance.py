"""A desk takes what can work, and takes up what has not ended."""

from decimal import Decimal

import msgspec
import pytest

from actors.executors.entrance import Entrance
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.domain.instrument import Instrument
from engine.messages.load import ExecutorState
from engine.messages.rows_executors import ExecutorRow
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id


def a_row(instrument: Instrument, **changes: object) -> ExecutorRow:
    row = ExecutorRow(
        id=an_id(1), user_id=USER, account_id=ACCOUNT, kind="chase", symbol=instrument.symbol, side="buy",
        configuration={"side": "buy", "quantity": "1"}, status="active", intent_key="1", realized_pnl=Decimal(0),
        correlation_id=an_id(1), created_at=START_NS, updated_at=START_NS,
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def entrance(instrument: Instrument) -> Entrance:
    return Entrance({AccountId(ACCOUNT): instrument.venue}, {(instrument.venue, instrument.symbol): instrument})


def test_a_plan_begins_when_it_is_admitted(spot: Instrument) -> None:
    running = entrance(spot).admit(a_row(spot), START_NS + 5)
    assert (running.row.created_at, running.venue, running.instrument) == (START_NS + 5, spot.venue, spot)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"account_id": an_id(99)}, "account_id: expected an account of this user"),
        ({"symbol": "NO/SUCH"}, "symbol: expected an instrument of binance"),
        ({"configuration": {"side": "buy", "quantity": "0.001"}}, "quantity"),
        ({"kind": "martingale"}, "kind"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, object], match: str, spot: Instrument) -> None:
    with pytest.raises(BadInput, match=match):
        entrance(spot).admit(a_row(spot, **changes), START_NS)


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({}, True),
        ({"status": "error"}, True),
        ({"status": "done"}, False),
        ({"symbol": "NO/SUCH"}, False),
        ({"account_id": an_id(99)}, False),
    ],
)
def test_what_has_not_ended_is_taken_up(changes: dict[str, object], is_taken: bool, spot: Instrument) -> None:
    assert (entrance(spot).restore(ExecutorState(row=a_row(spot, **changes))) is not None) is is_taken
