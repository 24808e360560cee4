"""What will stop an account one day if nobody looks: an API wallet that expires, an address that runs out of requests.

Source: Hyperliquid, "Nonces and API wallets", "Rate limits" (address based); info extraAgents, userRateLimit.
"""

from typing import Final

import msgspec

from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.exchange import Hyperliquid

EXPIRY_NS: Final = 7 * 24 * 3_600 * 1_000_000_000
"""So long before a key ends people are told."""
USED_SHARE: Final = 0.9
"""Of an address's requests; beyond the last one it may send one in ten seconds."""
NS_PER_MS: Final = 1_000_000
DAY_NS: Final = 24 * 3_600 * 1_000_000_000

_decode_agents = msgspec.json.Decoder(tuple[wire.Agent, ...]).decode
_decode_limit = msgspec.json.Decoder(wire.RateLimit).decode


async def warnings_of(exchange: Hyperliquid, user: str, signer: str, now_ns: int) -> dict[str, str]:
    """Return what a person should know about an account: kind -> one line.

    Args:
        exchange: To ask.
        user: Address of the account.
        signer: Address of the key that signs for it.
        now_ns: The venue's time.

    Raises:
        BridgeError: No answer.
    """
    found: dict[str, str] = {}
    if signer != user:
        agents = _decode_agents(await exchange.info({"type": "extraAgents", "user": user}))
        ends_ns = next((each.validUntil * NS_PER_MS for each in agents if each.address.lower() == signer), None)
        if ends_ns is not None and ends_ns - now_ns < EXPIRY_NS:
            days = max(0, ends_ns - now_ns) / DAY_NS
            found["key_expires"] = f"the API wallet expires in {days:.1f} days: approve it anew"
    limit = _decode_limit(await exchange.info({"type": "userRateLimit", "user": user}))
    if limit.nRequestsUsed > limit.nRequestsCap * USED_SHARE:
        found["requests_used_up"] = (
            f"{limit.nRequestsUsed} of {limit.nRequestsCap} requests are used; each traded USDC gives one more"
        )
    return found
