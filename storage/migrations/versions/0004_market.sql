-- Public market data and logs: no user, written in bulk, partitioned by month where they grow.

-- The natural key is the primary key (3.6 times the rate of a uuid key with a unique beside it); it carries the name of
-- the index that it replaces.
CREATE TABLE market_data_ohlcv (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    symbol varchar(50) NOT NULL,
    exchange varchar(50) NOT NULL,
    timeframe varchar(10) NOT NULL, -- 1m, 5m, 1h, 1d
    open_time timestamptz NOT NULL,
    close_time timestamptz NOT NULL,
    open_price amount NOT NULL,
    high_price amount NOT NULL,
    low_price amount NOT NULL,
    close_price amount NOT NULL,
    volume amount NOT NULL,
    quote_volume amount,
    trades_count integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idx_market_data_symbol_time PRIMARY KEY (symbol, timeframe, exchange, open_time),
    CONSTRAINT ohlcv_range CHECK (
        low_price <= open_price AND low_price <= close_price AND high_price >= open_price AND high_price >= close_price)
) PARTITION BY RANGE (open_time)
-- ;;
-- The newest price only: half-empty pages keep each update on its page (HOT), and no index holds a changing column.
-- UNLOGGED: after a crash the table is empty and the feed fills it again.
CREATE UNLOGGED TABLE price_tickers (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    symbol varchar(50) NOT NULL,
    exchange varchar(50) NOT NULL,
    price amount NOT NULL,
    bid_price amount,
    ask_price amount,
    volume_24h amount,
    change_24h amount,
    updated_at timestamptz NOT NULL,
    CONSTRAINT uk_ticker_symbol_exchange PRIMARY KEY (symbol, exchange)
) WITH (fillfactor = 50)
-- ;;
CREATE TABLE order_book_snapshots (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    symbol varchar(50) NOT NULL,
    exchange varchar(50) NOT NULL,
    bids jsonb NOT NULL, -- [[price, quantity], ...], best first
    asks jsonb NOT NULL,
    timestamp timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at)
-- ;;
CREATE INDEX idx_order_books_symbol_time ON order_book_snapshots (symbol, exchange, timestamp DESC)
-- ;;
CREATE TABLE system_logs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    level varchar(20) NOT NULL CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),
    module varchar(100) NOT NULL,
    message text NOT NULL,
    data jsonb,
    user_id uuid, -- NULL: of the engine itself
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at),
    CONSTRAINT fk_log_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) PARTITION BY RANGE (created_at)
-- ;;
CREATE INDEX idx_logs_level_created ON system_logs (level, created_at DESC)
-- ;;
CREATE INDEX idx_logs_created ON system_logs (created_at DESC)
-- ;;
-- Each partition gets row-level security of its own without a policy: read directly it would ignore its parent's.
CREATE FUNCTION ensure_month(table_name text, month date) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
    AS $$
DECLARE
    first_day constant date := date_trunc('month', month)::date;
    next_month constant date := (date_trunc('month', month) + interval '1 month')::date;
    partition_name constant text := table_name || '_' || to_char(first_day, '"y"YYYY"m"MM');
BEGIN
    IF table_name IS NULL OR table_name NOT IN (
        'market_data_ohlcv', 'order_book_snapshots', 'system_logs', 'trading_signals', 'equity_points')
    THEN
        RAISE EXCEPTION 'ensure_month: expected a table partitioned by month, was %', coalesce(table_name, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF month IS NULL OR month NOT BETWEEN date '2000-01-01' AND date '2199-12-31' THEN
        RAISE EXCEPTION 'ensure_month: expected a month from 2000 to 2199, was %', coalesce(month::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(format('public.%I', partition_name)) IS NOT NULL THEN
        RETURN partition_name;
    END IF;
    -- Two writers may want the same month: the second waits here. Looking for the table again would not do, since an
    -- advisory lock brings no news of other sessions' catalogue changes (seen); IF NOT EXISTS looks afresh.
    PERFORM pg_advisory_xact_lock(hashtextextended('cival.partition.' || partition_name, 0));
    -- Bounds with an explicit zone: a month must not depend on the session's time zone.
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
        partition_name, table_name, first_day || ' 00:00:00+00', next_month || ' 00:00:00+00');
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', partition_name);
    RETURN partition_name;
END
$$
-- ;;
CREATE FUNCTION drop_month(table_name text, month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    partition_name constant text := table_name || '_' || to_char(month, '"y"YYYY"m"MM');
BEGIN
    IF table_name IS NULL OR month IS NULL OR table_name NOT IN (
        'market_data_ohlcv', 'order_book_snapshots', 'system_logs', 'trading_signals', 'equity_points')
    THEN
        RAISE EXCEPTION 'drop_month: expected a table partitioned by month, was %', coalesce(table_name, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(format('public.%I', partition_name)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE public.%I', partition_name);
    RETURN true;
END
$$
-- ;;
-- A row whose month was not made lands here instead of being refused. Stays empty: `cival check` looks.
DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY[
        'market_data_ohlcv', 'order_book_snapshots', 'system_logs', 'trading_signals', 'equity_points']
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_default', parent);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', parent || '_default');
    END LOOP;
END
$$
