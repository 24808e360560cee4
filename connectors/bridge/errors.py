"""What can become of a request to a venue, as errors. Who catches one asks a single question: did it take effect?

::

    BridgeError             is_definite: it is proven that the request changed nothing
    |-- NotSent             definite    it did not leave us
    |-- Refused             definite    the venue said no, by a code of its own
    |-- AuthRefused         definite    key, signature, permission or address; no retry helps
    |-- Limited             definite    the venue's rate limit, or our own gate while it bans us
    |-- ClockOff            definite    our time is too far from the venue's
    |-- Maintenance         as told     the venue says that it is closed for now
    |-- Duplicate           NOT         the venue has seen this client id: the order may well exist
    `-- Unknown             NOT         timeout, lost socket, 5xx, an answer that cannot be read

Everything that is none of these and is raised after a request has left counts as `Unknown`: a `KeyError` in a parser
proves nothing about an order. Codes are words of ours (`REASONS`) where we know them, else the venue's own; sentences
are for people. No error holds a key, a signature or a whole URL.
"""

from typing import ClassVar, Final

from engine.domain.errors import Advice, CivalError, shown

INSUFFICIENT_FUNDS: Final = "insufficient_funds"
UNKNOWN_SYMBOL: Final = "unknown_symbol"
UNKNOWN_ORDER: Final = "unknown_order"
"""Of cancels and amends: the venue has no such open order."""
ALREADY_DONE: Final = "already_done"
"""Of cancels and amends: it was filled or cancelled before."""
WOULD_TAKE: Final = "post_only_would_take"
WOULD_NOT_REDUCE: Final = "reduce_only_would_not_reduce"
WOULD_TRIGGER: Final = "stop_would_trigger"
BAD_PRICE: Final = "bad_price"
BAD_QUANTITY: Final = "bad_quantity"
MIN_NOTIONAL: Final = "min_notional"
MARKET_CLOSED: Final = "market_closed"
TOO_MANY_ORDERS: Final = "too_many_orders"
NO_LIQUIDITY: Final = "no_liquidity"
"""An immediate order that found nothing to meet."""
NOTHING_TO_CHANGE: Final = "nothing_to_change"

REASONS: Final = frozenset(
    {
        INSUFFICIENT_FUNDS, UNKNOWN_SYMBOL, UNKNOWN_ORDER, ALREADY_DONE, WOULD_TAKE, WOULD_NOT_REDUCE, WOULD_TRIGGER,
        BAD_PRICE, BAD_QUANTITY, MIN_NOTIONAL, MARKET_CLOSED, TOO_MANY_ORDERS, NO_LIQUIDITY, NOTHING_TO_CHANGE,
    }
)  # fmt: skip
"""Words for refusals that all venues share; a refusal that fits none keeps the venue's own code."""


class BridgeError(CivalError):
    """A request did not end in an answer that says yes."""

    is_definite: bool = False
    """Whether it is proven that the request had no effect."""
    word: ClassVar[str] = "unknown"

    def __init__(self, code: str, message: str = "") -> None:
        """Keep a stable code and the sentence of whoever said it, shortened."""
        self.code = code
        self.message = shown(message)[1:-1] if message else ""
        super().__init__(f"{self.word}: {code} {self.message}".rstrip())


class NotSent(BridgeError):
    """Nothing left us. `code`: `expired_before_send`, `fenced`, `busy`, `not_connected`, `banned`, `closing`..."""

    is_definite = True
    word = "not sent"


class Refused(BridgeError):
    """The venue answered no, with a code of its own in the body; the same request would be refused again."""

    is_definite = True
    word = "refused"

    def __init__(self, code: str, message: str = "", *, venue_code: str = "") -> None:
        """`code` is one of `REASONS` or the venue's own; `venue_code` always the venue's own."""
        super().__init__(code, message)
        self.venue_code = venue_code or code


class AuthRefused(BridgeError):
    """The venue does not let this key do this. The account is shut, with `line` as the reason, until it is tried again.

    `code`: `bad_key` (unknown, wrong or revoked), `bad_signature`, `no_permission`, `ip_not_allowed`, `account_closed`.
    """

    advice = Advice.STOP
    is_definite = True
    word = "no access"

    @property
    def line(self) -> str:
        """One line for a person."""
        return f"{_ACCESS.get(self.code, 'the venue does not let this key in')} ({self.message or self.code})"


_ACCESS: Final = {
    "bad_key": "the venue does not know this key, or has revoked it",
    "bad_signature": "the secret does not belong to this key",
    "no_permission": "the key may not trade",
    "ip_not_allowed": "the key may not be used from this address",
    "account_closed": "the venue has closed or locked the account",
}


class Limited(BridgeError):
    """Too many requests. Nothing was done; nothing leaves for this venue and address before the wait is over."""

    advice = Advice.RETRY
    is_definite = True
    word = "rate limited"

    def __init__(self, retry_after_ns: int, *, is_ban: bool = False, message: str = "") -> None:
        """Keep how long to wait, and whether the venue calls it a ban (418)."""
        self.retry_after_ns = retry_after_ns
        self.is_ban = is_ban
        super().__init__("banned" if is_ban else "rate_limited", message)


class ClockOff(BridgeError):
    """The venue's clock and ours differ by more than it takes. The offset is measured again before the next request."""

    advice = Advice.RETRY
    is_definite = True
    word = "clock off"


class Maintenance(BridgeError):
    """The venue says that it is closed for now. `is_definite` only where it promises that it did nothing."""

    advice = Advice.RETRY
    word = "maintenance"

    def __init__(self, message: str = "", *, is_definite: bool = False, retry_after_ns: int = 0) -> None:
        """`retry_after_ns`: what the venue asks for, 0 if it does not say."""
        super().__init__("maintenance", message)
        self.is_definite = is_definite
        self.retry_after_ns = retry_after_ns


class Duplicate(BridgeError):
    """The venue has seen this client id. Of an order that we sent once this means that it may exist: ask."""

    advice = Advice.RECONCILE
    word = "duplicate"


class Unknown(BridgeError):
    """It left, and nothing that came back proves what became of it."""

    advice = Advice.RECONCILE
