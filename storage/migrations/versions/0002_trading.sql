-- Who decides (strategies, agents, executors, signals, decisions) and what they ordered (orders, requests, trades).
-- Foreign keys to a row of a tenant are composite: a check ignores row-level security, so `account_id` alone could name
-- another user's account.

CREATE TABLE trading_strategies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name varchar(255) NOT NULL,
    description text,
    strategy_type varchar(50) NOT NULL, -- trend_following, mean_reversion, arbitrage, ...
    parameters jsonb NOT NULL,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    is_active boolean NOT NULL DEFAULT false,
    performance_metrics jsonb,
    config_hash text,
    deleted_at timestamptz, -- orders keep pointing here
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_strategy_tenant UNIQUE (id, user_id)
)
-- ;;
CREATE UNIQUE INDEX uk_strategy_name_version ON trading_strategies (user_id, name, version) WHERE deleted_at IS NULL
-- ;;
CREATE TABLE trading_agents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    strategy_id uuid,
    name varchar(255) NOT NULL,
    agent_type varchar(50) NOT NULL, -- trend_follower, mean_reversion, arbitrageur, sentiment, ...
    symbols text[] NOT NULL DEFAULT '{}',
    configuration jsonb NOT NULL,
    allocation amount, -- quote units that the agent may have at work; NULL: no limit of its own
    version integer NOT NULL DEFAULT 1 CHECK (version > 0), -- part of each intent key
    status varchar(20) NOT NULL DEFAULT 'inactive' CHECK (status IN ('active', 'inactive', 'paused', 'error')),
    status_reason text,
    state jsonb, -- the model's own memory after `input_position`
    input_position bigint NOT NULL DEFAULT 0, -- the last bar or event that was decided on
    performance jsonb,
    last_decision_at timestamptz,
    config_hash text,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_agent_tenant UNIQUE (id, user_id),
    CONSTRAINT fk_agent_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_agent_strategy FOREIGN KEY (strategy_id, user_id) REFERENCES trading_strategies (id, user_id)
) WITH (fillfactor = 70)
-- ;;
CREATE UNIQUE INDEX uk_agent_name ON trading_agents (user_id, account_id, name) WHERE deleted_at IS NULL
-- ;;
CREATE INDEX idx_trading_agents_account ON trading_agents (account_id)
-- ;;
CREATE INDEX idx_trading_agents_strategy ON trading_agents (strategy_id) WHERE strategy_id IS NOT NULL
-- ;;
CREATE TABLE executors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    agent_id uuid,
    strategy_id uuid,
    kind varchar(20) NOT NULL CHECK (kind IN ('bracket', 'twap', 'grid', 'dca', 'chase')),
    symbol varchar(50) NOT NULL,
    side order_side,
    configuration jsonb NOT NULL,
    state jsonb,
    slots jsonb, -- one object per slot: its order, its generation
    generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0), -- part of each intent key
    status varchar(20) NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'paused', 'stopping', 'done', 'cancelled', 'error')),
    status_reason text,
    intent_key varchar(255) NOT NULL,
    realized_pnl amount NOT NULL DEFAULT 0,
    correlation_id uuid,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_executor_tenant UNIQUE (id, user_id),
    CONSTRAINT uk_executor_intent UNIQUE (account_id, intent_key),
    CONSTRAINT fk_executor_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_executor_agent FOREIGN KEY (agent_id, user_id) REFERENCES trading_agents (id, user_id),
    CONSTRAINT fk_executor_strategy FOREIGN KEY (strategy_id, user_id) REFERENCES trading_strategies (id, user_id)
) WITH (fillfactor = 70)
-- ;;
CREATE INDEX idx_executors_user_status ON executors (user_id, status)
-- ;;
CREATE TABLE orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    external_order_id varchar(255), -- the venue's id
    client_order_id varchar(255) NOT NULL, -- the caller's id, else the same as `id`
    venue_client_id varchar(255) NOT NULL, -- ours, as the venue knows it; committed before it is sent
    intent_key varchar(255) NOT NULL, -- derived from the maker's input: one decision, one order
    last_intent_key varchar(255), -- of the last repeat folded into a denial
    symbol varchar(50) NOT NULL,
    side order_side NOT NULL,
    type order_type NOT NULL,
    quantity positive_amount NOT NULL,
    price amount,
    stop_price amount,
    time_in_force order_time_in_force NOT NULL DEFAULT 'GTC',
    post_only boolean NOT NULL DEFAULT false,
    reduce_only boolean NOT NULL DEFAULT false,
    position_side position_side NOT NULL DEFAULT 'net',
    status order_status NOT NULL DEFAULT 'pending',
    status_detail varchar(50),
    lifecycle order_lifecycle NOT NULL DEFAULT 'created',
    done_reason order_done_reason,
    filled_quantity unsigned_amount NOT NULL DEFAULT 0, -- may exceed `quantity`: fills are law
    average_price amount,
    fees amount NOT NULL DEFAULT 0,
    fee_asset varchar(20),
    exchange varchar(50) NOT NULL,
    origin order_origin NOT NULL DEFAULT 'api',
    agent_id uuid,
    strategy_id uuid,
    executor_id uuid,
    signal_id uuid, -- no foreign key: signals are partitioned and leave by the month
    correlation_id uuid,
    causation_id uuid,
    fence bigint, -- of the lease under which the intent was written
    send_by timestamptz, -- past it nothing is sent
    request jsonb, -- the exact request
    denial_code varchar(50),
    denial_limit text,
    denial_value text,
    denial_count sequence_number NOT NULL DEFAULT 0,
    late_fill boolean NOT NULL DEFAULT false,
    missing_quantity unsigned_amount NOT NULL DEFAULT 0, -- what the venue counts as filled beyond the trades it gave
    stale boolean NOT NULL DEFAULT false,
    venue_updated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_order_tenant UNIQUE (id, user_id),
    CONSTRAINT uk_order_client UNIQUE (account_id, client_order_id),
    CONSTRAINT uk_order_venue_client UNIQUE (account_id, venue_client_id),
    CONSTRAINT uk_order_intent UNIQUE (account_id, intent_key),
    -- Venue ids are unique per symbol only.
    CONSTRAINT uk_order_external UNIQUE (account_id, symbol, external_order_id),
    CONSTRAINT fk_order_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_order_agent FOREIGN KEY (agent_id, user_id) REFERENCES trading_agents (id, user_id),
    CONSTRAINT fk_order_strategy FOREIGN KEY (strategy_id, user_id) REFERENCES trading_strategies (id, user_id),
    CONSTRAINT fk_order_executor FOREIGN KEY (executor_id, user_id) REFERENCES executors (id, user_id),
    CONSTRAINT order_done_has_a_reason CHECK ((lifecycle = 'done') = (done_reason IS NOT NULL)),
    CONSTRAINT order_status_fits_lifecycle CHECK (
        (lifecycle = 'done') = (status IN ('filled', 'cancelled', 'rejected', 'expired')))
) WITH (fillfactor = 80)
-- ;;
CREATE INDEX idx_orders_user_status ON orders (user_id, status)
-- ;;
CREATE INDEX idx_orders_symbol_created ON orders (symbol, created_at DESC)
-- ;;
CREATE INDEX idx_orders_user_created ON orders (user_id, created_at DESC, id DESC)
-- ;;
CREATE INDEX idx_orders_open ON orders (account_id)
    WHERE lifecycle <> 'done' OR missing_quantity > 0 OR status_detail = 'exists_after_all'
-- ;;
-- The id is for sums over all trades of an agent, which then need not look at a million orders.
CREATE INDEX idx_orders_agent ON orders (agent_id, created_at DESC) INCLUDE (id) WHERE agent_id IS NOT NULL
-- ;;
CREATE INDEX idx_orders_executor ON orders (executor_id) WHERE executor_id IS NOT NULL
-- ;;
CREATE TABLE order_requests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    order_id uuid NOT NULL,
    kind varchar(10) NOT NULL CHECK (kind IN ('cancel', 'amend')),
    state varchar(20) NOT NULL CHECK (state IN ('requested', 'acked', 'refused', 'unknown')),
    quantity amount,
    price amount,
    stop_price amount,
    reason text,
    answer_code varchar(50),
    request jsonb,
    fence bigint,
    send_by timestamptz,
    correlation_id uuid,
    causation_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fk_order_request_order FOREIGN KEY (order_id, user_id) REFERENCES orders (id, user_id) ON DELETE CASCADE,
    CONSTRAINT fk_order_request_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id)
)
-- ;;
CREATE INDEX idx_order_requests_order ON order_requests (order_id, created_at)
-- ;;
CREATE INDEX idx_order_requests_open ON order_requests (account_id) WHERE state IN ('requested', 'unknown')
-- ;;
CREATE TABLE trades (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    external_trade_id varchar(255) NOT NULL, -- of an inferred fill: made by us
    symbol varchar(50) NOT NULL,
    side order_side NOT NULL,
    position_side position_side NOT NULL DEFAULT 'net',
    quantity positive_amount NOT NULL,
    price amount NOT NULL,
    fees amount NOT NULL DEFAULT 0,
    fee_asset varchar(20),
    liquidity trade_liquidity,
    inferred boolean NOT NULL DEFAULT false,
    voided_by uuid, -- the trade that replaces it, or itself where the venue voided it
    realized_pnl amount NOT NULL DEFAULT 0,
    exchange varchar(50) NOT NULL,
    correlation_id uuid,
    executed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_trade_tenant UNIQUE (id, user_id),
    CONSTRAINT fk_trade_order FOREIGN KEY (order_id, user_id) REFERENCES orders (id, user_id),
    CONSTRAINT fk_trade_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id)
)
-- ;;
-- Of the reports of one trade of the venue at most one counts.
CREATE UNIQUE INDEX uk_trade_external ON trades (account_id, symbol, external_trade_id, side) WHERE voided_by IS NULL
-- ;;
-- What a symbol's position was last made of, in the order in which it was booked (ids count upwards).
CREATE INDEX idx_trades_symbol ON trades (account_id, symbol, id) WHERE voided_by IS NULL
-- ;;
CREATE INDEX idx_trades_user_executed ON trades (user_id, executed_at DESC)
-- ;;
CREATE INDEX idx_trades_order ON trades (order_id)
-- ;;
-- Fills that we made up because the venue could not give them, and that no real ones have replaced yet: few.
CREATE INDEX idx_trades_inferred ON trades (account_id, created_at) WHERE inferred AND voided_by IS NULL
-- ;;
-- Reports about trades that are not booked: contradictions, and what the venue took back.
CREATE TABLE trade_evidence (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    order_id uuid, -- NULL where no order of ours is known for it
    kind varchar(10) NOT NULL CHECK (kind IN ('conflict', 'void', 'unlisted')),
    symbol varchar(50) NOT NULL,
    side order_side NOT NULL,
    external_trade_id varchar(255) NOT NULL,
    venue_client_id varchar(255) NOT NULL,
    external_order_id varchar(255) NOT NULL,
    quantity amount,
    price amount,
    fees amount,
    fee_asset varchar(20),
    liquidity trade_liquidity,
    executed_at timestamptz NOT NULL,
    correlation_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fk_trade_evidence_order FOREIGN KEY (order_id, user_id) REFERENCES orders (id, user_id),
    CONSTRAINT fk_trade_evidence_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id)
)
-- ;;
CREATE INDEX idx_trade_evidence_order ON trade_evidence (order_id) WHERE order_id IS NOT NULL
-- ;;
CREATE INDEX idx_trade_evidence_account ON trade_evidence (account_id, created_at) WHERE order_id IS NULL
-- ;;
-- Partitioned by month: it grows with every decision, and nothing points to it.
CREATE TABLE trading_signals (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    strategy_id uuid,
    agent_id uuid,
    symbol varchar(50) NOT NULL,
    action varchar(10) NOT NULL CHECK (action IN ('buy', 'sell', 'hold')),
    strength amount NOT NULL CHECK (strength BETWEEN 0 AND 100),
    price amount NOT NULL,
    confidence amount NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    reasoning text,
    metadata jsonb,
    correlation_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at),
    CONSTRAINT fk_signal_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_signal_strategy FOREIGN KEY (strategy_id, user_id) REFERENCES trading_strategies (id, user_id),
    CONSTRAINT fk_signal_agent FOREIGN KEY (agent_id, user_id) REFERENCES trading_agents (id, user_id)
) PARTITION BY RANGE (created_at)
-- ;;
CREATE INDEX idx_signals_created ON trading_signals (created_at DESC)
-- ;;
CREATE INDEX idx_signals_user_created ON trading_signals (user_id, created_at DESC)
-- ;;
CREATE TABLE decisions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    strategy_id uuid,
    version integer NOT NULL DEFAULT 1, -- of the agent when it decided
    input_position bigint NOT NULL, -- the bar or event it decided on
    symbol varchar(50) NOT NULL,
    action varchar(10) NOT NULL CHECK (action IN ('buy', 'sell', 'hold')),
    intent_key varchar(255), -- NULL where no order was wanted
    quantity amount,
    price amount,
    signal_id uuid,
    order_id uuid, -- no foreign key: the decision is written before its order
    outcome varchar(20) NOT NULL CHECK (outcome IN ('ordered', 'netted', 'held', 'denied', 'skipped')),
    reason text,
    detail jsonb,
    correlation_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_decision_intent UNIQUE (agent_id, intent_key),
    CONSTRAINT fk_decision_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_decision_agent FOREIGN KEY (agent_id, user_id) REFERENCES trading_agents (id, user_id)
)
-- ;;
CREATE INDEX idx_decisions_user_created ON decisions (user_id, created_at DESC)
