"""Speaks to the lying venue's process over its control socket: what is so there, lies, and acts by hand.

The names of lies are those of `engine.simulation.venue.kinds.FaultKind`.
"""

import contextlib
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, Asset, Symbol
from engine.domain.kinds import Side
from engine.messages.venues import VenuePosition
from engine.simulation.venue.audit import Arrivals, TrueAccount, TrueOrder, TrueTrade, VenueSnapshot
from tests.support.venue_control import Heard, Status


class ControlRefused(Exception):
    """The venue could not do what the test asked."""


class VenueClient:
    """One connection to the control socket, made when it is needed."""

    def __init__(self, path: str) -> None:
        """Remember where the socket is."""
        self._control = path
        self._connection: socket.socket | None = None
        self._answers: Any = None

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send a command of `venue_control.Control`; return its result as JSON values.

        Raises:
            ControlRefused: It could not be done.
            OSError: The process is not there.
        """
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.settimeout(20)
            with self._hanging_up():
                self._connection.connect(self._control)
            self._answers = self._connection.makefile("rb")
        values = {name: value for name, value in arguments.items() if value is not None}
        with self._hanging_up():
            self._connection.sendall(msgspec.json.encode({"do": do, **values}) + b"\n")
            line = self._answers.readline()
            if not line:
                raise ConnectionResetError("the venue has ended")
        answer = msgspec.json.decode(line)
        if not answer["ok"]:
            raise ControlRefused(answer["error"])
        return answer["result"]

    @contextlib.contextmanager
    def _hanging_up(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._answers is not None:
            self._answers.close()
        self._connection = self._answers = None

    def status(self) -> Status:
        return msgspec.convert(self.ask("status"), Status)

    # --- What is so --------------------------------------------------------------------------------------------------

    def truth(self) -> VenueSnapshot:
        """Return everything that is so."""
        return msgspec.convert(self.ask("truth"), VenueSnapshot)

    def orders(self, account_id: AccountId | UUID | None = None) -> list[TrueOrder]:
        """Return orders as they were placed, open and done."""
        return [each for each in self.truth().orders if account_id in (None, each.account_id)]

    def order(self, client_id: str) -> TrueOrder | None:
        """Return the newest order of a client id."""
        found = [each for each in self.truth().orders if each.order.venue_client_id == client_id]
        return found[-1] if found else None

    def trades(self, client_id: str | None = None) -> list[TrueTrade]:
        """Return trades as they happened, void ones too."""
        return [each for each in self.truth().trades if client_id in (None, each.fill.venue_client_id)]

    def account(self, account_id: AccountId | UUID) -> TrueAccount:
        """Return balances and positions of an account."""
        return next(each for each in self.truth().accounts if each.account_id == account_id)

    def balances(self, account_id: AccountId | UUID) -> dict[Asset, Decimal]:
        """Return what an account owns, set aside or not."""
        return {each.asset: each.free + each.locked for each in self.account(account_id).balances}

    def positions(self, account_id: AccountId | UUID) -> dict[Symbol, VenuePosition]:
        """Return the open positions of an account."""
        return {each.symbol: each for each in self.account(account_id).positions}

    def arrivals(self) -> dict[str, Arrivals]:
        """Count by client id how many submits came and how many were taken: this must never be more than one."""
        found: dict[str, Arrivals] = {}
        for seen in self.truth().requests:
            if seen.request == "submit":
                arrived, accepted = found.get(seen.venue_client_id, Arrivals(0, 0))
                found[seen.venue_client_id] = Arrivals(arrived + 1, accepted + (seen.outcome == "accepted"))
        return found

    def heard(self, kind: str | None = None) -> list[Heard]:
        """Return the requests that reached this life of the process, with their times; lost ones too."""
        return [each for each in msgspec.convert(self.ask("heard"), list[Heard]) if kind in (None, each.kind)]

    def said(self, kind: str | None = None) -> list[Heard]:
        """Return what this life of the process answered and reported, or wanted to."""
        return [each for each in msgspec.convert(self.ask("said"), list[Heard]) if kind in (None, each.kind)]

    def struck(self) -> dict[str, int]:
        """Count the lies of this life by kind."""
        return dict(self.ask("struck"))

    # --- Lies --------------------------------------------------------------------------------------------------------

    def script(
        self,
        kind: str,
        *,
        after: int = 0,
        times: int = 1,
        for_s: float | None = None,
        strength: int = 999_999,
        about: str = "",
    ) -> None:
        """Let a lie strike the opportunities behind the first `after`, so often (-1: always), where it is about this.

        Args:
            kind: A `FaultKind`.
            after: Opportunities that pass first.
            times: How often it strikes.
            for_s: End of it; None: no end.
            strength: 0 to 999,999: how long or how much out of what the kind may do.
            about: Part of `MessageName client-id`; empty: anything.
        """
        self.ask("script", kind=kind, after=after, times=times, for_s=for_s, strength=strength, about=about)

    def begin(self, kind: str, for_s: float) -> None:
        """Let a lie that lasts (`silent_pushes`, `maintenance`, `rate_limit`, `refused_connect`) be on for so long."""
        self.ask("begin", kind=kind, for_s=for_s)

    def end(self, kind: str) -> None:
        """End a lie that lasts, or its scripts."""
        self.ask("end", kind=kind)

    def happen(self, kind: str, *, strength: int = 999_999) -> None:
        """Let a timed lie (`half_open`, `link_reset`, `clock_jump`, `restart`, ...) begin now."""
        self.ask("happen", kind=kind, strength=strength)

    def rates(self, **rates: int) -> None:
        """Set how often lies strike by chance: per million opportunities, timed ones per thousand minutes."""
        self.ask("rates", **rates)

    def swarm(self, seed: int, force: int = 100) -> dict[str, int]:
        """Let a seed draw the rates; return them."""
        return dict(self.ask("swarm", seed=seed, force=force))

    def calm(self) -> None:
        """End all lies."""
        self.ask("calm")

    # --- By hand -----------------------------------------------------------------------------------------------------

    def set_price(self, symbol: str, price: Decimal | str) -> None:
        """Let a market trade at a price, and orders with it."""
        self.ask("set_price", symbol=symbol, price=str(price))

    def fill(self, client_id: str, quantity: Decimal | str | None = None, price: Decimal | str | None = None) -> None:
        """Let an order trade, open or done: all its rest, or so much."""
        self.ask("fill", client_id=client_id, quantity=_text(quantity), price=_text(price))

    def end_order(self, client_id: str, reason: str = "cancelled") -> None:
        """End an open order."""
        self.ask("end_order", client_id=client_id, reason=reason)

    def void(self, symbol: str, trade: str) -> None:
        """Take a trade back."""
        self.ask("void", symbol=symbol, trade=trade)

    def repeat(self, symbol: str, trade: str) -> None:
        """Report a trade again."""
        self.ask("repeat", symbol=symbol, trade=trade)

    def conflict(self, symbol: str, trade: str) -> None:
        """Report a trade again, with another quantity."""
        self.ask("conflict", symbol=symbol, trade=trade)

    def place(
        self,
        account_id: AccountId | UUID,
        symbol: str,
        side: Side | str,
        quantity: Decimal | str,
        *,
        price: Decimal | str | None = None,
        client_id: str | None = None,
        count: int = 1,
    ) -> list[str]:
        """Place orders beside the engine; return their client ids. Without a price they take the market."""
        return list(
            self.ask(
                "place",
                account_id=str(account_id),
                symbol=symbol,
                side=str(side),
                quantity=str(quantity),
                price=_text(price),
                client_id=client_id,
                count=count,
            )
        )

    def transfer(self, account_id: AccountId | UUID, asset: str, amount: Decimal | str) -> None:
        """Pay money in, or out with a negative amount."""
        self.ask("transfer", account_id=str(account_id), asset=asset, amount=str(amount))

    def set_clock(self, skew_s: float) -> None:
        """Let its clock differ from ours."""
        self.ask("set_clock", skew_s=skew_s)

    def forget(self, older_than_s: float = 0, *, with_trades: bool = False) -> None:
        """Forget orders that ended so long ago: those without trades, or all."""
        self.ask("forget", older_than_s=older_than_s, with_trades=with_trades)

    def drop_links(self) -> None:
        """Break all links."""
        self.ask("drop_links")

    def freeze_reads(self) -> None:
        """Read nothing from any link, so that bytes pile up."""
        self.ask("freeze_reads")

    def thaw_reads(self) -> None:
        """Read again."""
        self.ask("thaw_reads")


def _text(number: Decimal | str | None) -> str | None:
    return None if number is None else str(number)
