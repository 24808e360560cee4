"""What Hyperliquid says an account owns, as the protocol has it.

The account of perpetuals has one wallet of USDC. The venue reports its value with the profit of open positions in it;
the ledger books profit when it is realised, so that profit is taken out again. What is left stands still while nothing
is traded, and so must what is locked: the margin that positions took when they were opened; the venue's own number
moves with every price. Spot tokens are what they are. Neither answer says which fills it contains.
Source: Hyperliquid, info requests clearinghouseState and spotClearinghouseState.
"""

from decimal import Decimal

import msgspec

from connectors.hyperliquid.private_wire import ClearinghouseState, Position, SpotState
from connectors.hyperliquid.symbols import USDC, Symbols, asset_of
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.kinds import PositionSide
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract
from engine.messages.venues import VenueAccount, VenueBalance, VenuePosition

NS_PER_MS = 1_000_000

_decode_perps = msgspec.json.Decoder(ClearinghouseState).decode
_decode_spot = msgspec.json.Decoder(SpotState).decode


def parse_perpetuals(raw: bytes, symbols: Symbols) -> VenueAccount:
    """Read the account of perpetuals.

    Raises:
        BadInput: It is no such account.
    """
    state = decode_perpetuals(raw)
    positions = [each.position for each in state.assetPositions]
    wallet = state.marginSummary.accountValue
    for position in positions:
        wallet = subtract(wallet, position.unrealizedPnl)
    locked = ZERO
    for position in positions:
        locked = add(locked, _margin(position))
    return VenueAccount(
        balances=(VenueBalance(asset=USDC, free=subtract(wallet, locked), locked=locked),),
        positions=tuple(_position(each, symbols) for each in positions if each.szi),
        cursor=None,
        venue_time_ns=state.time * NS_PER_MS,
    )


def parse_spot(raw: bytes, *, now_ns: int) -> VenueAccount:
    """Read the spot account, which tells no time: `now_ns` stands for it.

    Raises:
        BadInput: It is no such account.
    """
    try:
        state = _decode_spot(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("spotClearinghouseState", expected=f"balances ({error})", was=raw) from error
    balances = (
        VenueBalance(asset=asset_of(each.coin), free=subtract(each.total, each.hold), locked=each.hold)
        for each in state.balances
    )
    return VenueAccount(balances=tuple(balances), positions=(), cursor=None, venue_time_ns=now_ns)


def leverage_of(raw: bytes, symbols: Symbols) -> dict[Symbol, int]:
    """Return the leverage of each open position.

    Raises:
        BadInput: It is no account of perpetuals.
    """
    positions = [each.position for each in decode_perpetuals(raw).assetPositions]
    return {symbols.unified(each.coin): each.leverage.value for each in positions if each.leverage is not None}


def decode_perpetuals(raw: bytes) -> ClearinghouseState:
    """Read clearinghouseState.

    Raises:
        BadInput: It is none.
    """
    try:
        return _decode_perps(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("clearinghouseState", expected=f"an account of perpetuals ({error})", was=raw) from error


def _margin(position: Position) -> Decimal:
    if position.leverage is None or position.entryPx is None:
        return ZERO
    return round_money(divide(multiply(position.szi.copy_abs(), position.entryPx), Decimal(position.leverage.value)), 6)


def _position(position: Position, symbols: Symbols) -> VenuePosition:
    return VenuePosition(
        symbol=symbols.unified(position.coin),
        position_side=PositionSide.NET,
        size=position.szi,
        entry_price=ZERO if position.entryPx is None else position.entryPx,
    )
