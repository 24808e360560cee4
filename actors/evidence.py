"""Reports about trades that are not booked, as rows: contradictions, voids, symbols without rules."""

from collections.abc import Iterable
from uuid import UUID

from actors.live_order import LiveOrder
from engine.domain.identifiers import UserId
from engine.domain.kinds import Liquidity, Side
from engine.domain.order_facts import FillFact
from engine.domain.values import ZERO
from engine.messages.rows_trades import TradeEvidenceRow
from engine.messages.venues import VenueFill, VenueTradeVoided

CONFLICT = "conflict"
VOID = "void"
UNLISTED = "unlisted"

TombstoneKey = tuple[str, Side, str]
"""Symbol, side and the venue's id of a trade: unique within an account."""


def conflict_row(live: LiveOrder, fact: FillFact, *, row_id: UUID, now_ns: int) -> TradeEvidenceRow:
    """Keep a report that contradicts the one that is booked."""
    row = live.row
    return TradeEvidenceRow(
        id=row_id,
        user_id=row.user_id,
        account_id=row.account_id,
        order_id=row.id,
        kind=CONFLICT,
        symbol=row.symbol,
        side=row.side,
        external_trade_id=fact.trade_id,
        venue_client_id=row.venue_client_id,
        external_order_id=live.state.external_order_id,
        quantity=fact.quantity,
        price=fact.price,
        fees=fact.fee,
        fee_asset=fact.fee_asset,
        liquidity=fact.liquidity.value,
        executed_at=fact.executed_at_ns,
        correlation_id=row.correlation_id,
        created_at=now_ns,
    )


def void_row(
    message: VenueTradeVoided, live: LiveOrder | None, *, user_id: UserId, row_id: UUID, now_ns: int
) -> TradeEvidenceRow:
    """Keep that the venue took a trade back, whether we know the trade or not."""
    return TradeEvidenceRow(
        id=row_id,
        user_id=user_id,
        account_id=message.account_id,
        order_id=None if live is None else live.row.id,
        kind=VOID,
        symbol=message.symbol,
        side=message.side.value,
        external_trade_id=message.external_trade_id,
        venue_client_id=message.venue_client_id,
        external_order_id=message.external_order_id,
        quantity=None,
        price=None,
        fees=None,
        fee_asset=None,
        liquidity=None,
        executed_at=message.venue_time_ns,
        correlation_id=None if live is None else live.row.correlation_id,
        created_at=now_ns,
    )


def unlisted_row(fill: VenueFill, *, user_id: UserId, row_id: UUID, now_ns: int) -> TradeEvidenceRow:
    """Keep a fill in a symbol whose rules nobody knows: without them it cannot be valued, and so not booked."""
    return TradeEvidenceRow(
        id=row_id,
        user_id=user_id,
        account_id=fill.account_id,
        order_id=None,
        kind=UNLISTED,
        symbol=fill.symbol,
        side=fill.side.value,
        external_trade_id=fill.external_trade_id,
        venue_client_id=fill.venue_client_id,
        external_order_id=fill.external_order_id,
        quantity=fill.quantity,
        price=fill.price,
        fees=fill.fee,
        fee_asset=fill.fee_asset,
        liquidity=fill.liquidity.value,
        executed_at=fill.executed_at_ns,
        correlation_id=None,
        created_at=now_ns,
    )


class Tombstones:
    """Trades that count for nothing although no order of ours is known for them, kept over restarts."""

    __slots__ = ("_unlisted", "_voided")

    def __init__(self, rows: Iterable[TradeEvidenceRow] = ()) -> None:
        """Start with the rows that name no order."""
        self._voided: set[TombstoneKey] = set()
        self._unlisted: set[TombstoneKey] = set()
        for row in rows:
            kept = self._voided if row.kind == VOID else self._unlisted
            kept.add((row.symbol, Side(row.side), row.external_trade_id))

    def bury(self, message: VenueTradeVoided) -> bool:
        """Remember a void; whether it is new."""
        return _add(self._voided, (message.symbol, message.side, message.external_trade_id))

    def refuse(self, fill: VenueFill) -> bool:
        """Remember a fill that cannot be booked; whether it is new."""
        return _add(self._unlisted, (fill.symbol, fill.side, fill.external_trade_id))

    def is_voided(self, fill: VenueFill) -> bool:
        """Whether the venue took this trade back before anybody knew its order."""
        return bool(self._voided) and (fill.symbol, fill.side, fill.external_trade_id) in self._voided


def fact_of_evidence(row: TradeEvidenceRow) -> FillFact | None:
    """Return the report that a row of kind `conflict` keeps; None for any other."""
    if row.kind != CONFLICT or row.price is None or row.quantity is None:
        return None
    return FillFact(
        trade_id=row.external_trade_id,
        price=row.price,
        quantity=row.quantity,
        fee=row.fees or ZERO,
        fee_asset=row.fee_asset or "",
        liquidity=Liquidity(row.liquidity or Liquidity.TAKER),
        executed_at_ns=row.executed_at,
    )


def _add(kept: set[TombstoneKey], key: TombstoneKey) -> bool:
    is_new = key not in kept
    kept.add(key)
    return is_new
