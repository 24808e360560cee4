"""Tenants with a row in every table that has a user, for tests of isolation."""

from dataclasses import dataclass
from uuid import UUID

from storage.pool import Connection

NOW = "timestamptz '2026-01-15 12:00+00'"

_ROWS = """
users (id, email, password_hash) values ({user}, '{name}@localhost', 'secret')
user_sessions (user_id, token_hash, expires_at) values ({user}, '{name}', {now})
user_api_keys (user_id, exchange, api_key_encrypted, api_secret_encrypted, fingerprint)
    values ({user}, 'binance', 'secret', 'secret', '{name}')
trading_accounts (id, user_id, name, exchange, account_id) values ({account}, {user}, 'main', 'simulated', '{name}')
api_rate_limits (user_id, endpoint, window_start, window_duration_seconds) values ({user}, '/orders', {now}, 60)
trading_strategies (id, user_id, name, strategy_type, parameters)
    values ({strategy}, {user}, 'ema', 'trend_following', '{{}}')
trading_agents (id, user_id, account_id, strategy_id, name, agent_type, configuration)
    values ({agent}, {user}, {account}, {strategy}, 'trend', 'trend_follower', '{{}}')
executors (user_id, account_id, kind, symbol, configuration, intent_key)
    values ({user}, {account}, 'twap', 'BTC/USDT', '{{}}', 'e-{name}')
orders (id, user_id, account_id, client_order_id, venue_client_id, intent_key, symbol, side, type, quantity, exchange)
    values ({order}, {user}, {account}, 'c-{name}', 'v-{name}', 'i-{name}', 'BTC/USDT', 'buy', 'market', 1, 'simulated')
order_requests (user_id, account_id, order_id, kind, state) values ({user}, {account}, {order}, 'cancel', 'requested')
trades (order_id, user_id, account_id, external_trade_id, symbol, side, quantity, price, exchange, executed_at)
    values ({order}, {user}, {account}, 'x-{name}', 'BTC/USDT', 'buy', 1, 100, 'simulated', {now})
trade_evidence (user_id, account_id, order_id, kind, symbol, side, external_trade_id, venue_client_id,
    external_order_id, executed_at)
    values ({user}, {account}, {order}, 'conflict', 'BTC/USDT', 'buy', 'x-{name}', 'v-{name}', 'e-{name}', {now})
trading_signals (user_id, agent_id, symbol, action, strength, price, confidence, created_at)
    values ({user}, {agent}, 'BTC/USDT', 'buy', 80, 100, 0.5, {now})
decisions (user_id, account_id, agent_id, input_position, symbol, action, outcome)
    values ({user}, {account}, {agent}, 7, 'BTC/USDT', 'buy', 'ordered')
ledger_entries (id, user_id, account_id, kind, at) values ({entry}, {user}, {account}, 'opening', {now})
ledger_lines (entry_id, line_no, user_id, account_id, asset, ledger_account, amount)
    values ({entry}, 1, {user}, {account}, 'USDT', 'assets', 5), ({entry}, 2, {user}, {account}, 'USDT', 'equity', -5)
lots (user_id, account_id, symbol, side, quantity, remaining, price, opened_at)
    values ({user}, {account}, 'BTC/USDT', 'buy', 1, 1, 100, {now})
transfers (user_id, account_id, kind, status, asset, quantity, at)
    values ({user}, {account}, 'deposit', 'completed', 'USDT', 5, {now})
positions (user_id, account_id, symbol, size, average_price, exchange)
    values ({user}, {account}, 'BTC/USDT', 1, 100, 'simulated')
balances (user_id, account_id, asset, free, total, exchange) values ({user}, {account}, 'USDT', 5, 5, 'simulated')
portfolio_snapshots (user_id, total_value, snapshot_date) values ({user}, 5, '2026-01-15')
equity_points (user_id, account_id, at, equity, cash, realized_pnl, unrealized_pnl, fees)
    values ({user}, {account}, {now}, 5, 5, 0, 0, 0)
system_logs (level, module, message, user_id, created_at) values ('INFO', 'test', 'hello', {user}, {now})
risk_metrics (user_id, value_at_risk, calculated_at) values ({user}, 1, {now})
risk_alerts (user_id, alert_type, severity, message) values ({user}, 'var_breach', 'high', 'too much')
trading_limits (user_id, limit_type, limit_value) values ({user}, 'daily_loss', 100)
trading_states (user_id, scope, scope_id, state, changed_by) values ({user}, 'user', {user}, 'active', 'test')
halts (id, user_id, scope, scope_id, reason, state, requested_by, requested_at)
    values (gen_random_uuid(), {user}, 'user', {user}, 'test', 'proven', '{name}', {now})
risk_days (user_id, scope, scope_id, day, start_equity, base_equity, high_water_mark)
    values ({user}, 'user', {user}, '2026-01-15', 5, 5, 5)
notification_routes (user_id, name, kind, url_encrypted) values ({user}, 'mine', 'webhook', 'secret')
backtests (user_id, agent_type, parameters, source) values ({user}, 'trend_follower', '{{}}', 'candles.csv')
write_units (id, user_id, n, fence) values (gen_random_uuid(), {user}, 1, 1)
stream_heads (user_id, channel, seq) values ({user}, '', 1)
events (user_id, seq, channel, prev_seq, unit_id, type, payload, at)
    values ({user}, 1, 'orders', 0, gen_random_uuid(), 'OrderAccepted', '{{}}', {now})
cell_leases (user_id, fence, owner, expires_at) values ({user}, 1, gen_random_uuid(), {now})
replay_positions (user_id, session, frame) values ({user}, 's', 1)
watermarks (user_id, account_id, kind, cursor) values ({user}, {account}, 'fills-{name}', '1')
reconciliations (user_id, account_id, trigger, outcome, started_at, finished_at)
    values ({user}, {account}, 'start', 'done', {now}, {now})
discrepancies (user_id, account_id, kind, asset, state) values ({user}, {account}, 'balance', 'USDT', 'open')
idempotency_keys (user_id, key, request_hash, status_code, expires_at) values ({user}, 'k', 'h', 201, {now})
audit_log (user_id, action, outcome) values ({user}, 'login', 'done')
chain_transactions (hash, chain_id, sender, nonce, attempt, user_id, account_id, purpose, raw, max_fee, priority_fee,
    gas_limit, state)
    values ('{name}', 1, '{name}', 0, 0, {user}, {account}, 'swap', 'raw', 1, 1, 21000, 'signed')
chain_nonces (chain_id, sender, user_id, next) values (1, '{name}', {user}, 1)
"""
"""A statement begins at the start of a line; those that others point to come first."""


@dataclass(frozen=True)
class Tenant:
    """A user, and the ids of the rows that others point to."""

    number: int

    def id(self, kind: int) -> UUID:
        """Return the id of this tenant's row of a kind."""
        return UUID(int=self.number << 64 | kind)

    @property
    def user(self) -> UUID:
        """Id in `users`."""
        return self.id(0)

    @property
    def account(self) -> UUID:
        """Id in `trading_accounts`."""
        return self.id(1)

    @property
    def order(self) -> UUID:
        """Id in `orders`."""
        return self.id(2)

    def inserts(self) -> dict[str, str]:
        """Return the statement that inserts the tenant's row, by table, in an order that foreign keys allow."""
        kinds = {"user": 0, "account": 1, "order": 2, "agent": 3, "strategy": 4, "entry": 5}
        ids = {name: f"'{self.id(kind)}'" for name, kind in kinds.items()}
        text = _ROWS.format(name=f"t{self.number}", now=NOW, **ids).strip().replace("\n    ", " ")
        return {line.partition(" ")[0]: f"insert into {line}" for line in text.splitlines()}


TABLES = tuple(Tenant(0).inserts())
"""Every table with a user."""


def owner_column(table: str) -> str:
    """Return the column that says whose a row is."""
    return "id" if table == "users" else "user_id"


async def insert_tenant(connection: Connection, tenant: Tenant) -> None:
    """Insert a row into every table with a user, in one transaction."""
    async with connection.transaction():
        await connection.execute(";".join(tenant.inserts().values()))
