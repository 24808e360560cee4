-- What there is: the double-entry ledger is the truth; positions, balances, lots and the series are its projections.

CREATE TABLE ledger_entries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    kind varchar(20) NOT NULL CHECK (kind IN (
        'opening', 'fill', 'fee', 'funding', 'interest', 'deposit', 'withdrawal', 'transfer', 'settlement',
        'liquidation', 'rebate', 'adjustment', 'reversal')),
    trade_id uuid,
    order_id uuid,
    reverses uuid, -- the entry that this one takes back
    memo text,
    correlation_id uuid,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_ledger_entry_tenant UNIQUE (id, user_id),
    CONSTRAINT uk_ledger_entry_reverses UNIQUE (reverses),
    CONSTRAINT fk_ledger_entry_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_ledger_entry_trade FOREIGN KEY (trade_id, user_id) REFERENCES trades (id, user_id),
    CONSTRAINT fk_ledger_entry_order FOREIGN KEY (order_id, user_id) REFERENCES orders (id, user_id),
    CONSTRAINT fk_ledger_entry_reverses FOREIGN KEY (reverses, user_id) REFERENCES ledger_entries (id, user_id)
)
-- ;;
CREATE INDEX idx_ledger_entries_user_at ON ledger_entries (user_id, at DESC)
-- ;;
CREATE INDEX idx_ledger_entries_account_at ON ledger_entries (account_id, at DESC)
-- ;;
CREATE INDEX idx_ledger_entries_order ON ledger_entries (order_id) WHERE order_id IS NOT NULL
-- ;;
CREATE INDEX idx_ledger_entries_trade ON ledger_entries (trade_id) WHERE trade_id IS NOT NULL
-- ;;
CREATE TABLE ledger_lines (
    entry_id uuid NOT NULL,
    line_no smallint NOT NULL CHECK (line_no >= 0),
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    asset varchar(20) NOT NULL,
    ledger_account text NOT NULL, -- such as assets:free, equity:opening, expenses:fees, trading
    amount amount NOT NULL,
    PRIMARY KEY (entry_id, line_no),
    CONSTRAINT fk_ledger_line_entry FOREIGN KEY (entry_id, user_id)
        REFERENCES ledger_entries (id, user_id) ON DELETE CASCADE
)
-- ;;
CREATE INDEX idx_ledger_lines_account ON ledger_lines (account_id, asset, ledger_account)
-- ;;
-- What is in the table balances, so what a statement adds or takes must balance by itself: no look at the table, and one
-- check per statement. (A deferred trigger per line cost 60 us for an entry of four lines; this one is lost in the
-- noise.) So the lines of an entry come in one statement.
CREATE FUNCTION ledger_lines_must_balance() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    unbalanced record;
BEGIN
    SELECT c.entry_id, c.asset, sum(c.amount) AS amount INTO unbalanced
        FROM changed c GROUP BY c.entry_id, c.asset HAVING sum(c.amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger entry %: expected lines of % to sum to 0, was %',
            unbalanced.entry_id, unbalanced.asset, unbalanced.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_lines_must_balance', TABLE = 'ledger_lines';
    END IF;
    RETURN NULL;
END
$$
-- ;;
CREATE TRIGGER ledger_lines_must_balance AFTER INSERT ON ledger_lines
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION ledger_lines_must_balance()
-- ;;
CREATE TRIGGER ledger_lines_must_stay_balanced AFTER DELETE ON ledger_lines
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION ledger_lines_must_balance()
-- ;;
CREATE FUNCTION ledger_lines_do_not_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RAISE EXCEPTION 'ledger_lines: expected a reversal entry, was an update' USING ERRCODE = 'restrict_violation';
END
$$
-- ;;
CREATE TRIGGER ledger_lines_do_not_change BEFORE UPDATE ON ledger_lines
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_lines_do_not_change()
-- ;;
CREATE TABLE lots (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    symbol varchar(50) NOT NULL,
    position_side position_side NOT NULL DEFAULT 'net',
    trade_id uuid,
    side order_side NOT NULL,
    quantity amount NOT NULL CHECK (quantity >= 0), -- 0: its trade has opened nothing after all
    remaining amount NOT NULL CHECK (remaining >= 0 AND remaining <= quantity),
    price amount NOT NULL,
    realized_pnl amount NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fk_lot_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_lot_trade FOREIGN KEY (trade_id, user_id) REFERENCES trades (id, user_id)
) WITH (fillfactor = 70)
-- ;;
CREATE INDEX idx_lots_open ON lots (account_id, symbol, opened_at) WHERE remaining > 0
-- ;;
CREATE INDEX idx_lots_trade ON lots (trade_id) WHERE trade_id IS NOT NULL
-- ;;
CREATE TABLE transfers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    external_transfer_id varchar(255),
    kind varchar(20) NOT NULL CHECK (kind IN ('deposit', 'withdrawal', 'internal')),
    status varchar(20) NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'cancelled')),
    asset varchar(20) NOT NULL,
    quantity amount NOT NULL, -- above zero: into the account
    fees amount NOT NULL DEFAULT 0,
    fee_asset varchar(20),
    network varchar(50),
    address text,
    tx_hash text,
    counter_account_id uuid, -- of an internal transfer
    detail jsonb,
    correlation_id uuid,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_transfer_external UNIQUE (account_id, kind, external_transfer_id),
    CONSTRAINT fk_transfer_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_transfer_counter_account FOREIGN KEY (counter_account_id, user_id)
        REFERENCES trading_accounts (id, user_id)
)
-- ;;
CREATE INDEX idx_transfers_user_at ON transfers (user_id, at DESC)
-- ;;
CREATE TABLE positions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    symbol varchar(50) NOT NULL,
    position_side position_side NOT NULL DEFAULT 'net',
    size amount NOT NULL, -- base units; below zero is short
    average_price amount NOT NULL,
    mark_price amount,
    market_value amount,
    unrealized_pnl amount,
    realized_pnl amount NOT NULL DEFAULT 0,
    fees_paid amount NOT NULL DEFAULT 0,
    leverage amount,
    exchange varchar(50) NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- A user has several accounts: the key is account-wide. Totals per user are in the view `user_positions`.
    CONSTRAINT uk_position_user_symbol UNIQUE (user_id, account_id, symbol, position_side),
    CONSTRAINT fk_position_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id)
) WITH (fillfactor = 60)
-- ;;
CREATE INDEX idx_positions_user_symbol ON positions (user_id, symbol)
-- ;;
CREATE INDEX idx_positions_account ON positions (account_id)
-- ;;
CREATE TABLE balances (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    asset varchar(20) NOT NULL,
    free amount NOT NULL DEFAULT 0,
    locked amount NOT NULL DEFAULT 0,
    total amount NOT NULL DEFAULT 0,
    usd_value amount,
    exchange varchar(50) NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_balance_user_asset UNIQUE (user_id, account_id, asset),
    CONSTRAINT fk_balance_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id)
) WITH (fillfactor = 60)
-- ;;
CREATE INDEX idx_balances_account ON balances (account_id)
-- ;;
-- security_invoker: a view otherwise reads as its owner, past every policy.
CREATE VIEW user_positions WITH (security_invoker = true) AS
    SELECT user_id, symbol, position_side, sum(size) AS size, sum(market_value) AS market_value,
        sum(unrealized_pnl) AS unrealized_pnl, sum(realized_pnl) AS realized_pnl, sum(fees_paid) AS fees_paid,
        count(*) AS accounts, max(updated_at) AS updated_at
    FROM positions GROUP BY user_id, symbol, position_side
-- ;;
CREATE VIEW user_balances WITH (security_invoker = true) AS
    SELECT user_id, asset, sum(free) AS free, sum(locked) AS locked, sum(total) AS total,
        sum(usd_value) AS usd_value, count(*) AS accounts, max(updated_at) AS updated_at
    FROM balances GROUP BY user_id, asset
-- ;;
CREATE TABLE portfolio_snapshots (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    total_value amount NOT NULL,
    total_pnl amount,
    daily_pnl amount,
    positions_count integer NOT NULL DEFAULT 0 CHECK (positions_count >= 0),
    snapshot_date date NOT NULL, -- a day of the user's time zone
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, snapshot_date)
)
-- ;;
CREATE TABLE equity_points (
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    at timestamptz NOT NULL,
    equity amount NOT NULL,
    cash amount NOT NULL,
    realized_pnl amount NOT NULL,
    unrealized_pnl amount NOT NULL,
    fees amount NOT NULL,
    PRIMARY KEY (account_id, at),
    CONSTRAINT fk_equity_point_account FOREIGN KEY (account_id, user_id)
        REFERENCES trading_accounts (id, user_id) ON DELETE CASCADE
) PARTITION BY RANGE (at)
-- ;;
CREATE INDEX idx_equity_points_user_at ON equity_points (user_id, at DESC)
