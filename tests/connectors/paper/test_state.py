"""Loading, instruments that come late, and accounts of the venue's state."""

from decimal import Decimal
from uuid import UUID

import pytest

from connectors.paper.exchange import PaperExchange
from engine.messages.ports import PaperState
from engine.messages.rows_paper import PaperMarkRow
from engine.messages.venues import VenueOrderDone
from tests.connectors.paper.support import ACCOUNT, NOW_NS, PERPETUAL, SPOT, VENUE, Desk, TestStore, an_account
from tests.connectors.paper.test_exchange import commit, state_of
from tests.support.domain import a_perpetual, a_spot

D = Decimal


def an_exchange() -> PaperExchange:
    return PaperExchange(VENUE, horizon=UUID(int=0))


def test_counters_continue_after_the_highest_that_was_given_out() -> None:
    mark = PaperMarkRow(venue=VENUE, session="", frame=5, last_order_id=7, last_trade_id=3, updated_at=NOW_NS)
    exchange = an_exchange()
    exchange.load(PaperState(last_cursor=4, last_order_id=9, mark=mark))
    assert (exchange.last_order_id, exchange.last_trade_id, exchange.time_ns) == (9, 4, NOW_NS)
    exchange = an_exchange()
    exchange.load(PaperState())
    assert (exchange.last_order_id, exchange.last_trade_id, exchange.time_ns) == (0, 0, 0)


async def a_restart(desk: Desk) -> PaperExchange:
    store = TestStore()
    commit(desk.exchange, store)
    exchange = an_exchange()
    exchange.load(await store.load(VENUE, ""))
    return exchange


@pytest.mark.asyncio
async def test_an_order_can_be_cancelled_before_its_instrument_is_known() -> None:
    desk = Desk(balances={"USDT": "1000"})
    desk.quote("100", "101")
    first, second = desk.send("buy 1 @ 99"), desk.send("buy 2 @ 98")
    exchange = await a_restart(desk)
    assert exchange.cancel(exchange.accounts[ACCOUNT], first.client_id, NOW_NS)
    assert [type(event) for _, event in exchange.batch.events] == [VenueOrderDone]
    exchange.list_instruments([SPOT])
    desk.cancel(first)
    assert exchange.accounts[ACCOUNT].balance("USDT").locked == desk.locked("USDT") == second.reserved


@pytest.mark.asyncio
async def test_what_is_locked_waits_until_every_instrument_is_known() -> None:
    desk = Desk(PERPETUAL, {"USDT": "10000"})
    other = a_perpetual(symbol="ETH/USDT:USDT", base="ETH")
    desk.exchange.list_instruments([other])
    desk.quote("100", "101")
    desk.send("buy 3")
    desk.send("sell 2 @ 105")
    desk.send("buy 1 @ 50", symbol=other.symbol)
    expected = state_of(desk.exchange)
    exchange = await a_restart(desk)
    exchange.list_instruments([PERPETUAL])
    assert exchange.accounts[ACCOUNT].balance("USDT").locked == desk.locked("USDT")
    exchange.list_instruments([other])
    assert state_of(exchange) == expected


def test_new_rules_of_an_instrument_count_from_the_next_change_on() -> None:
    desk = Desk(PERPETUAL, {"USDT": "10000"})
    desk.quote("100", "100.1", "50 50")
    desk.send("buy 10")
    assert desk.locked("USDT") == D("50.05")
    desk.exchange.list_instruments([a_perpetual(initial_margin="0.1")])
    desk.send("buy 10")
    assert desk.locked("USDT") == D("200.2")
    desk.exchange.list_instruments([a_perpetual(initial_margin="0.1")])  # The same again changes nothing.
    assert desk.locked("USDT") == D("200.2")


def test_an_account_is_written_with_what_it_started_with() -> None:
    exchange = an_exchange()
    assert exchange.open_account(an_account({"USDT": "1000.50", "BTC": "0"}), NOW_NS)
    (row,) = exchange.batch.accounts
    assert (row.starting_balances, row.created_at, row.kind) == ({"USDT": "1000.5", "BTC": "0"}, NOW_NS, "spot")
    assert not exchange.open_account(an_account({}), NOW_NS)


def test_markets_are_opened_once() -> None:
    exchange = an_exchange()
    exchange.list_instruments([SPOT])
    market = exchange.markets[SPOT.symbol]
    exchange.list_instruments([a_spot(tick_size="1")])
    assert exchange.markets[SPOT.symbol] is market
    assert market.instrument.tick_size == 1
