"""Live accounts: whose keys are whose, and who gets a connection of its own."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from config.settings import AccountSettings, Settings, VenueSettings
from connectors.live.connector import LiveVenue
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.live import LiveFeed
from engine.bootstrap.live_accounts import LiveAccounts, configured_accounts, keys_of
from engine.bootstrap.market import Market, Markets
from engine.bootstrap.preflight import check_keys
from engine.domain.errors import ConfigError
from engine.domain.identifiers import UserId
from engine.messages.rows_people import AccountRow
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import system_rng
from storage.applied import Applied, AppliedItem
from tests.connectors.remote.support import Permit
from tests.support.live_market import FakePublic, a_pair

ID, USER = UUID(int=1), UserId(UUID(int=2))
ENVIRON = {"KEY": "name-of-key", "SECRET": "hush-hush"}


def an_account(name: str = "real", **changes: Any) -> AccountSettings:
    fields: dict[str, Any] = {
        "name": name, "user": "A@b", "mode": "live", "api_key": "env:KEY", "api_secret": "env:SECRET"
    }  # fmt: skip
    return AccountSettings(**fields | changes)


def a_row(mode: str = "live", venue: str = "binance", id: UUID = ID) -> AccountRow:
    return AccountRow(
        id=id, user_id=USER, name="real", exchange=venue, account_id="real", account_type="spot", mode=mode,
        is_active=True, starting_balances={}, config_hash=None, created_at=77, dead_man_ms=None,
    )  # fmt: skip


def the_accounts() -> LiveAccounts:
    wall, adapter = WallClock(), FakePublic(a_pair())
    feed = LiveFeed(
        adapter=adapter, listing=adapter.listing, instruments=adapter.listing.instruments, symbols=("BTC/USDT",),
        configured=VenueSettings(),
    )  # fmt: skip
    markets = Markets(
        clock=wall,
        each=(
            Market(venue="binance", clock=wall, instruments=feed.instruments, stale_after_ns=1, live=feed),
            Market(venue="mars", clock=wall, instruments=(), stale_after_ns=1),
        ),
    )
    return LiveAccounts(
        {ID: an_account()}, exchanges=Exchanges(Settings(), wall), markets=markets, environ=ENVIRON, bus=Bus(),
        wall=wall, rng=system_rng(), permit=Permit(),
    )  # fmt: skip


def test_accounts_are_found_by_user_venue_and_name() -> None:
    applied = Applied(users={"a@b": AppliedItem(USER, 1)}, accounts={(USER, "binance", "real"): AppliedItem(ID, 1)})
    settings = Settings(
        accounts=(an_account(), an_account("other"), an_account(user="nobody"), an_account(mode="paper"))
    )
    assert configured_accounts(settings, applied, "binance") == {ID: settings.accounts[0]}
    assert configured_accounts(settings, applied, "coinbase") == {}


def test_keys_are_secrets_under_the_names_that_adapters_know(tmp_path: Path) -> None:
    file = tmp_path / "phrase"
    file.write_text("open sesame\n")
    keys = keys_of(an_account(passphrase=f"file:{file}"), ENVIRON)
    assert {name: secret.reveal() for name, secret in keys.items()} == {
        "key": "name-of-key", "secret": "hush-hush", "passphrase": "open sesame",
    }  # fmt: skip
    assert "hush" not in repr(keys)
    with pytest.raises(ConfigError, match=r"accounts\.real\.api_secret: expected the environment variable NO"):
        keys_of(an_account(api_secret="env:NO"), ENVIRON)


def test_two_accounts_never_share_a_key() -> None:
    settings = Settings(accounts=(an_account(), an_account("twin"), an_account("far", venue="coinbase")))
    with pytest.raises(ConfigError, match=r"accounts\.twin\.api_key: expected a key of its own, was 'that of real'"):
        check_keys(settings, ENVIRON)
    check_keys(Settings(accounts=(settings.accounts[0], settings.accounts[2])), ENVIRON)
    namesakes = Settings(accounts=(an_account(), an_account(user="b@c", api_key="env:LOUD")))
    with pytest.raises(ConfigError, match=r"accounts\.real\.api_key: expected a key of its own, was 'that of real'"):
        check_keys(namesakes, ENVIRON | {"LOUD": "NAME-OF-KEY"})


@pytest.mark.asyncio
async def test_a_live_account_at_a_live_venue_gets_a_connection() -> None:
    parts = the_accounts().parts(a_row(), USER)
    assert parts is not None
    assert (parts.actor_class, parts.name) == (LiveVenue, f"live/{ID}")
    assert (parts.collaborators["account_id"], parts.collaborators["user_id"]) == (ID, USER)
    assert "hush" not in repr(parts)
    await parts.collaborators["adapter"].close()


def test_the_others_share_their_venues() -> None:
    accounts = the_accounts()
    assert accounts.parts(a_row("paper"), USER) is None
    assert accounts.parts(a_row(venue="mars"), USER) is None
    assert accounts.parts(a_row(venue="nowhere"), USER) is None


def test_an_account_whose_key_is_not_in_the_file_says_so() -> None:
    with pytest.raises(ConfigError, match=r"accounts\.real\.api_key: expected the account and its key in the conf"):
        the_accounts().parts(a_row(id=UUID(int=9)), USER)
