from decimal import Decimal
from typing import Any
from uuid import UUID

from actors.limit_book import LimitBook
from engine.domain.kinds import Scope
from engine.messages.risk import LimitChanged
from engine.messages.rows_people import LimitRow
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id, an_intent

D = Decimal


def a_limit(kind: str, value: int, scope: str = "account", scope_id: UUID | None = ACCOUNT, **changes: Any) -> LimitRow:
    fields: dict[str, Any] = {
        "id": an_id(900),
        "user_id": USER,
        "limit_type": kind,
        "symbol": None,
        "scope": scope,
        "account_id": scope_id if scope == "account" else None,
        "agent_id": scope_id if scope == "agent" else None,
        "limit_value": D(value),
        "window_seconds": None,
        "is_active": True,
        "created_at": START_NS,
        "updated_at": START_NS,
    }
    return LimitRow(**fields | changes)


def values(book: LimitBook, **intent: Any) -> list[tuple[str, Scope, Decimal]]:
    return [(limit.type, limit.scope, limit.value) for limit in book.of(an_intent(**intent))]


def test_limits_of_all_scopes_apply_together() -> None:
    book = LimitBook(
        USER,
        [
            a_limit("order_notional", 100, "user", None),
            a_limit("order_notional", 50),
            a_limit("order_notional", 10, "agent", AGENT),
        ],
        {},
    )
    assert values(book, agent_id=AGENT) == [
        ("order_notional", Scope.ACCOUNT, D(50)),
        ("order_notional", Scope.AGENT, D(10)),
        ("order_notional", Scope.USER, D(100)),
    ]
    assert [scope for _, scope, _ in values(book)] == [Scope.ACCOUNT, Scope.USER]


def test_limits_of_others_do_not_apply() -> None:
    book = LimitBook(USER, [a_limit("open_orders", 1, scope_id=an_id(99)), a_limit("x", 1, symbol="ETH/USDT")], {})
    assert values(book) == []


def test_a_limit_of_a_symbol_applies_to_that_symbol() -> None:
    book = LimitBook(USER, [a_limit("position_size", 3, symbol="BTC/USDT:USDT")], {})
    assert values(book) == [("position_size", Scope.ACCOUNT, D(3))]
    assert values(book, symbol="ETH/USDT:USDT") == []


def test_an_account_with_its_own_limit_does_not_have_the_default() -> None:
    book = LimitBook(USER, [a_limit("order_notional", 9)], {"order_notional": D(5), "open_orders": D(2)})
    assert values(book) == [("open_orders", Scope.ACCOUNT, D(2)), ("order_notional", Scope.ACCOUNT, D(9))]


def test_inactive_limits_and_limits_of_the_monitor_are_left_out() -> None:
    book = LimitBook(USER, [a_limit("order_notional", 9, is_active=False), a_limit("daily_loss", 9)], {})
    assert values(book) == []


def test_a_change_counts_from_the_next_order_on() -> None:
    book = LimitBook(USER, (), {"open_orders": D(5)})
    assert values(book) == [("open_orders", Scope.ACCOUNT, D(5))]
    change = LimitChanged(
        user_id=USER, limit_type="open_orders", symbol=None, scope=Scope.ACCOUNT, scope_id=ACCOUNT, value=D(1)
    )
    book.change(change)
    assert values(book) == [("open_orders", Scope.ACCOUNT, D(1))]
    lifted = LimitChanged(
        user_id=USER, limit_type="open_orders", symbol=None, scope=Scope.ACCOUNT, scope_id=ACCOUNT, value=None
    )
    book.change(lifted)
    assert values(book) == [("open_orders", Scope.ACCOUNT, D(5))]


def test_a_rate_is_counted_once_for_all_orders_of_its_scope() -> None:
    book = LimitBook(USER, [a_limit("orders_per_minute", 2)], {})
    first, second = book.of(an_intent())[0].rate, book.of(an_intent(symbol="ETH/USDT:USDT"))[0].rate
    assert first is second is not None


def test_other_defaults_replace_the_old_ones_from_the_next_order_on() -> None:
    book = LimitBook(USER, [a_limit("open_orders", 7)], {"order_notional": D(5), "open_orders": D(1)})
    assert [value for _, _, value in values(book)] == [D(7), D(5)]
    book.use_defaults({"order_notional": D(6), "nonsense": D(1)})
    assert values(book) == [("open_orders", Scope.ACCOUNT, D(7)), ("order_notional", Scope.ACCOUNT, D(6))]
    book.use_defaults({})
    assert values(book) == [("open_orders", Scope.ACCOUNT, D(7))]
