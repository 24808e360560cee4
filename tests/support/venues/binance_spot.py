"""The private endpoints of a simulated Binance spot."""

from collections.abc import Mapping
from typing import Any, Final

from tests.support.venues.binance_access import BinanceError, check_params
from tests.support.venues.binance_desk import Desk, Params, Route, number, page, required
from tests.support.venues.binance_words import spot_ack, spot_cancelled, spot_order, spot_trade, text
from tests.support.venues.core import SimAccount, SimRefusal
from tests.support.venues.exchange import SimExchange


class SpotDesk(Desk):
    """/api/v3."""

    NEEDED: Final[Mapping[str, str]] = {
        "LIMIT": "timeInForce quantity price",
        "MARKET": "quantity",
        "LIMIT_MAKER": "quantity price",
        "STOP_LOSS": "quantity stopPrice",
        "STOP_LOSS_LIMIT": "timeInForce quantity price stopPrice",
        "TAKE_PROFIT": "quantity stopPrice",
        "TAKE_PROFIT_LIMIT": "timeInForce quantity price stopPrice",
    }

    def __init__(self, exchange: SimExchange) -> None:
        super().__init__(exchange)
        self.routes = {
            ("POST", "/api/v3/order/test"): Route(1, self.test, "trade"),
            ("POST", "/api/v3/order"): Route(1, self.place, "trade", 1),
            ("GET", "/api/v3/order"): Route(4, self.query),
            ("DELETE", "/api/v3/order"): Route(1, self.cancel, "trade"),
            ("POST", "/api/v3/order/cancelReplace"): Route(1, self.replace, "trade", 1),
            ("GET", "/api/v3/openOrders"): Route(80, self.open_orders),
            ("DELETE", "/api/v3/openOrders"): Route(1, self.cancel_all, "trade"),
            ("GET", "/api/v3/myTrades"): Route(20, self.trades),
            ("GET", "/api/v3/account"): Route(20, self.account),
        }

    def place(self, account: SimAccount, params: Params) -> Any:
        kind = params.get("type", "")
        if kind not in self.NEEDED:
            raise BinanceError(-1116, "Invalid orderType.")
        needed = f"symbol side type {self.NEEDED[kind]}"
        check_params(params, needed, "newClientOrderId newOrderRespType selfTradePreventionMode")
        is_stop = "stopPrice" in params
        side = params["side"].lower()
        takes_profit = kind.startswith("TAKE_PROFIT")
        order = self.exchange.place(
            account,
            symbol=params["symbol"],
            side="buy" if side == "buy" else "sell",
            type=kind,
            quantity=required(params, "quantity"),
            client_id=self.client_id(params),
            price=number(params, "price"),
            stop_price=number(params, "stopPrice"),
            stop_below=(side == "sell") != takes_profit if is_stop else None,
            tif=params.get("timeInForce", "GTC"),
            post_only=kind == "LIMIT_MAKER",
        )
        return spot_ack(order, params.get("newOrderRespType", "FULL"))

    def query(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol", "orderId origClientOrderId")
        self.exchange.market(params["symbol"])
        order = self.find(account, params)
        if order is None:
            raise BinanceError(-2013, "Order does not exist.")
        return spot_order(order)

    def cancel(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol", "orderId origClientOrderId newClientOrderId cancelRestrictions")
        order = self.open_order(account, params)
        order.extra["cancel_id"] = self.client_id(params)
        return spot_cancelled(self.exchange.cancel(account, order), order.extra["cancel_id"])

    def replace(self, account: SimAccount, params: Params) -> Any:
        """Cancel one order and place another; by halves if the second is refused."""
        names = ["cancelReplaceMode", "cancelRestrictions", "cancelOrderId", "cancelNewClientOrderId"]
        check_params(params, " ".join(names), " ".join(set(params) - set(names)))
        order = account.orders.get(int(params["cancelOrderId"]))
        if order is None or not order.is_open or order.filled:
            failure = {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED"}
            raise BinanceError(-2022, "Order cancel-replace failed.", data=failure)
        order.extra["cancel_id"] = params["cancelNewClientOrderId"]
        self.exchange.cancel(account, order)
        cancelled = spot_cancelled(order, order.extra["cancel_id"])
        wish = {name: value for name, value in params.items() if name not in names}
        try:
            placed = self.place(account, wish)
        except SimRefusal as refusal:
            failure = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"}
            raise BinanceError(
                -2021, f"Order cancel-replace partially failed ({refusal.word}).", 409, data=failure
            ) from None
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }

    def open_orders(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "symbol")
        return [spot_order(order) for order in account.open_orders(params.get("symbol"))]

    def cancel_all(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol")
        orders = self.exchange.cancel_all(account, params["symbol"])
        if not orders:
            raise BinanceError(-2011, "Unknown order sent.")
        return [spot_cancelled(order, "all") for order in orders]

    def trades(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol", "orderId fromId limit startTime endTime")
        self.exchange.market(params["symbol"])
        return page([spot_trade(trade) for trade in account.trades], params)

    def account(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "omitZeroBalances")
        return {
            "makerCommission": 10,
            "canTrade": "no_trade" not in account.extra,
            "canWithdraw": False,
            "canDeposit": True,
            "accountType": "SPOT",
            "updateTime": self.exchange.clock.now_ms(),
            "balances": [
                {"asset": asset, "free": text(balance.free), "locked": text(balance.locked)}
                for asset, balance in account.balances.items()
            ],
            "permissions": ["SPOT"],
            "uid": 354937868,
        }
