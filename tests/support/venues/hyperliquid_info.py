"""What a simulated Hyperliquid answers to questions."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from tests.support.venues import hyperliquid_words as words
from tests.support.venues.core import SimAccount, SimClock, SimMarket
from tests.support.venues.exchange import SimExchange
from tests.support.venues.hyperliquid_desk import Desk

FILLS_MAX: Final = 2_000
LIGHT: Final = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)


class Unreadable(Exception):
    """422 with a text."""


class Info:
    """The `/info` endpoint."""

    def __init__(self, exchange: SimExchange, desk: Desk, clock: SimClock) -> None:
        self.exchange = exchange
        self.desk = desk
        self.clock = clock
        self.fills_max = FILLS_MAX
        self.names_orders_in_fills = False
        """Whether fills tell the cloid, as newer servers do."""
        self.mode = "disabled"
        self.requests_used = 1
        self.keys_end_ms = 1 << 45
        """When API wallets expire."""
        self.fills: dict[str, list[dict[str, Any]]] = {}
        """Of each account, as told."""
        self.hidden_fills: set[int] = set()
        """Trade ids that the list does not show yet."""

    def weight(self, request: dict[str, Any]) -> int:
        if request.get("type") == "userRole":
            return 60
        return 2 if request.get("type") in LIGHT else 20

    def answer(self, request: dict[str, Any]) -> Any:
        """Answer one question.

        Raises:
            Unreadable: It is none.
        """
        handlers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "exchangeStatus": lambda _: {"specialStatuses": None, "time": self.clock.now_ms()},
            "meta": lambda _: self.meta(),
            "spotMeta": lambda _: self.spot_meta(),
            "allMids": lambda _: {name: words.text(each.last) for name, each in self.exchange.markets.items()},
            "l2Book": self._book,
            "candleSnapshot": self._candles,
            "userRole": self._role,
            "userAbstraction": lambda _: self.mode,
            "userRateLimit": lambda _: {"cumVlm": "0.0", "nRequestsUsed": self.requests_used, "nRequestsCap": 10_000},
            "extraAgents": self._agents,
            "openOrders": lambda each: [words.short_order(order) for order in self._account(each).open_orders()],
            "frontendOpenOrders": lambda each: [words.long_order(order) for order in self._account(each).open_orders()],
            "orderStatus": self._order,
            "userFills": lambda each: list(reversed(self._fills(each)))[: self.fills_max],
            "userFillsByTime": self._fills_by_time,
            "clearinghouseState": self._perpetuals,
            "spotClearinghouseState": self._spot,
        }
        handler = handlers.get(request.get("type", ""))
        if handler is None:
            raise Unreadable("Failed to deserialize the JSON body into the target type")
        return handler(request)

    # --- Listings -----------------------------------------------------------------------------------------------------

    def meta(self) -> dict[str, Any]:
        perpetuals = [self.exchange.markets[name] for name in self.desk.assets.values() if _is_perp(name)]
        return {
            "universe": [
                {
                    "name": each.symbol,
                    "szDecimals": _decimals(each.step),
                    "maxLeverage": int(1 / each.initial_margin),
                    **({"isDelisted": True} if each.status == "DELISTED" else {}),
                }
                for each in perpetuals
            ],
            "collateralToken": 0,
        }

    def spot_meta(self) -> dict[str, Any]:
        pairs = {asset: self.exchange.markets[name] for asset, name in self.desk.assets.items() if not _is_perp(name)}
        tokens = [{"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0}]
        universe = []
        for asset, market in pairs.items():
            index = len(tokens)
            tokens.append({"name": market.base, "szDecimals": _decimals(market.step), "weiDecimals": 8, "index": index})
            universe.append(
                {"tokens": [index, 0], "name": market.symbol, "index": asset - 10_000, "isCanonical": False}
            )
        return {"universe": universe, "tokens": tokens}

    def _book(self, request: dict[str, Any]) -> Any:
        market = self.exchange.markets.get(request["coin"])
        return None if market is None else words.book(market, self.clock.now_ms())

    def _candles(self, request: dict[str, Any]) -> Any:
        wish = request["req"]
        market, length = self.exchange.markets[wish["coin"]], 60_000
        start = wish["startTime"] // length * length
        last = words.text(market.last)
        return [
            {"t": at, "T": at + length - 1, "s": wish["coin"], "i": wish["interval"], "o": last, "c": last, "h": last,
             "l": last, "v": "1.5", "n": 3}
            for at in range(start, min(wish["endTime"], start + 500 * length), length)
        ]  # fmt: skip

    # --- Accounts -----------------------------------------------------------------------------------------------------

    def _account(self, request: dict[str, Any]) -> SimAccount:
        """Return whose address it is; of an address that nobody has used there is nothing."""
        user = request["user"].lower()
        return next(
            (each for each in self.exchange.accounts.values() if each.api_key == user), SimAccount("", user, "")
        )

    def _role(self, request: dict[str, Any]) -> dict[str, Any]:
        user = request["user"].lower()
        account = self.desk.signers.get(user)
        if any(each.api_key == user for each in self.exchange.accounts.values()):
            return {"role": "user"}
        if account is None or account.is_revoked:
            return {"role": "missing"}
        return {"role": "agent", "data": {"user": account.api_key}}

    def _agents(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        account = self._account(request)
        return [{"name": "cival", "address": account.secret, "validUntil": self.keys_end_ms}] if account.secret else []

    def _order(self, request: dict[str, Any]) -> dict[str, Any]:
        account, name = self._account(request), request["oid"]
        order = account.by_client_id(name) if isinstance(name, str) else account.orders.get(name)
        return {"status": "unknownOid"} if order is None else words.order_status(order)

    def _fills(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        found = self.fills.get(self._account(request).name, [])
        return [each for each in found if each["tid"] not in self.hidden_fills]

    def _fills_by_time(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        start, end = request["startTime"], request.get("endTime", 1 << 62)
        return [each for each in self._fills(request) if start <= each["time"] <= end][: self.fills_max]

    def _perpetuals(self, request: dict[str, Any]) -> dict[str, Any]:
        account = self._account(request)
        positions, profit, margin = [], Decimal(0), Decimal(0)
        for (symbol, _), position in account.positions.items():
            if not position.size:
                continue
            market: SimMarket = self.exchange.markets[symbol]
            gained = position.size * (market.last - position.entry)
            used = abs(position.size) * position.entry * market.initial_margin
            profit, margin = profit + gained, margin + used
            inner = {
                "coin": symbol, "szi": words.text(position.size), "entryPx": words.text(position.entry),
                "leverage": {"type": "cross", "value": int(1 / market.initial_margin)},
                "unrealizedPnl": words.text(gained), "marginUsed": words.text(used),
            }  # fmt: skip
            positions.append({"type": "oneWay", "position": inner})
        for order in account.open_orders():
            if self.exchange.markets[order.symbol].is_margined:
                margin += order.locked
        summary = {
            "accountValue": words.text(account.balance("USDC").total + profit),
            "totalMarginUsed": words.text(margin),
            "totalNtlPos": "0.0",
            "totalRawUsd": words.text(account.balance("USDC").total),
        }
        return {"marginSummary": summary, "assetPositions": positions, "time": self.clock.now_ms()}

    def _spot(self, request: dict[str, Any]) -> dict[str, Any]:
        account = self._account(request)
        return {
            "balances": [
                {"coin": asset, "token": number, "total": words.text(each.total), "hold": words.text(each.locked),
                 "entryNtl": "0.0"}
                for number, (asset, each) in enumerate(account.balances.items())
            ]
        }  # fmt: skip


def request_of(body: bytes) -> dict[str, Any]:
    """Read a request.

    Raises:
        Unreadable: It is no object with a type.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise Unreadable(f"Failed to deserialize the JSON body into the target type: {error}") from error
    if not isinstance(request, dict):
        raise Unreadable("Failed to deserialize the JSON body into the target type")
    return request


def _is_perp(name: str) -> bool:
    return not name.startswith("@") and "/" not in name


def _decimals(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))
