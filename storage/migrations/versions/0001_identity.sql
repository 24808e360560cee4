-- Numbers, times, and who there is: users, sessions, keys, trading accounts, instruments.

-- Every price, quantity and amount. No precision: a fixed scale rounds silently (DECIMAL(20,8) stores 1E-9 as 0).
-- NaN sorts above every number, so the upper bound refuses it together with infinity.
CREATE DOMAIN amount AS numeric
    CONSTRAINT amount_is_finite CHECK (VALUE > -1e38 AND VALUE < 1e38)
-- ;;
CREATE DOMAIN positive_amount AS numeric
    CONSTRAINT amount_is_finite_and_positive CHECK (VALUE > 0 AND VALUE < 1e38)
-- ;;
CREATE DOMAIN unsigned_amount AS numeric
    CONSTRAINT amount_is_finite_and_unsigned CHECK (VALUE >= 0 AND VALUE < 1e38)
-- ;;
-- Numbers that count 1, 2, 3; 0 is before the first.
CREATE DOMAIN sequence_number AS bigint
    CONSTRAINT sequence_number_is_unsigned CHECK (VALUE >= 0)
-- ;;
-- What the tables of the trading path enumerate. Domains and not CHECKs of the tables: the server reads a table's CHECKs
-- anew for every statement (0.1 ms for an order), a domain's once per session.
CREATE DOMAIN order_side AS varchar(10)
    CONSTRAINT order_side_is_known CHECK (VALUE IN ('buy', 'sell'))
-- ;;
CREATE DOMAIN order_type AS varchar(20)
    CONSTRAINT order_type_is_known CHECK (
        VALUE IN ('market', 'limit', 'stop', 'stop_limit', 'take_profit', 'take_profit_limit')
    )
-- ;;
CREATE DOMAIN order_time_in_force AS varchar(10)
    CONSTRAINT order_time_in_force_is_known CHECK (VALUE IN ('GTC', 'IOC', 'FOK'))
-- ;;
CREATE DOMAIN order_status AS varchar(20)
    CONSTRAINT order_status_is_known CHECK (VALUE IN ('pending', 'open', 'partial', 'filled', 'cancelled', 'rejected', 'expired'))
-- ;;
CREATE DOMAIN order_lifecycle AS varchar(20)
    CONSTRAINT order_lifecycle_is_known CHECK (VALUE IN ('created', 'submitting', 'unknown', 'working', 'done'))
-- ;;
CREATE DOMAIN order_done_reason AS varchar(20)
    CONSTRAINT order_done_reason_is_known CHECK (VALUE IN ('filled', 'cancelled', 'expired', 'rejected', 'denied', 'never_existed'))
-- ;;
CREATE DOMAIN order_origin AS varchar(20)
    CONSTRAINT order_origin_is_known CHECK (VALUE IN ('agent', 'api', 'executor', 'external', 'system'))
-- ;;
CREATE DOMAIN position_side AS varchar(10)
    CONSTRAINT position_side_is_known CHECK (VALUE IN ('net', 'long', 'short'))
-- ;;
CREATE DOMAIN trade_liquidity AS varchar(10)
    CONSTRAINT trade_liquidity_is_known CHECK (VALUE IN ('maker', 'taker'))
-- ;;
-- Nanoseconds since 1970 as timestamptz, exact to the microsecond until 2106 (2^32 seconds; a double is too coarse then).
-- Built from immutable parts, so that it is inlined into the writer's INSERT ... SELECT; epoch + interval would be STABLE
-- and cost a function call per value.
CREATE FUNCTION cival_ts(ns bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_timestamp((ns / 1000)::double precision / 1000000)
-- ;;
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) NOT NULL UNIQUE,
    password_hash varchar(255),
    full_name varchar(255),
    role varchar(50) NOT NULL DEFAULT 'trader' CHECK (role IN ('admin', 'trader', 'viewer')),
    is_active boolean NOT NULL DEFAULT true,
    time_zone varchar(64) NOT NULL DEFAULT 'UTC', -- IANA name; the day boundary of limits and snapshots
    external_subject varchar(255) UNIQUE, -- `sub` of a verified foreign token
    last_login_at timestamptz,
    config_hash text, -- of the file's text when it was last applied
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
)
-- ;;
CREATE UNIQUE INDEX uk_user_email_lower ON users (lower(email))
-- ;;
CREATE TABLE user_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash varchar(255) NOT NULL,
    kind varchar(20) NOT NULL DEFAULT 'session' CHECK (kind IN ('session', 'token')),
    name varchar(255),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_session_token UNIQUE (token_hash)
)
-- ;;
CREATE INDEX idx_user_sessions_user ON user_sessions (user_id, expires_at)
-- ;;
CREATE TABLE user_api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    exchange varchar(50) NOT NULL,
    name varchar(255),
    api_key_encrypted text NOT NULL, -- base64 of the versioned blob: nonce, wrapped key, ciphertext
    api_secret_encrypted text NOT NULL,
    passphrase_encrypted text,
    kek_version integer NOT NULL DEFAULT 1,
    fingerprint varchar(64), -- of the public part; finds a key that is used twice
    is_active boolean NOT NULL DEFAULT true,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_api_key_tenant UNIQUE (id, user_id)
)
-- ;;
CREATE INDEX idx_user_api_keys_user ON user_api_keys (user_id, exchange)
-- ;;
-- Two accounts on one live key would share balances and order limits and double each other's positions.
CREATE UNIQUE INDEX uk_api_key_fingerprint ON user_api_keys (exchange, fingerprint) WHERE is_active
-- ;;
CREATE TABLE trading_accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name varchar(255) NOT NULL,
    exchange varchar(50) NOT NULL,
    account_id varchar(255) NOT NULL, -- the venue's own name of the account
    account_type varchar(50) NOT NULL DEFAULT 'spot' CHECK (account_type IN ('spot', 'margin', 'futures')),
    mode varchar(10) NOT NULL DEFAULT 'paper' CHECK (mode IN ('paper', 'live')),
    api_key_id uuid,
    starting_balances jsonb, -- {asset: quantity}; seeds a paper account once
    dead_man_ms bigint CHECK (dead_man_ms > 0), -- silence after which the venue cancels the account's orders
    is_active boolean NOT NULL DEFAULT true,
    config_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, exchange, account_id),
    CONSTRAINT uk_account_name UNIQUE (user_id, exchange, name),
    CONSTRAINT uk_account_tenant UNIQUE (id, user_id),
    CONSTRAINT uk_account_api_key UNIQUE (api_key_id),
    CONSTRAINT fk_account_api_key FOREIGN KEY (api_key_id, user_id) REFERENCES user_api_keys (id, user_id)
)
-- ;;
CREATE TABLE trading_pairs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    symbol varchar(50) NOT NULL,
    base_asset varchar(20) NOT NULL,
    quote_asset varchar(20) NOT NULL,
    settle_asset varchar(20),
    exchange varchar(50) NOT NULL,
    kind varchar(20) NOT NULL DEFAULT 'spot' CHECK (kind IN ('spot', 'perpetual')),
    min_order_size amount,
    max_order_size amount,
    min_notional amount,
    tick_size amount,
    step_size amount,
    contract_size amount,
    maker_fee amount, -- fraction of the notional; below zero is a rebate
    taker_fee amount,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (symbol, exchange)
)
-- ;;
CREATE TABLE exchange_status (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    exchange varchar(50) NOT NULL,
    status varchar(20) NOT NULL CHECK (status IN ('online', 'offline', 'maintenance')),
    last_ping timestamptz,
    response_time_ms integer CHECK (response_time_ms >= 0),
    error_message text,
    detail jsonb, -- rate budget, clock offset
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (exchange)
)
-- ;;
CREATE TABLE api_rate_limits (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    endpoint varchar(255) NOT NULL,
    requests_count integer NOT NULL DEFAULT 0 CHECK (requests_count >= 0),
    window_start timestamptz NOT NULL,
    window_duration_seconds integer NOT NULL CHECK (window_duration_seconds > 0),
    limit_exceeded boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_rate_limit_window UNIQUE (user_id, endpoint, window_start)
)
