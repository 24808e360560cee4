-- The paper venue's own truth. The engine never reads it; no foreign key and no transaction joins it with `public`.

CREATE SCHEMA paper
-- ;;
-- Which process runs a venue: two would match the same orders twice. Each commit of the venue holds this row.
CREATE TABLE paper.owners (
    venue varchar(50) PRIMARY KEY,
    epoch bigint NOT NULL CHECK (epoch > 0), -- grows at each take-over
    owner uuid NOT NULL, -- node id of a data directory
    holder text NOT NULL, -- the process, for people
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50)
-- ;;
CREATE TABLE paper.accounts (
    account_id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    venue varchar(50) NOT NULL,
    kind varchar(20) NOT NULL CHECK (kind IN ('spot', 'margin')),
    starting_balances jsonb NOT NULL, -- what `paper.balances` was seeded with, once
    created_at timestamptz NOT NULL DEFAULT now()
)
-- ;;
CREATE TABLE paper.balances (
    account_id uuid NOT NULL REFERENCES paper.accounts (account_id) ON DELETE CASCADE,
    asset varchar(20) NOT NULL,
    free amount NOT NULL DEFAULT 0,
    locked unsigned_amount NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, asset)
) WITH (fillfactor = 60)
-- ;;
CREATE TABLE paper.positions (
    account_id uuid NOT NULL REFERENCES paper.accounts (account_id) ON DELETE CASCADE,
    symbol varchar(50) NOT NULL,
    size amount NOT NULL, -- base units; below zero is short
    entry_price amount NOT NULL,
    realized_pnl amount NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, symbol)
) WITH (fillfactor = 60)
-- ;;
-- Rows stay for ever: the primary key is what refuses a repeated client id.
CREATE TABLE paper.orders (
    account_id uuid NOT NULL REFERENCES paper.accounts (account_id) ON DELETE CASCADE,
    venue_client_id varchar(255) NOT NULL,
    external_order_id varchar(255) NOT NULL,
    venue varchar(50) NOT NULL,
    symbol varchar(50) NOT NULL,
    side order_side NOT NULL,
    type order_type NOT NULL,
    quantity positive_amount NOT NULL,
    price amount,
    stop_price amount,
    time_in_force order_time_in_force NOT NULL,
    post_only boolean NOT NULL DEFAULT false,
    reduce_only boolean NOT NULL DEFAULT false,
    state varchar(20) NOT NULL CHECK (state IN ('pending', 'open', 'filled', 'cancelled', 'expired', 'rejected')),
    reject_code varchar(50),
    filled_quantity unsigned_amount NOT NULL DEFAULT 0 CHECK (filled_quantity <= quantity),
    queue_ahead amount, -- quantity at the same price that trades first; NULL where the order does not rest
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, venue_client_id),
    CONSTRAINT uk_paper_order_external UNIQUE (venue, external_order_id)
) WITH (fillfactor = 80)
-- ;;
CREATE INDEX idx_paper_orders_open ON paper.orders (venue, account_id) WHERE state IN ('pending', 'open')
-- ;;
CREATE TABLE paper.trades (
    venue varchar(50) NOT NULL,
    cursor bigint NOT NULL CHECK (cursor > 0), -- counts per venue
    account_id uuid NOT NULL,
    venue_client_id varchar(255) NOT NULL,
    external_order_id varchar(255) NOT NULL,
    external_trade_id varchar(255) NOT NULL,
    symbol varchar(50) NOT NULL,
    side order_side NOT NULL,
    price amount NOT NULL,
    quantity positive_amount NOT NULL,
    fee amount NOT NULL DEFAULT 0,
    fee_asset varchar(20) NOT NULL,
    liquidity trade_liquidity NOT NULL,
    executed_at timestamptz NOT NULL,
    PRIMARY KEY (venue, cursor),
    CONSTRAINT uk_paper_trade_external UNIQUE (account_id, symbol, external_trade_id, side),
    CONSTRAINT fk_paper_trade_order FOREIGN KEY (account_id, venue_client_id)
        REFERENCES paper.orders (account_id, venue_client_id)
)
-- ;;
CREATE INDEX idx_paper_trades_account ON paper.trades (account_id, cursor)
-- ;;
CREATE INDEX idx_paper_trades_order ON paper.trades (account_id, venue_client_id)
-- ;;
CREATE TABLE paper.position (
    venue varchar(50) NOT NULL,
    session text NOT NULL,
    frame bigint NOT NULL CHECK (frame >= 0), -- the replayed frame that the venue has matched
    last_order_id bigint NOT NULL DEFAULT 0,
    last_trade_id bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (venue, session)
) WITH (fillfactor = 50)
-- ;;
-- A batch whose commit answer was lost is given again under the same id and changes nothing.
CREATE TABLE paper.batches (
    id uuid PRIMARY KEY,
    committed_at timestamptz NOT NULL DEFAULT now()
)
-- ;;
CREATE INDEX idx_paper_batches_committed ON paper.batches USING brin (committed_at)
