-- Risk: what was measured, what was alarmed, what is allowed, what is halted; and how people are told.

CREATE TABLE risk_metrics (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    portfolio_risk amount,
    value_at_risk amount,
    max_drawdown amount,
    sharpe_ratio amount,
    position_risks jsonb, -- {symbol: risk_score}
    equity amount,
    high_water_mark amount, -- read at start: a drawdown limit must not forget it
    day_start_equity amount,
    gross_exposure amount,
    net_exposure amount,
    leverage amount,
    calculated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
-- ;;
CREATE INDEX idx_risk_metrics_user_calculated ON risk_metrics (user_id, calculated_at DESC)
-- ;;
CREATE TABLE risk_alerts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    alert_type varchar(50) NOT NULL, -- var_breach, drawdown_limit, position_risk, late_fill, ...
    severity varchar(20) NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    message text NOT NULL,
    data jsonb,
    account_id uuid,
    agent_id uuid,
    correlation_id uuid,
    acknowledged boolean NOT NULL DEFAULT false,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fk_risk_alert_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_risk_alert_agent FOREIGN KEY (agent_id, user_id) REFERENCES trading_agents (id, user_id)
)
-- ;;
CREATE INDEX idx_risk_alerts_user_created ON risk_alerts (user_id, created_at DESC)
-- ;;
CREATE TABLE trading_limits (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    limit_type varchar(50) NOT NULL, -- daily_loss, position_size, leverage, order_notional, ...
    symbol varchar(50), -- NULL for every symbol
    scope varchar(20) NOT NULL DEFAULT 'user' CHECK (scope IN ('engine', 'user', 'account', 'agent')),
    account_id uuid,
    agent_id uuid,
    exchange varchar(50),
    asset varchar(20),
    limit_value amount NOT NULL,
    current_value amount DEFAULT 0,
    action varchar(20) NOT NULL DEFAULT 'deny' CHECK (action IN ('alert', 'deny', 'reduce', 'halt', 'flatten')),
    window_seconds integer CHECK (window_seconds > 0),
    tripped_at timestamptz, -- stays set until a person resumes: a restart must not forget a loss
    is_active boolean NOT NULL DEFAULT true,
    config_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_limit_scope UNIQUE NULLS NOT DISTINCT
        (user_id, limit_type, scope, account_id, agent_id, exchange, symbol, asset, window_seconds),
    CONSTRAINT fk_limit_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_limit_agent FOREIGN KEY (agent_id, user_id) REFERENCES trading_agents (id, user_id),
    CONSTRAINT limit_scope_names_its_object CHECK (
        CASE scope WHEN 'account' THEN account_id IS NOT NULL WHEN 'agent' THEN agent_id IS NOT NULL ELSE true END)
)
-- ;;
CREATE TABLE trading_states (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scope varchar(20) NOT NULL CHECK (scope IN ('engine', 'user', 'account', 'agent')),
    scope_id uuid NOT NULL, -- the account or agent; of `user` and `engine` the user
    state varchar(20) NOT NULL CHECK (state IN ('active', 'reducing', 'halted')),
    reason text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL,
    PRIMARY KEY (user_id, scope, scope_id)
)
-- ;;
-- One use of the kill switch, and what is proven of it. A halt of the whole engine has one row for each user.
CREATE TABLE halts (
    id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scope varchar(20) NOT NULL CHECK (scope IN ('engine', 'user', 'account', 'agent')),
    scope_id uuid NOT NULL, -- as in trading_states
    reason text NOT NULL,
    flatten boolean NOT NULL DEFAULT false,
    state varchar(20) NOT NULL CHECK (state IN ('requested', 'verifying', 'proven', 'unproven', 'lifted')),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    report jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (user_id, id)
)
-- ;;
CREATE INDEX idx_halts_requested ON halts (user_id, requested_at DESC)
-- ;;
CREATE TABLE risk_days (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scope varchar(20) NOT NULL CHECK (scope IN ('user', 'account')),
    scope_id uuid NOT NULL, -- as in trading_states
    day date NOT NULL, -- in the user's time zone
    start_equity amount NOT NULL,
    base_equity amount NOT NULL, -- what the loss is measured from: the start, or the equity at the last resume
    high_water_mark amount NOT NULL,
    unpriced text[] NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, scope, scope_id)
)
-- ;;
CREATE TABLE notification_routes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name varchar(255) NOT NULL,
    kind varchar(20) NOT NULL, -- webhook, telegram, slack, mail, ...
    url_encrypted text NOT NULL, -- holds tokens
    severities text[] NOT NULL DEFAULT '{high,critical}',
    events text[] NOT NULL DEFAULT '{}', -- empty: all
    is_active boolean NOT NULL DEFAULT true,
    config_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_notification_route_name UNIQUE (user_id, name)
)
-- ;;
CREATE TABLE backtests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name varchar(255),
    agent_type varchar(50) NOT NULL,
    parameters jsonb NOT NULL,
    symbols text[] NOT NULL DEFAULT '{}',
    source text NOT NULL, -- path or name of the data
    period_start timestamptz,
    period_end timestamptz,
    status varchar(20) NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    progress amount NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    statistics jsonb,
    error text,
    seed bigint,
    started_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
)
-- ;;
CREATE INDEX idx_backtests_user_created ON backtests (user_id, created_at DESC)
