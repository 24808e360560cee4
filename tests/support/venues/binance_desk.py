"""What the private endpoints of a simulated Binance share."""

import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from tests.support.venues.binance_access import BinanceError
from tests.support.venues.core import SimAccount, SimOrder
from tests.support.venues.exchange import SimExchange

Params = Mapping[str, str]
Handler = Callable[[SimAccount, Params], Any]


class Route(NamedTuple):
    """One signed endpoint."""

    weight: int
    handler: Handler
    needs: str = "read"
    orders: int = 0


def number(params: Params, name: str) -> Decimal | None:
    """Return an amount; None where it was not sent."""
    if name not in params:
        return None
    try:
        return Decimal(params[name])
    except InvalidOperation:
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'.") from None


def required(params: Params, name: str) -> Decimal:
    value = number(params, name)
    assert value is not None, "check_params looked"
    return value


def page(trades: list[dict[str, Any]], params: Params) -> list[dict[str, Any]]:
    """Return what fromId, orderId, times and limit leave of an account's trades in one symbol."""
    found = [trade for trade in trades if trade["symbol"] == params["symbol"]]
    if "orderId" in params:
        found = [trade for trade in found if trade["orderId"] == int(params["orderId"])]
    if "startTime" in params:
        found = [trade for trade in found if trade["time"] >= int(params["startTime"])]
    limit = min(1000, int(params.get("limit", 500)))
    if "fromId" in params:
        return [trade for trade in found if trade["id"] >= int(params["fromId"])][:limit]
    return found[-limit:]


class Desk:
    """What both markets share."""

    def __init__(self, exchange: SimExchange) -> None:
        self.exchange = exchange
        self.routes: dict[tuple[str, str], Route] = {}

    def find(self, account: SimAccount, params: Params) -> SimOrder | None:
        """Return the order that orderId or origClientOrderId names."""
        if "orderId" in params:
            order = account.orders.get(int(params["orderId"]))
            return order if order is not None and order.symbol == params["symbol"] else None
        if "origClientOrderId" not in params:
            raise BinanceError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        return account.by_client_id(params["origClientOrderId"], params["symbol"])

    def open_order(self, account: SimAccount, params: Params) -> SimOrder:
        order = self.find(account, params)
        if order is None or not order.is_open:
            raise BinanceError(-2011, "Unknown order sent.")
        return order

    def client_id(self, params: Params, name: str = "newClientOrderId") -> str:
        given = params.get(name)
        if given is None:
            return secrets.token_hex(11)
        if not 1 <= len(given) <= 36 or not all(letter.isalnum() or letter in "-_.:/" for letter in given):
            raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'.")
        return given

    def test(self, _account: SimAccount, params: Params) -> Any:
        """Check an order and do nothing; the price of the usual test is far too low."""
        self.exchange.market(params["symbol"])
        raise BinanceError(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
