"""The rim: prices that are too old, messages at the wrong venue, tries without end."""

from typing import Any, cast
from uuid import UUID

import pytest

from engine.messages.rows import OrderRow
from engine.messages.rows_people import AccountRow
from engine.messages.venues import AccountQuery
from engine.runtime.clock import VirtualClock
from engine.simulation.auditor_doors import FEED_NS, STALE_NS, TRIES_MAX, Doors
from engine.simulation.auditor_findings import Findings
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.histories import D, an_order_row, done

LATE_NS = START_NS + STALE_NS + FEED_NS + 1
UNTIL_NS = START_NS + 2 * STALE_NS


def doors() -> tuple[Doors, Findings]:
    findings = Findings()
    findings.use(VirtualClock(START_NS))
    return Doors(findings), findings


def broken(findings: Findings) -> list[str]:
    return [each.invariant for each in findings.found]


@pytest.mark.parametrize(
    ("order", "size", "expected"),
    [
        ({}, 0, ["I14"]),
        ({"created_at": LATE_NS - 1}, 0, []),
        ({"created_at": UNTIL_NS}, 0, []),
        ({"symbol": "ETH/USDT"}, 0, []),
        ({"reduce_only": True}, 0, []),
        ({"origin": "system"}, 0, []),
        ({}, -1, []),
        ({"side": "sell"}, 0, []),
        ({"side": "sell", "symbol": "BTC/USDT:USDT"}, 0, ["I14"]),
        ({"side": "sell", "symbol": "BTC/USDT:USDT"}, 1, []),
    ],
)
def test_nobody_opens_risk_on_a_price_of_long_ago(order: dict[str, Any], size: int, expected: list[str]) -> None:
    rim, findings = doors()
    rim.silent("BTC", UNTIL_NS)
    row = an_order_row(**{"created_at": LATE_NS} | order)
    rim.order(row, {(ACCOUNT, row.symbol): D(size)})
    assert broken(findings) == expected


@pytest.mark.parametrize("what", ["skew", "freeze", "denied"])
def test_who_cannot_know_better_is_excused(what: str) -> None:
    rim, findings = doors()
    rim.silent("BTC", UNTIL_NS)
    row: OrderRow = an_order_row(created_at=LATE_NS)
    if what == "skew":
        rim.skew_ns = 1
    elif what == "freeze":
        rim.frozen(START_NS + 1)
    else:
        row = done(row, "denied")
    rim.order(row, {})
    assert broken(findings) == []


@pytest.mark.parametrize(
    ("mode", "venue", "expected"), [("live", "north", []), ("live", "south", ["I22"]), ("paper", "north", ["I22"])]
)
def test_a_message_goes_to_the_venue_of_its_account_and_never_for_play_money(
    mode: str, venue: str, expected: list[str]
) -> None:
    rim, findings = doors()
    rim.account(
        AccountRow(
            id=ACCOUNT, user_id=USER, name="mine", exchange="north", account_id="mine", account_type="spot", mode=mode,
            is_active=True, starting_balances={}, config_hash=None, created_at=START_NS,
        )
    )  # fmt: skip
    rim.sent("a1", venue, AccountQuery(account_id=cast("Any", ACCOUNT)))
    rim.sent("a1", venue, AccountQuery(account_id=cast("Any", UUID(int=9))))
    assert broken(findings) == expected


def test_a_slot_that_is_tried_without_end_is_found() -> None:
    rim, findings = doors()
    for number in range(TRIES_MAX):
        assert broken(findings) == []
        rim.order(an_order_row(number, executor_id=an_id(7), intent_key=f"executor:{an_id(7)}:stop:{number}"), {})
    assert broken(findings) == ["I18"]
