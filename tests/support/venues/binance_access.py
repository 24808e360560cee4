"""Who may ask a simulated Binance what: keys, signatures, receive windows, parameters, rate limits."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from tests.support.venues.core import SimAccount, SimClock
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Call


class BinanceError(Exception):
    """An error of Binance's: HTTP status, code, sentence."""

    def __init__(
        self,
        code: int,
        message: str,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.data = data


def params_of(call: Call) -> dict[str, str]:
    """Return the parameters of query and body.

    Raises:
        BinanceError: One came twice.
    """
    pairs = parse_qsl(signed_text(call), keep_blank_values=True)
    if len({name for name, _ in pairs}) < len(pairs):
        raise BinanceError(-1101, "Duplicate values for a parameter detected.")
    return dict(pairs)


def signed_text(call: Call) -> str:
    """Return what is signed, signature included: the query followed by the body, as they are on the wire."""
    return call.query_string + call.body.decode()


def sign(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Access:
    """Checks a request against keys and time."""

    def __init__(self, exchange: SimExchange, clock: SimClock) -> None:
        self._exchange = exchange
        self._clock = clock

    def by_key(self, call: Call, *, needs: str = "read") -> SimAccount:
        """Return whose key a request carries.

        Raises:
            BinanceError: Nobody's, a revoked one, from a wrong address, or without the permission.
        """
        return self.key(call.headers.get("x-mbx-apikey", ""), call.ip, needs=needs)

    def key(self, key: str, ip: str, *, needs: str = "read") -> SimAccount:
        if not key:
            raise BinanceError(-2014, "API-key format invalid.", 401)
        account = self._exchange.account_of(key)
        is_allowed = account is not None and (account.allowed_ips is None or ip in account.allowed_ips)
        if account is None or account.is_revoked or not is_allowed or needs not in account.permissions:
            raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def signed(self, call: Call, *, needs: str = "read") -> SimAccount:
        """Return whose signed request it is.

        Raises:
            BinanceError: As `by_key`; or signature or time are wrong.
        """
        account = self.by_key(call, needs=needs)
        text, _, signature = signed_text(call).rpartition("&signature=")
        if not hmac.compare_digest(sign(text, account.secret), signature):
            raise BinanceError(-1022, "Signature for this request is not valid.")
        self.timely(params_of(call))
        return account

    def timely(self, params: Mapping[str, str]) -> None:
        """Refuse what was signed too long ago, or ahead of our clock."""
        if "timestamp" not in params:
            raise BinanceError(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
        now_ms, at_ms, window = self._clock.now_ms(), int(params["timestamp"]), int(params.get("recvWindow", 5000))
        if window > 60_000:
            raise BinanceError(-1131, "recvWindow must be less than 60000")
        if at_ms >= now_ms + 1_000:
            message = "Timestamp for this request was 1000ms ahead of the server's time."
            raise BinanceError(-1021, message)
        if now_ms - at_ms > window:
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


SIGNED: Final = frozenset({"timestamp", "recvWindow", "signature"})


def check_params(params: Mapping[str, str], needed: str, optional: str = "") -> None:
    """Refuse parameters that are missing, empty or not read.

    Args:
        params: What came.
        needed: Names, blank between them.
        optional: The same.
    """
    for name in needed.split():
        if not params.get(name):
            raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    unread = params.keys() - SIGNED - set(needed.split()) - set(optional.split())
    if unread:
        raise BinanceError(-1104, f"Not all sent parameters were read; read {len(params) - len(unread)} parameter(s)")


@dataclass
class Limits:
    """Counts weight and orders in the venue's own windows, which begin with each minute of its clock."""

    clock: SimClock
    weight_max: int = 6_000
    orders_max: int = 100
    """Per 10 seconds."""
    used: dict[int, int] = field(default_factory=dict)
    orders: dict[tuple[str, int], int] = field(default_factory=dict)
    foreign: int = 0
    """Weight that others behind the same address use in each minute."""
    strikes: int = 0
    banned_until_ms: int = 0
    is_strict: bool = True

    def take(self, weight: int) -> None:
        """Count a request; 429 beyond the limit, 418 for those who go on.

        Raises:
            BinanceError: Too many.
        """
        now_ms = self.clock.now_ms()
        minute = now_ms // 60_000
        if now_ms < self.banned_until_ms:
            rest_s = (self.banned_until_ms - now_ms) // 1000 + 1
            raise BinanceError(-1003, "Way too much request weight used; IP banned.", 418, {"Retry-After": str(rest_s)})
        self.used[minute] = self.used.get(minute, 0) + weight
        if self.is_strict and self.used[minute] + self.foreign > self.weight_max:
            self.strikes += 1
            if self.strikes > 10:
                self.banned_until_ms = now_ms + 120_000
            rest_s = 60 - now_ms // 1000 % 60
            raise BinanceError(-1003, "Too much request weight used.", 429, {"Retry-After": str(rest_s)})

    def order(self, account: str) -> None:
        """Count an order."""
        window = (account, self.clock.now_ms() // 10_000)
        self.orders[window] = self.orders.get(window, 0) + 1
        if self.is_strict and self.orders[window] > self.orders_max:
            raise BinanceError(-1015, "Too many new orders; current limit is 100 orders per 10 SECOND.", 429)

    def headers(self, account: str | None) -> dict[str, str]:
        """Return what each answer reports."""
        minute = self.clock.now_ms() // 60_000
        shown = {"X-MBX-USED-WEIGHT-1M": str(self.used.get(minute, 0) + self.foreign)}
        if account is not None:
            window = (account, self.clock.now_ms() // 10_000)
            shown["X-MBX-ORDER-COUNT-10S"] = str(self.orders.get(window, 0))
        return shown
