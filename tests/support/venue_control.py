"""What a test may ask of the lying venue's process, beside its links: one JSON object a line, one answer a line.

`{"do": "set_price", "symbol": "BTC/USDT", "price": "60000"}` is answered `{"ok": true, "result": null}`, a command that
cannot be done `{"ok": false, "error": "..."}`.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from engine.domain.errors import CivalError
from engine.domain.identifiers import AccountId
from engine.domain.kinds import DoneReason, Side
from engine.messages.base import Message
from engine.messages.venues import VenueFill
from engine.simulation.venue.audit import VenueSnapshot, snapshot
from engine.simulation.venue.faults import Scripted, Strike, drawn_faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.orders import Order, Trade
from engine.simulation.venue.venue import HostileVenue

SECOND = 1_000_000_000


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One request that reached the venue, whatever became of it."""

    at_ns: int
    link: int
    kind: str
    """Name of the message."""
    client_id: str | None
    body: dict[str, Any]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the process is."""

    pid: int
    port: int | None
    starts: int
    """How often the venue came up with this journal."""
    links: int
    now_ns: int


class Control:
    """Carries commands out. Every method that does not begin with `_` is a command; its arguments are JSON values."""

    def __init__(self, venue: HostileVenue) -> None:
        self._venue = venue
        self._hand = venue.hand

    def handle(self, line: bytes) -> bytes:
        """Do what a line says; return the line that answers it."""
        try:
            asked = msgspec.json.decode(line, type=dict[str, Any])
            result = self._command(asked.pop("do"))(**asked)
        except (ArithmeticError, CivalError, LookupError, TypeError, ValueError) as error:
            return msgspec.json.encode({"ok": False, "error": f"{type(error).__name__}: {error}"}) + b"\n"
        return msgspec.json.encode({"ok": True, "result": result}) + b"\n"

    def _command(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name == "handle":
            raise LookupError(name)
        command: Callable[..., Any] | None = getattr(self, name, None)
        if command is None:
            raise LookupError(name)
        return command

    # --- What is so --------------------------------------------------------------------------------------------------

    def truth(self) -> VenueSnapshot:
        return snapshot(self._venue.truth, self._venue.rules.venue)

    def heard(self) -> list[Heard]:
        return [_heard(at_ns, link, body) for at_ns, link, body in self._venue.arrived]

    def said(self) -> list[Heard]:
        return [_heard(at_ns, link, body) for at_ns, link, body in self._venue.speaker.said]

    def struck(self) -> dict[str, int]:
        return {str(kind): count for kind, count in self._venue.faults.counts().items()}

    def price(self, symbol: str) -> Decimal | None:
        return self._venue.truth.prices.get(symbol)

    # --- Lies --------------------------------------------------------------------------------------------------------

    def script(
        self,
        kind: str,
        after: int = 0,
        times: int = 1,
        for_s: float | None = None,
        strength: int = 999_999,
        about: str = "",
    ) -> None:
        until_ns = None if for_s is None else self._now_ns + int(for_s * SECOND)
        self._venue.faults.script(
            Scripted(kind=FaultKind(kind), after=after, times=times, until_ns=until_ns, strength=strength, about=about)
        )

    def begin(self, kind: str, for_s: float) -> None:
        self._venue.faults.begin(FaultKind(kind), self._now_ns + int(for_s * SECOND))

    def end(self, kind: str) -> None:
        self._venue.faults.end(FaultKind(kind))

    def happen(self, kind: str, strength: int = 999_999) -> None:
        self._venue.happen(Strike("control", FaultKind(kind), self._now_ns, strength, ""))

    def rates(self, **rates: int) -> None:
        self._venue.faults.rates = {FaultKind(kind): rate for kind, rate in rates.items()}

    def swarm(self, seed: int, force: int = 100) -> dict[str, int]:
        self._venue.faults.rates = drawn_faults(seed, force=force).rates
        return {str(kind): rate for kind, rate in self._venue.faults.rates.items()}

    def calm(self) -> None:
        self._venue.faults.rates = {}
        self._venue.calm()
        self._venue.faults.is_calm = False

    # --- By hand -----------------------------------------------------------------------------------------------------

    def set_price(self, symbol: str, price: str) -> None:
        self._hand.set_price(symbol, Decimal(price))

    def fill(
        self, client_id: str, quantity: str | None = None, price: str | None = None, account_id: str | None = None
    ) -> VenueFill | None:
        order = self._order(client_id, account_id)
        amount = order.remaining if quantity is None else Decimal(quantity)
        if not amount > 0:
            raise ValueError(f"nothing is left of {client_id}")
        self._hand.fill(order, amount, None if price is None else Decimal(price))
        return None

    def end_order(self, client_id: str, reason: str = "cancelled", account_id: str | None = None) -> None:
        self._hand.end(self._order(client_id, account_id), DoneReason(reason))

    def void(self, symbol: str, trade: str) -> None:
        self._hand.void(self._trade(symbol, trade))

    def repeat(self, symbol: str, trade: str) -> None:
        self._venue.reports.repeat(self._trade(symbol, trade))

    def conflict(self, symbol: str, trade: str) -> None:
        self._venue.reports.conflict(self._trade(symbol, trade))

    def place(
        self,
        account_id: str,
        symbol: str,
        side: str,
        quantity: str,
        price: str | None = None,
        client_id: str | None = None,
        count: int = 1,
    ) -> list[str]:
        """Place orders that no engine asked for; return their client ids."""
        limit = None if price is None else Decimal(price)
        names = [client_id if count == 1 else f"{client_id or 'hand'}-{number}" for number in range(count)]
        return [
            self._hand.place(
                AccountId(UUID(account_id)), symbol, Side(side), Decimal(quantity), price=limit, client_id=name
            ).client_id
            for name in names
        ]

    def transfer(self, account_id: str, asset: str, amount: str) -> None:
        self._hand.transfer(AccountId(UUID(account_id)), asset, Decimal(amount))

    def set_clock(self, skew_s: float) -> None:
        self._hand.set_clock(int(skew_s * SECOND))

    def forget(self, older_than_s: float = 0, with_trades: bool = False) -> None:
        self._hand.forget(self._now_ns - int(older_than_s * SECOND), with_trades=with_trades)

    def drop_links(self) -> None:
        self._venue.break_links()

    # --- Looking up --------------------------------------------------------------------------------------------------

    @property
    def _now_ns(self) -> int:
        return self._venue.recorder.now_ns

    def _order(self, client_id: str, account_id: str | None) -> Order:
        found = [
            orders[-1]
            for (account, name), orders in self._venue.truth.by_client_id.items()
            if name == client_id and account_id in (None, str(account))
        ]
        if len(found) != 1:
            raise LookupError(f"{len(found)} orders {client_id}")
        return found[0]

    def _trade(self, symbol: str, trade: str) -> Trade:
        return self._venue.truth.trades_by_id[symbol, int(trade)]


def _heard(at_ns: int, link: int, body: Message) -> Heard:
    return Heard(
        at_ns=at_ns,
        link=link,
        kind=type(body).__name__,
        client_id=getattr(body, "venue_client_id", None),
        body=msgspec.to_builtins(body),
    )
