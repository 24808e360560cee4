"""Every venue that the contract suite runs against; a venue's team adds its rig."""

from tests.support.venues.binance_rig import SpotRig, UsdmRig
from tests.support.venues.coinbase_rig import CoinbaseRig
from tests.support.venues.hyperliquid_rig import HyperliquidRig, HyperliquidSpotRig
from tests.support.venues.kraken_rig import KrakenRig
from tests.support.venues.plain_rig import PlainRig
from tests.support.venues.rig import VenueRig

RIGS: tuple[type[VenueRig], ...] = (
    PlainRig,
    CoinbaseRig,
    SpotRig,
    UsdmRig,
    HyperliquidRig,
    HyperliquidSpotRig,
    KrakenRig,
)
