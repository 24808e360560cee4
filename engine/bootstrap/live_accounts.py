"""Gives live accounts their own connections: the keys of the configuration, an adapter, the actor that speaks for them.

Keys are read again whenever a cell starts, so that a rotated one is used from then on; they are never printed.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from config.checks import KEYS
from config.credentials import resolve_secret
from config.settings import AccountSettings, Settings
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.market import Markets
from engine.bootstrap.parts import VenueParts
from engine.domain.errors import ConfigError
from engine.domain.identifiers import AccountId, UserId
from engine.domain.ports import SendPermit
from engine.messages.rows_people import AccountRow
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.entropy import Rng
from engine.runtime.secret import Secret
from storage.applied import Applied

CREDENTIALS: Final = dict(zip(KEYS, ("key", "secret", "passphrase"), strict=True))
"""Key of the configuration -> its name among an adapter's credentials."""


def configured_accounts(settings: Settings, applied: Applied, default_venue: str) -> dict[UUID, AccountSettings]:
    """Return the live accounts of the file by the ids that they have in the database."""
    found: dict[UUID, AccountSettings] = {}
    for account in settings.accounts:
        user = applied.users.get(account.user.lower())
        key = None if user is None else (user.id, account.venue or default_venue, account.name)
        item = None if key is None else applied.accounts.get(key)
        if item is not None and account.mode == "live":
            found[item.id] = account
    return found


def keys_of(account: AccountSettings, environ: Mapping[str, str]) -> dict[str, Secret]:
    """Read the keys of a live account, under the names that adapters know.

    Raises:
        ConfigError: A variable, file or credential is missing. No secret is shown.
    """
    keys: dict[str, Secret] = {}
    for name, credential in CREDENTIALS.items():
        secret = resolve_secret(getattr(account, name), key=f"accounts.{account.name}.{name}", environ=environ)
        if secret is not None:
            keys[credential] = secret
    return keys


class LiveAccounts:
    """Implements `OwnConnections` (account_connection.py)."""

    def __init__(
        self,
        accounts: Mapping[UUID, AccountSettings],
        *,
        exchanges: Exchanges,
        markets: Markets,
        environ: Mapping[str, str],
        bus: Bus,
        wall: Clock,
        rng: Rng,
        permit: SendPermit,
    ) -> None:
        """Keep what connections are made of.

        Args:
            accounts: Id of a live account -> its keys in the file.
            exchanges: Makes adapters.
            markets: Which venues are live.
            environ: Where keys may be.
            bus: Answers and events go over it.
            wall: Wall clock.
            rng: Jitter.
            permit: Asked before each command leaves.
        """
        self._accounts = accounts
        self._exchanges = exchanges
        self._feeds = {market.venue: market.live for market in markets.each}
        self._environ = environ
        self._bus = bus
        self._wall = wall
        self._rng = rng
        self._permit = permit

    def parts(self, account: AccountRow, user_id: UserId) -> VenueParts | None:
        """Return the connection of an account, ready to be started; None if it shares its venue's.

        Raises:
            ConfigError: It should have one, but there is no key for it.
        """
        feed = self._feeds.get(account.exchange)
        if account.mode != "live" or feed is None:
            return None
        configured = self._accounts.get(account.id)
        if configured is None:
            key = f"accounts.{account.name}.api_key"
            raise ConfigError(key, expected="the account and its key in the configuration", was="none")
        account_id = AccountId(account.id)
        adapter = self._exchanges.private(
            account.exchange,
            account_id,
            credentials=keys_of(configured, self._environ),
            instruments=feed.by_symbol,
            since_ns=account.created_at,
        )
        from connectors.live.connector import LiveVenue  # noqa: PLC0415 - it imports ccxt.

        collaborators: dict[str, Any] = {
            "adapter": adapter,
            "account_id": account_id,
            "user_id": user_id,
            "bus": self._bus,
            "wall": self._wall,
            "rng": self._rng,
            "permit": self._permit,
        }
        return VenueParts(LiveVenue, f"live/{account_id}", collaborators)
