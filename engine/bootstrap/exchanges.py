"""Makes the adapters of live venues; those of one venue share its rate budget, its ban gate and its clock.

Importing this imports ccxt's parts as far as the venues need them, when they are made.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from config.settings import Settings, VenueSettings
from connectors.catalogue import VenueKit, entry_of, kit_of
from engine.domain.identifiers import AccountId, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from engine.runtime.secret import Secret

if TYPE_CHECKING:
    from connectors.bridge.exchange import Bridge
    from connectors.live.adapter import PrivateAdapter, PublicAdapter


class Exchanges:
    """The exchanges of one engine."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Reach none yet; `clock`: wall clock."""
        self._settings = settings
        self._clock = clock
        self._kits: dict[Venue, VenueKit] = {}
        self._bridges: dict[Venue, Bridge] = {}

    def bridge(self, venue: Venue) -> "Bridge":
        """Return what all adapters of a venue share.

        Raises:
            ConfigError: There is no such exchange, or it has no such market.
        """
        bridge = self._bridges.get(venue)
        if bridge is None:
            from connectors.bridge.exchange import Bridge  # noqa: PLC0415 - it imports ccxt.

            limits, share = self._kit(venue).limits, self._configured(venue).rate_share
            bridge = self._bridges[venue] = Bridge(limits, self._clock, share=share)
        return bridge

    def public(self, venue: Venue) -> "PublicAdapter":
        """Make the adapter of a venue's public data.

        Raises:
            ConfigError: There is no such exchange, or it has no such market.
        """
        from connectors.live.adapter import PublicSetup  # noqa: PLC0415 - it imports ccxt.

        kit, configured = self._kit(venue), self._configured(venue)
        setup = PublicSetup(
            venue=venue,
            market=kit.market,
            urls=_urls(venue, configured),
            checks_sequence=configured.check_sequence,
        )
        return kit.public(setup, self.bridge(venue), get_logger(f"connectors.{venue}").bind(venue=venue))

    def private(
        self,
        venue: Venue,
        account_id: AccountId,
        *,
        credentials: Mapping[str, Secret],
        instruments: Mapping[Symbol, Instrument],
        since_ns: int,
    ) -> "PrivateAdapter":
        """Make the adapter of one account.

        Args:
            venue: Where it is.
            account_id: Whose events it tells.
            credentials: `key`, `secret`, `passphrase`.
            instruments: Those of the venue; read at each use.
            since_ns: When the account was introduced.
        """
        from connectors.live.adapter import PrivateSetup  # noqa: PLC0415 - it imports ccxt.

        kit, configured = self._kit(venue), self._configured(venue)
        setup = PrivateSetup(
            venue=venue,
            market=kit.market,
            account_id=account_id,
            since_ns=since_ns,
            credentials=credentials,
            instruments=instruments,
            urls=_urls(venue, configured),
            checks_sequence=configured.check_sequence,
        )
        log = get_logger(f"connectors.{venue}").bind(venue=venue, account_id=str(account_id))
        return kit.private(setup, self.bridge(venue), log)

    def _configured(self, venue: Venue) -> VenueSettings:
        return self._settings.venues.get(venue) or VenueSettings()

    def _kit(self, venue: Venue) -> VenueKit:
        kit = self._kits.get(venue)
        if kit is None:
            kit = self._kits[venue] = kit_of(venue, self._configured(venue).market)
        return kit


def _urls(venue: Venue, configured: VenueSettings) -> Mapping[str, object]:
    return entry_of(venue).urls(configured.rest_url.rstrip("/"), configured.ws_url.rstrip("/"))
