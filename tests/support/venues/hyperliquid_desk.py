"""What a simulated Hyperliquid does with signed actions. Signatures are recovered by the venue's own library."""

from decimal import Decimal
from typing import Any, Literal

from hyperliquid.utils import signing as official  # type: ignore[import-untyped]

from tests.support.venues.core import SimAccount, SimClock, SimMarket, SimOrder, SimRefusal
from tests.support.venues.exchange import SimExchange
from tests.support.venues.hyperliquid_words import NO_MATCH, NOT_OPEN, REFUSALS, UNKNOWN_ORDER, text

NONCES_KEPT = 100
DAY_MS = 86_400_000
SWITCH_MIN_MS = 5_000


class ActionError(Exception):
    """The action as a whole is refused: `status: err`."""


class Desk:
    """The `/exchange` endpoint."""

    def __init__(self, exchange: SimExchange, assets: dict[int, str], clock: SimClock) -> None:
        self.exchange = exchange
        self.assets = assets
        """Number of each market."""
        self.clock = clock
        self.signers: dict[str, SimAccount] = {}
        """Address of a key, in small letters -> the account it may sign for."""
        self.nonces: dict[str, list[int]] = {}
        self.can_switch = True

    def act(self, request: dict[str, Any]) -> dict[str, Any]:
        """Check who signed, and do it.

        Raises:
            ActionError: Nothing was done.
        """
        account = self._account(request)
        action = request["action"]
        match action["type"]:
            case "order":
                return self._statuses("order", [self._order(account, each) for each in action["orders"]])
            case "cancel":
                found = [account.orders.get(each["o"]) for each in action["cancels"]]
                return self._statuses("cancel", [self._cancel(account, order) for order in found])
            case "cancelByCloid":
                orders = [account.by_client_id(each["cloid"]) for each in action["cancels"]]
                return self._statuses("cancel", [self._cancel(account, order) for order in orders])
            case "batchModify":
                return self._statuses("order", [self._modify(account, each) for each in action["modifies"]])
            case "scheduleCancel":
                self._switch(account, action.get("time"))
                return {"status": "ok", "response": {"type": "default"}}
        raise ActionError(f"Unknown action {action['type']}")

    def _account(self, request: dict[str, Any]) -> SimAccount:
        action, nonce, expires = request["action"], request["nonce"], request.get("expiresAfter")
        vault = request.get("vaultAddress")
        address = str(
            official.recover_agent_or_user_from_l1_action(
                action, request["signature"], vault, nonce, expires, is_mainnet=True
            )
        ).lower()
        account = self.signers.get(address)
        if account is None or account.is_revoked or "trade" not in account.permissions:
            raise ActionError(f"User or API Wallet {address} does not exist.")
        self._take_nonce(address, nonce)
        if expires is not None and self.clock.now_ms() > expires:
            raise ActionError(f"Action expired: expiresAfter {expires} is before {self.clock.now_ms()}.")
        return account

    def _take_nonce(self, address: str, nonce: int) -> None:
        used = self.nonces.setdefault(address, [])
        if nonce in used:
            raise ActionError(f"Invalid nonce: duplicate nonce {nonce}.")
        if not self.clock.now_ms() - 2 * DAY_MS < nonce < self.clock.now_ms() + DAY_MS:
            raise ActionError(f"Invalid nonce: {nonce} is too far from {self.clock.now_ms()}.")
        if len(used) >= NONCES_KEPT and nonce < used[0]:
            raise ActionError(f"Invalid nonce: nonce too low {nonce}.")
        used.append(nonce)
        used.sort()
        del used[:-NONCES_KEPT]

    # --- Orders -------------------------------------------------------------------------------------------------------

    def _order(self, account: SimAccount, wish: dict[str, Any]) -> dict[str, Any]:
        market = self._market(wish["a"])
        try:
            order = self._place(account, market, wish)
        except SimRefusal as refusal:
            return {"error": self._sentence(refusal, market, wish)}
        if order.extra["tif"] == "Ioc" and not order.filled:
            return {"error": f"{NO_MATCH} asset={wish['a']}"}
        if order.filled and not order.is_open:
            filled = {"totalSz": text(order.filled), "avgPx": text(order.average), "oid": order.id}
            return {"filled": filled}
        return {"resting": {"oid": order.id} | ({"cloid": order.client_id} if order.client_id else {})}

    def _place(self, account: SimAccount, market: SimMarket, wish: dict[str, Any]) -> SimOrder:
        price, size = Decimal(wish["p"]), Decimal(wish["s"])
        _require_canonical(wish["p"], wish["s"])
        trigger = wish["t"].get("trigger")
        for each in (price, *((Decimal(trigger["triggerPx"]),) if trigger else ())):
            _require_tick(market, each)
        side: Literal["buy", "sell"] = "buy" if wish["b"] else "sell"
        if trigger is not None:
            word = "Stop" if trigger["tpsl"] == "sl" else "Take Profit"
            rises = (side == "buy") == (trigger["tpsl"] == "sl")
            return self.exchange.place(
                account, symbol=market.symbol, side=side, type=f"{word} {'Market' if trigger['isMarket'] else 'Limit'}",
                quantity=size, client_id=wish.get("c", ""), price=None if trigger["isMarket"] else price,
                stop_price=Decimal(trigger["triggerPx"]), stop_below=not rises, reduce_only=wish["r"],
                extra={"tif": "Gtc", "limit": wish["p"]},
            )  # fmt: skip
        tif = wish["t"]["limit"]["tif"]
        return self.exchange.place(
            account, symbol=market.symbol, side=side, type="Limit", quantity=size, client_id=wish.get("c", ""),
            price=price, tif="IOC" if tif == "Ioc" else "GTC", post_only=tif == "Alo", reduce_only=wish["r"],
            extra={"tif": tif},
        )  # fmt: skip

    def _cancel(self, account: SimAccount, order: SimOrder | None) -> Any:
        if order is None or not order.is_open:
            return {"error": UNKNOWN_ORDER}
        self.exchange.cancel(account, order)
        return "success"

    def _modify(self, account: SimAccount, wish: dict[str, Any]) -> dict[str, Any]:
        """Put a new order in the place of an open one; the new one is told first, as the venue does."""
        name = wish["oid"]
        old = account.by_client_id(name) if isinstance(name, str) else account.orders.get(name)
        if old is None or not old.is_open:
            raise ActionError(NOT_OPEN)
        answer = self._order(account, wish["order"])
        if "error" not in answer:
            self.exchange.cancel(account, old)
        return answer

    def _switch(self, account: SimAccount, at_ms: int | None) -> None:
        if not self.can_switch:
            raise ActionError(
                "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $373.47205."
            )
        if at_ms is not None and at_ms < self.clock.now_ms() + SWITCH_MIN_MS - 500:
            raise ActionError("Scheduled cancel time too early, must be at least 5 seconds from now.")
        account.dead_man_ms = at_ms or 0

    def _market(self, asset: int) -> SimMarket:
        if asset not in self.assets:
            raise ActionError(f"Order has invalid asset {asset}.")
        return self.exchange.markets[self.assets[asset]]

    def _sentence(self, refusal: SimRefusal, market: SimMarket, wish: dict[str, Any]) -> str:
        if refusal.word == "would_take":
            best = f"{market.best('bid')}@{market.best('ask')}"
            return f"Post only order would have immediately matched, bbo was {best}. asset={wish['a']}"
        if refusal.word == "insufficient_balance" and not market.is_margined:
            return f"Insufficient spot balance asset={wish['a']}"
        return f"{REFUSALS[refusal.word]} asset={wish['a']}"

    def _statuses(self, kind: str, statuses: list[Any]) -> dict[str, Any]:
        return {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}


def _require_tick(market: SimMarket, price: Decimal) -> None:
    """Refuse prices of more than five figures or too many decimals; whole prices are always good."""
    decimals = -int(price.normalize().as_tuple().exponent)
    size_decimals = -int(market.step.normalize().as_tuple().exponent)
    figures = len(price.normalize().as_tuple().digits)
    if price != price.to_integral_value() and (
        figures > 5 or decimals > (6 if market.is_margined else 8) - max(size_decimals, 0)
    ):
        raise SimRefusal("price_filter", str(price))


def _require_canonical(*numbers: str) -> None:
    """Refuse numbers that would be hashed otherwise than the venue writes them."""
    for number in numbers:
        if number != official.float_to_wire(float(number)) and len(number) < 15:
            raise ActionError(f"Order has a number that is not canonical: {number}")
