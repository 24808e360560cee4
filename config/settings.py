"""The typed configuration: every key, its default, its range.

Sections and keys are those of the configuration file. Unknown keys are errors. Money and limits are `Decimal`,
durations are text such as `30s`, `12h`, `30d`.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
SymbolText = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,20}(:[A-Z0-9]{1,20})?$")]
Duration = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(ms|s|m|h|d)$")]
Positive = Annotated[Decimal, msgspec.Meta(description="above zero")]
SecretRef = str
"""`env:NAME`, `file:PATH`, `credential:NAME` (systemd), or the secret itself; shown as stars."""

UNIT_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}


def duration_ns(text: str) -> int:
    """Turn `250ms`, `30s`, `5m`, `12h` or `30d` into nanoseconds; the pattern of `Duration` was checked before."""
    digits = text.rstrip("mshd")
    return int(digits) * UNIT_NS[text[len(digits) :]]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections."""


class ServerSettings(Section, frozen=True, kw_only=True):
    """`[server]`: the control endpoint."""

    host: str = "127.0.0.1"
    port: Port = 8710
    """0 takes a free port, which is printed."""
    allowed_origins: tuple[str, ...] = ()
    """Origins besides our own that may call and stream from a browser."""
    tls_cert: str = ""
    tls_key: str = ""
    behind_tls_proxy: bool = False
    metrics_port: Port | None = None
    requests_per_second: Annotated[int, msgspec.Meta(ge=1)] = 50
    """Sustained rate per token and per address; the burst is twice that."""
    orders_per_second: Annotated[int, msgspec.Meta(ge=1)] = 20


class DatabaseSettings(Section, frozen=True, kw_only=True):
    """`[database]`: where facts are kept."""

    url: SecretRef = ""
    """Empty: the environment's DATABASE_URL, else an embedded PostgreSQL under the data directory."""
    migrate_url: SecretRef = ""
    api_url: SecretRef = ""
    reader_url: SecretRef = ""
    pool_size: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    synchronous_commit: Literal["on", "remote_write", "remote_apply", "local"] = "on"


class RedisSettings(Section, frozen=True, kw_only=True):
    """`[redis]`: an optional cache."""

    url: SecretRef = ""


class AuthSettings(Section, frozen=True, kw_only=True):
    """`[auth]`: sessions, tokens, passwords."""

    session_ttl: Duration = "12h"
    jwt_secret: SecretRef = ""
    jwks_url: str = ""
    auto_provision: bool = False
    password_length_min: Annotated[int, msgspec.Meta(ge=8, le=128)] = 12


class SecretsSettings(Section, frozen=True, kw_only=True):
    """`[secrets]`: the key that wraps the exchange keys."""

    master_key: SecretRef = ""


class MarketSettings(Section, frozen=True, kw_only=True):
    """`[market]`: where prices come from."""

    source: Literal["simulated", "replay", "live"] = "simulated"
    venues: tuple[Name, ...] = ()
    symbols: tuple[SymbolText, ...] = ()
    """Empty: all that the source has."""
    timeframes: tuple[Literal["1m", "5m", "15m", "1h", "4h", "1d"], ...] = ("1m", "5m", "15m", "1h", "4h", "1d")
    seed: int = 42
    """Of the simulated market."""
    path: str = ""
    """Of the replay: a file or a directory of recorded frames or candles."""
    speed: str = "1"
    """Of the replay: a factor such as `20`, or `max`."""
    stale_after: Duration = "15s"
    """Silence after which agents may not open risk on a symbol."""


class VenueSettings(Section, frozen=True, kw_only=True):
    """`[venues.NAME]`."""

    kind: Literal["exchange", "remote"] = "exchange"
    """`remote`: a venue in another process (docs/remote-venue.md)."""
    market: Literal["spot", "usdm", "perp"] | None = None
    """Which of the exchange's markets; absent: its first one (spot; at Hyperliquid the perpetuals)."""
    source: Literal["simulated", "live"] | None = None
    """Where its prices come from; absent: as `[market] source` says. A remote venue tells none."""
    symbols: tuple[SymbolText, ...] = ()
    """What is followed here; empty: the symbols of `[market]`."""
    decode: Literal["hot", "ccxt"] = "hot"
    """Who reads the frames of a live market: our decoders, from the raw bytes, or ccxt's. The messages are the same."""
    check_sequence: bool = True
    """Whether a hole in an exchange's numbers of frames ends the connection; false only where it numbers otherwise."""
    url: str = ""
    """Of a remote venue: `tcp://host:port` or `unix:/path`."""
    token: SecretRef = ""
    """Of a remote venue: sent to it in the greeting; empty where it asks for none."""
    rest_url: str = ""
    """Of a live venue, in the place of the exchange's own: a test net, a proxy, a server on this machine."""
    ws_url: str = ""
    rate_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    """Share of the exchange's rate limits that this engine takes; the rest is for others on the same address."""
    rate_group: Annotated[str, msgspec.Meta(max_length=255)] = ""
    """Engines on one database that name the same group divide `rate_share` among them; give each address its own."""
    submit_latency: Duration = "0ms"
    """Of the paper venue, on the market clock."""
    cancel_latency: Duration = "0ms"


class LimitSettings(Section, frozen=True, kw_only=True):
    """Limits of `[risk]` and of an account; None is no limit."""

    order_notional: Decimal | None = None
    """Largest value of one order, quote currency."""
    position_notional: Decimal | None = None
    """Largest value of a position with its open orders, quote currency."""
    open_orders: Annotated[int, msgspec.Meta(ge=1)] | None = None
    price_band_percent: Decimal | None = None
    """Largest distance of a limit price from the mark."""
    orders_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    daily_loss: Decimal | None = None
    """Loss since midnight of the user's time zone that halts the account, in its valuation asset."""


class RiskSettings(LimitSettings, frozen=True, kw_only=True):
    """`[risk]`: defaults for every account."""

    order_notional: Decimal | None = Decimal(50_000)
    position_notional: Decimal | None = Decimal(250_000)
    open_orders: Annotated[int, msgspec.Meta(ge=1)] | None = 200
    price_band_percent: Decimal | None = Decimal(10)
    orders_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = 600


class AccountSettings(Section, frozen=True, kw_only=True):
    """`[[accounts]]`."""

    name: Name
    user: Text
    venue: Name | None = None
    """Absent: the first venue of the market."""
    mode: Literal["paper", "live"] = "paper"
    type: Literal["spot", "margin"] = "spot"
    starting_balances: dict[Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{1,20}$")], Decimal] = {}
    """Of a paper account: asset -> amount, given once. A live account has what its venue says."""
    api_key: SecretRef = ""
    """Of a live account at an exchange: the key; at Hyperliquid the address of the wallet."""
    api_secret: SecretRef = ""
    """The key's secret; at Coinbase the private key in PEM, at Hyperliquid that of the agent wallet."""
    passphrase: SecretRef = ""
    """Where the exchange asks for one."""
    limits: LimitSettings = LimitSettings()
    dead_man: Duration | None = None
    """Silence after which the venue cancels the account's orders by itself, where it can."""


class AgentSettings(Section, frozen=True, kw_only=True):
    """`[[agents]]`."""

    name: Name
    type: Name
    account: Name
    user: Text | None = None
    """Absent: the user of the account."""
    symbols: Annotated[tuple[SymbolText, ...], msgspec.Meta(min_length=1)]
    parameters: dict[str, Any] = {}
    """Checked against the agent type's schema."""
    allocation: Decimal | None = None
    """Quote currency that the agent may use."""
    enabled: bool = True


class RouteSettings(Section, frozen=True, kw_only=True):
    """One of `[notifications] routes`."""

    url: SecretRef
    severities: tuple[Literal["low", "medium", "high", "critical"], ...] = ("high", "critical")


class NotificationSettings(Section, frozen=True, kw_only=True):
    """`[notifications]`."""

    routes: tuple[RouteSettings, ...] = ()


class RetentionSettings(Section, frozen=True, kw_only=True):
    """`[retention]`: how long tables keep their rows."""

    events: Duration = "30d"
    market_data_ohlcv: Duration = "3650d"
    order_book_snapshots: Duration = "7d"
    system_logs: Duration = "30d"
    trading_signals: Duration = "365d"
    write_units: Duration = "7d"
    """Ids of committed units, for a repeat whose first answer was lost; a day at least."""
    paper_batches: Duration = "7d"
    """The same of paper venues."""


class LogSettings(Section, frozen=True, kw_only=True):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: colours on a terminal, JSON elsewhere."""


class Settings(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    auth: AuthSettings = AuthSettings()
    secrets: SecretsSettings = SecretsSettings()
    market: MarketSettings = MarketSettings()
    venues: dict[Name, VenueSettings] = {}
    accounts: tuple[AccountSettings, ...] = ()
    agents: tuple[AgentSettings, ...] = ()
    risk: RiskSettings = RiskSettings()
    notifications: NotificationSettings = NotificationSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()
