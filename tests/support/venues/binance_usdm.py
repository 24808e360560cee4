"""The private endpoints of a simulated Binance USD-M."""

from collections.abc import Mapping
from typing import Any, Final

from tests.support.venues.binance_access import BinanceError, check_params
from tests.support.venues.binance_desk import Desk, Params, Route, number, page, required
from tests.support.venues.binance_words import ALGO_BASE, POSITION_SIDE, algo_order, text, usdm_order, usdm_trade
from tests.support.venues.core import SimAccount, SimOrder
from tests.support.venues.exchange import SimExchange
from tests.support.venues.settle import available

_SIDES: Final = {word: name for name, word in POSITION_SIDE.items()}


class UsdmDesk(Desk):
    """/fapi."""

    NEEDED: Final[Mapping[str, str]] = {"LIMIT": "timeInForce quantity price", "MARKET": "quantity"}
    ALGO_NEEDED: Final[Mapping[str, str]] = {
        "STOP": "quantity price triggerPrice",
        "TAKE_PROFIT": "quantity price triggerPrice",
        "STOP_MARKET": "quantity triggerPrice",
        "TAKE_PROFIT_MARKET": "quantity triggerPrice",
    }

    def __init__(self, exchange: SimExchange) -> None:
        super().__init__(exchange)
        self.routes = {
            ("POST", "/fapi/v1/order/test"): Route(1, self.test, "trade"),
            ("POST", "/fapi/v1/order"): Route(0, self.place, "trade", 1),
            ("PUT", "/fapi/v1/order"): Route(1, self.amend, "trade", 1),
            ("GET", "/fapi/v1/order"): Route(1, self.query),
            ("DELETE", "/fapi/v1/order"): Route(1, self.cancel, "trade"),
            ("GET", "/fapi/v1/openOrders"): Route(40, self.open_orders),
            ("DELETE", "/fapi/v1/allOpenOrders"): Route(1, self.cancel_all, "trade"),
            ("POST", "/fapi/v1/algoOrder"): Route(0, self.place_algo, "trade", 1),
            ("GET", "/fapi/v1/algoOrder"): Route(1, self.query_algo),
            ("DELETE", "/fapi/v1/algoOrder"): Route(1, self.cancel_algo, "trade"),
            ("GET", "/fapi/v1/openAlgoOrders"): Route(40, self.open_algo_orders),
            ("POST", "/fapi/v1/countdownCancelAll"): Route(10, self.dead_man, "trade"),
            ("GET", "/fapi/v1/userTrades"): Route(5, self.trades),
            ("GET", "/fapi/v1/income"): Route(30, self.income),
            ("GET", "/fapi/v3/account"): Route(5, self.account),
            ("GET", "/fapi/v3/positionRisk"): Route(5, self.positions),
            ("GET", "/fapi/v1/accountConfig"): Route(5, self.config),
            ("GET", "/fapi/v1/symbolConfig"): Route(5, self.symbols),
        }

    def _side(self, account: SimAccount, params: Params) -> str:
        side = params.get("positionSide", "BOTH")
        if (side != "BOTH") != account.is_hedged:
            raise BinanceError(-4061, "Order's position side does not match user's setting.")
        if account.is_hedged and "reduceOnly" in params:
            raise BinanceError(-1106, "Parameter 'reduceonly' sent when not required.")
        return _SIDES[side]

    def place(self, account: SimAccount, params: Params) -> Any:
        kind = params.get("type", "")
        if kind in self.ALGO_NEEDED:
            raise BinanceError(-4120, "Order type not supported for this endpoint. Please use the Algo Order API.")
        if kind not in self.NEEDED:
            raise BinanceError(-1116, "Invalid orderType.")
        check_params(
            params, f"symbol side type {self.NEEDED[kind]}", "newClientOrderId newOrderRespType positionSide reduceOnly"
        )
        tif = params.get("timeInForce", "GTC")
        order = self.exchange.place(
            account,
            symbol=params["symbol"],
            side="buy" if params["side"] == "BUY" else "sell",
            type=kind,
            quantity=required(params, "quantity"),
            client_id=self.client_id(params),
            price=number(params, "price"),
            tif=tif,
            post_only=tif == "GTX",
            reduce_only=params.get("reduceOnly") == "true",
            position_side=self._side(account, params),
        )
        return usdm_order(order)

    def place_algo(self, account: SimAccount, params: Params) -> Any:
        kind = params.get("type", "")
        if kind not in self.ALGO_NEEDED or params.get("algoType") != "CONDITIONAL":
            raise BinanceError(-1116, "Invalid orderType.")
        optional = "clientAlgoId positionSide reduceOnly workingType timeInForce priceProtect newOrderRespType"
        check_params(params, f"algoType symbol side type {self.ALGO_NEEDED[kind]}", optional)
        is_sell = params["side"] == "SELL"
        order = self.exchange.place(
            account,
            symbol=params["symbol"],
            side="sell" if is_sell else "buy",
            type=kind,
            quantity=required(params, "quantity"),
            client_id=self.client_id(params, "clientAlgoId"),
            price=number(params, "price"),
            stop_price=number(params, "triggerPrice"),
            stop_below=is_sell != kind.startswith("TAKE_PROFIT"),
            tif=params.get("timeInForce", "GTC"),
            reduce_only=params.get("reduceOnly") == "true",
            position_side=self._side(account, params),
            extra={"algo": "1", "child_type": "LIMIT" if "price" in params else "MARKET"},
        )
        return algo_order(order)

    def amend(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol side quantity price", "orderId origClientOrderId")
        order = self.open_order(account, params)
        if order.side.upper() != params["side"]:
            raise BinanceError(-1117, "Invalid side.")
        quantity, price = required(params, "quantity"), required(params, "price")
        if (quantity, price) == (order.quantity, order.price):
            raise BinanceError(-5027, "No need to modify the order.")
        if quantity <= order.filled:
            return usdm_order(self.exchange.cancel(account, order))
        return usdm_order(self.exchange.amend(account, order, quantity=quantity, price=price))

    def find(self, account: SimAccount, params: Params) -> SimOrder | None:
        """Return an ordinary order; a conditional one is none before it is triggered."""
        order = super().find(account, params)
        return None if order is None or ("algo" in order.extra and "triggered" not in order.extra) else order

    def query(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol", "orderId origClientOrderId")
        self.exchange.market(params["symbol"])
        order = self.find(account, params)
        if order is None:
            raise BinanceError(-2013, "Order does not exist.")
        return usdm_order(order)

    def cancel(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol", "orderId origClientOrderId")
        return usdm_order(self.exchange.cancel(account, self.open_order(account, params)))

    def _algo(self, account: SimAccount, params: Params) -> SimOrder | None:
        check_params(params, "", "algoId clientAlgoId")
        if "algoId" in params:
            order = account.orders.get(int(params["algoId"]) - ALGO_BASE)
        else:
            order = account.by_client_id(params.get("clientAlgoId", ""))
        return order if order is not None and "algo" in order.extra else None

    def query_algo(self, account: SimAccount, params: Params) -> Any:
        order = self._algo(account, params)
        if order is None:
            raise BinanceError(-2013, "Order does not exist.")
        return algo_order(order)

    def cancel_algo(self, account: SimAccount, params: Params) -> Any:
        order = self._algo(account, params)
        if order is None or not order.is_open or "triggered" in order.extra:
            raise BinanceError(-2011, "Unknown order sent.")
        self.exchange.cancel(account, order)
        return {"algoId": ALGO_BASE + order.id, "clientAlgoId": order.client_id, "code": "200", "msg": "success"}

    def open_orders(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "symbol")
        orders = account.open_orders(params.get("symbol"))
        return [usdm_order(order) for order in orders if order.state != "waiting"]

    def open_algo_orders(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "symbol algoType")
        orders = account.open_orders(params.get("symbol"))
        return [algo_order(order) for order in orders if order.state == "waiting"]

    def cancel_all(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol")
        for order in account.open_orders(params["symbol"]):
            if order.state != "waiting":
                self.exchange.cancel(account, order)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def dead_man(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol countdownTime")
        countdown = int(params["countdownTime"])
        account.dead_man_ms = self.exchange.clock.now_ms() + countdown if countdown else 0
        return {"symbol": params["symbol"], "countdownTime": params["countdownTime"]}

    def trades(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "symbol", "orderId fromId limit startTime endTime")
        self.exchange.market(params["symbol"])
        return page([usdm_trade(trade) for trade in account.trades], params)

    def income(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "symbol incomeType startTime endTime limit page")
        return [
            {
                "symbol": trade.symbol,
                "incomeType": "COMMISSION",
                "income": text(-trade.fee),
                "asset": trade.fee_asset,
                "time": trade.time_ms,
                "info": str(trade.id),
                "tranId": trade.id,
                "tradeId": str(trade.id),
            }
            for trade in account.trades
            if trade.time_ms >= int(params.get("startTime", 0))
        ][: int(params.get("limit", 100))]

    def account(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "")
        assets = []
        for asset, balance in account.balances.items():
            free = available(account, asset, self.exchange.markets)
            assets.append(
                {
                    "asset": asset,
                    "walletBalance": text(balance.total),
                    "initialMargin": text(balance.total - free),
                    "availableBalance": text(free),
                    "updateTime": self.exchange.clock.now_ms(),
                }
            )
        return {"totalWalletBalance": "0", "assets": assets, "positions": []}

    def positions(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "symbol")
        return [
            {
                "symbol": position.symbol,
                "positionSide": POSITION_SIDE[position.side],
                "positionAmt": text(position.size, 3),
                "entryPrice": text(position.entry, 5),
                "updateTime": self.exchange.clock.now_ms(),
            }
            for position in account.positions.values()
            if position.size
        ]

    def config(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "")
        can_trade = "no_trade" not in account.extra
        return {"feeTier": 0, "canTrade": can_trade, "dualSidePosition": account.is_hedged, "multiAssetsMargin": False}

    def symbols(self, account: SimAccount, params: Params) -> Any:
        check_params(params, "", "symbol")
        return [
            {
                "symbol": symbol,
                "marginType": account.margin_mode.get(symbol, "CROSSED"),
                "isAutoAddMargin": "false",
                "leverage": account.leverage.get(symbol, 20),
                "maxNotionalValue": "1000000",
            }
            for symbol in self.exchange.markets
        ]
